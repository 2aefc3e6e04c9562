import { describe, expect, test } from 'vitest';
import {
  type DType,
  DTypeError,
  type Nested,
  ShapeError,
  Tensor,
  type TensorData,
  tensor,
} from '../examples/support.ts';

describe('from nested arrays', () => {
  test('takes the shape from the nesting and float32 by default', () => {
    const t = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(t.shape).toEqual([2, 3]);
    expect(t.dtype).toBe('float32');
    expect(t.data).toEqual(new Float32Array([1, 2, 3, 4, 5, 6]));
    expect(t.size).toBe(6);
  });

  test.each<[Nested, number[]]>([
    [5, []],
    [[], [0]],
    [
      [[], []],
      [2, 0],
    ],
    [
      [[[]], [[]]],
      [2, 1, 0],
    ],
    [[[[1], [2]]], [1, 2, 1]],
  ])('%j has shape %j', (data, shape) => {
    expect(tensor(data).shape).toEqual(shape);
    expect(tensor(data).toArray()).toEqual(data);
  });

  test('booleans make a bool tensor, and come back as booleans', () => {
    const t = tensor([true, false]);
    expect(t.dtype).toBe('bool');
    expect(t.data).toEqual(new Uint8Array([1, 0]));
    expect(t.toArray()).toEqual([true, false]);
    expect(tensor(true).toArray()).toBe(true);
    expect(tensor([true, 2]).dtype).toBe('float32');
    expect(tensor([0, 2, -3], { dtype: 'bool' }).toArray()).toEqual([false, true, true]);
  });

  test('flat data may be given a shape', () => {
    expect(tensor([1, 2, 3, 4], { shape: [2, 2] }).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test.each<[Nested, string]>([
    [[[1, 2], [3]], 'tensor: rows differ in length: 1 elements where 2 were expected at depth 1'],
    [[[1], [2, 3]], 'tensor: rows differ in length: 2 elements where 1 were expected at depth 1'],
    [[[1, 2], 3], 'tensor: a number stands where an array of depth 1 should'],
    [[1, [2]], 'tensor: rows differ in length: 1 elements where a number was expected at depth 1'],
    [[[], [1]], 'tensor: rows differ in length: 1 elements where 0 were expected at depth 1'],
  ])('%j is ragged', (data, message) => {
    expect(() => tensor(data)).toThrow(ShapeError);
    expect(() => tensor(data)).toThrow(message);
  });

  test('what is not a number is refused', () => {
    const cases: [unknown, string][] = [
      ['1', 'tensor: "1" is neither a number nor a boolean'],
      [[1, null], 'tensor: null is neither a number nor a boolean'],
      [[1, undefined], 'tensor: undefined is neither a number nor a boolean'],
      [{ a: 1 }, 'tensor: object is neither a number nor a boolean'],
    ];
    for (const [data, message] of cases) {
      expect(() => tensor(data as TensorData)).toThrow(DTypeError);
      expect(() => tensor(data as TensorData)).toThrow(message);
    }
  });
});

describe('the range of a dtype', () => {
  test.each<[number, DType]>([
    [0.5, 'int32'],
    [Number.NaN, 'int32'],
    [Number.POSITIVE_INFINITY, 'int32'],
    [2 ** 31, 'int32'],
    [-(2 ** 31) - 1, 'int32'],
    [256, 'uint8'],
    [-1, 'uint8'],
    [Number.NaN, 'uint8'],
  ])('%f does not fit %s', (value, dtype) => {
    expect(() => tensor([value], { dtype })).toThrow(DTypeError);
    expect(() => tensor([value], { dtype })).toThrow(`tensor: ${value} is not an ${dtype}`);
    expect(() => tensor(new Float64Array([value]), { dtype })).toThrow(DTypeError);
  });

  test.each<[number, DType]>([
    [2 ** 31 - 1, 'int32'],
    [-(2 ** 31), 'int32'],
    [0, 'uint8'],
    [255, 'uint8'],
    [Number.NaN, 'float32'],
    [Number.NEGATIVE_INFINITY, 'float64'],
    [-0, 'float32'],
  ])('%f fits %s', (value, dtype) => {
    expect(tensor(value, { dtype }).item()).toBe(value);
  });

  test('float64 keeps every digit, float32 rounds to nearest', () => {
    expect(tensor(0.1, { dtype: 'float64' }).item()).toBe(0.1);
    expect(tensor(0.1).item()).toBe(Math.fround(0.1));
  });
});

describe('from typed arrays', () => {
  test('takes the dtype of the array', () => {
    expect(tensor(new Float32Array(2)).dtype).toBe('float32');
    expect(tensor(new Float64Array(2)).dtype).toBe('float64');
    expect(tensor(new Int32Array(2)).dtype).toBe('int32');
    expect(tensor(new Uint8Array(2)).dtype).toBe('uint8');
    expect(tensor(new Float64Array(2)).shape).toEqual([2]);
  });

  test('keeps an array that fits, and converts one that does not', () => {
    const data = new Float32Array([1, 2, 3, 4]);
    expect(tensor(data, { shape: [2, 2] }).data).toBe(data);
    const converted = tensor(data, { dtype: 'int32' });
    expect(converted.data).toEqual(new Int32Array([1, 2, 3, 4]));
    expect(tensor(new Uint8Array([0, 7]), { dtype: 'bool' }).data).toEqual(new Uint8Array([0, 1]));
  });

  test('checks the number of elements', () => {
    expect(() => tensor(new Float32Array(5), { shape: [2, 2] })).toThrow(ShapeError);
    expect(() => tensor(new Float32Array(5), { shape: [2, 2] })).toThrow(
      'tensor: 5 elements do not fill shape [2, 2] (4 elements)',
    );
    expect(() => new Tensor([3], 'float32', new Float32Array(2))).toThrow(ShapeError);
  });
});

describe('reading', () => {
  test('item takes the one element, whatever the rank', () => {
    expect(tensor([[7]]).item()).toBe(7);
    expect(() => tensor([1, 2]).item()).toThrow(ShapeError);
    expect(() => tensor([1, 2]).item()).toThrow('item: a tensor of shape [2] has 2 elements, not one');
    expect(() => tensor([]).item()).toThrow('item: a tensor of shape [0] has 0 elements, not one');
  });

  test('prints its numbers and its type', () => {
    expect(String(tensor([[1, 2]]))).toBe('tensor([[1,2]], float32[1, 2])');
    expect(String(tensor(3, { dtype: 'int32' }))).toBe('tensor(3, int32[])');
  });
});
