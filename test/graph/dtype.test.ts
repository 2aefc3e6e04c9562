import { describe, expect, test } from 'vitest';
import {
  add,
  cast,
  concat,
  DTYPES,
  type DType,
  DTypeError,
  div,
  exp,
  input,
  isFloat,
  matmul,
  max,
  mean,
  mul,
  promote,
  sum,
  tensor,
  toFloat,
  toSum,
  valueOf,
  weakDType,
  where,
} from '../examples/support.ts';

const of = (dtype: DType) => input([2], { dtype });

describe('promotion', () => {
  const table: Record<DType, Record<DType, DType>> = {
    bool: { bool: 'bool', uint8: 'uint8', int32: 'int32', float32: 'float32', float64: 'float64' },
    uint8: { bool: 'uint8', uint8: 'uint8', int32: 'int32', float32: 'float32', float64: 'float64' },
    int32: { bool: 'int32', uint8: 'int32', int32: 'int32', float32: 'float32', float64: 'float64' },
    float32: { bool: 'float32', uint8: 'float32', int32: 'float32', float32: 'float32', float64: 'float64' },
    float64: { bool: 'float64', uint8: 'float64', int32: 'float64', float32: 'float64', float64: 'float64' },
  };
  const cells = DTYPES.flatMap((a) => DTYPES.map((b) => [a, b, table[a][b]] as const));

  test.each(cells)('%s with %s gives %s', (a, b, expected) => {
    expect(promote(a, b)).toBe(expected);
  });

  test.each(cells)('where chooses between %s and %s as %s', (a, b, expected) => {
    expect(where(of('bool'), of(a), of(b)).dtype).toBe(expected);
    expect(concat([of(a), of(b)]).dtype).toBe(expected);
  });

  test.each(cells)('%s + %s computes in %s, except that booleans add as int32', (a, b, expected) => {
    expect(add(of(a), of(b)).dtype).toBe(expected === 'bool' ? 'int32' : expected);
  });

  test('the other operand is converted by a visible cast', () => {
    const product = mul(of('int32'), of('float64'));
    if (product.source.kind !== 'output') throw new Error('mul makes an output');
    expect(product.source.application.inputs.map(String)).toEqual(['cast float64[2]', 'input float64[2]']);
  });
});

describe('a plain number is weak', () => {
  test.each([
    [1, 'bool', 'int32'],
    [0.5, 'bool', 'float32'],
    [1, 'uint8', 'uint8'],
    [255, 'uint8', 'uint8'],
    [256, 'uint8', 'int32'],
    [-1, 'uint8', 'int32'],
    [0.5, 'uint8', 'float32'],
    [1, 'int32', 'int32'],
    [2 ** 31, 'int32', 'float64'],
    [-(2 ** 31), 'int32', 'int32'],
    [2 ** 40, 'uint8', 'float64'],
    [0.5, 'int32', 'float32'],
    [Number.NaN, 'int32', 'float32'],
    [Number.POSITIVE_INFINITY, 'int32', 'float32'],
    [1, 'float32', 'float32'],
    [0.1, 'float32', 'float32'],
    [1, 'float64', 'float64'],
    [0.1, 'float64', 'float64'],
  ] as const)('%f beside %s is %s', (value, other, expected) => {
    expect(weakDType(value, other)).toBe(expected);
    expect(add(of(other), value).dtype).toBe(promote(other, expected));
    expect(add(value, of(other)).dtype).toBe(promote(other, expected));
  });

  test('a float64 operand does not lose the digits of 0.1 to float32', () => {
    expect(valueOf(add(tensor(0, { dtype: 'float64' }), 0.1))).toBe(0.1);
    expect(valueOf(add(tensor(0), 0.1))).toBe(Math.fround(0.1));
  });

  test('a tensor, unlike a number, is not weak', () => {
    expect(add(of('int32'), tensor(1)).dtype).toBe('float32');
    expect(add(of('float32'), tensor(1, { dtype: 'float64' })).dtype).toBe('float64');
  });

  test('numbers alone make float32', () => {
    expect(add(1, 2).dtype).toBe('float32');
  });
});

describe('what operations make of dtypes', () => {
  test.each([
    ['bool', 'float32'],
    ['uint8', 'float32'],
    ['int32', 'float32'],
    ['float32', 'float32'],
    ['float64', 'float64'],
  ] as const)('functions of real numbers compute %s in %s', (dtype, expected) => {
    expect(toFloat(dtype)).toBe(expected);
    expect(exp(of(dtype)).dtype).toBe(expected);
    expect(div(of(dtype), of(dtype)).dtype).toBe(expected);
    expect(mean(of(dtype)).dtype).toBe(expected);
  });

  test.each([
    ['bool', 'int32'],
    ['uint8', 'int32'],
    ['int32', 'int32'],
    ['float32', 'float32'],
    ['float64', 'float64'],
  ] as const)('sums of %s are counted in %s', (dtype, expected) => {
    expect(toSum(dtype)).toBe(expected);
    expect(sum(of(dtype)).dtype).toBe(expected);
  });

  test('extremes keep integers', () => {
    expect(max(of('uint8')).dtype).toBe('uint8');
    expect(max(of('int32')).dtype).toBe('int32');
  });

  test('a matrix product of integers stays whole', () => {
    const a = input([2, 2], { dtype: 'int32' });
    expect(matmul(a, a).dtype).toBe('int32');
  });

  test('only floats have a tangent space', () => {
    expect(DTYPES.filter(isFloat)).toEqual(['float32', 'float64']);
  });

  test('casting to what is no dtype is an error', () => {
    expect(() => cast(of('float32'), 'float16' as DType)).toThrow(DTypeError);
    expect(() => cast(of('float32'), 'float16' as DType)).toThrow(
      /^cast: float16 is not a dtype; use one of bool, uint8, int32, float32, float64/,
    );
  });
});
