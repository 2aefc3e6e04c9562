import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  broadcastShapes,
  formatShape,
  input,
  normalizeAxes,
  normalizeAxis,
  reducedShape,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
  stridesOf,
  sum,
} from '../examples/support.ts';

test('sizes and strides of row-major order', () => {
  expect([sizeOf([]), sizeOf([7]), sizeOf([2, 3, 5]), sizeOf([4, 0, 3])]).toEqual([1, 7, 30, 0]);
  expect(stridesOf([])).toEqual([]);
  expect(stridesOf([2, 3, 5])).toEqual([15, 5, 1]);
  expect(formatShape([])).toBe('[]');
  expect(formatShape([32, 784])).toBe('[32, 784]');
  expect(sameShape([2, 3], [2, 3])).toBe(true);
  expect(sameShape([2, 3], [3, 2])).toBe(false);
  expect(sameShape([2], [2, 1])).toBe(false);
});

describe('broadcasting', () => {
  test.each<[Shape, Shape, Shape]>([
    [[], [], []],
    [[3], [], [3]],
    [[], [2, 3], [2, 3]],
    [[2, 3], [3], [2, 3]],
    [
      [2, 1],
      [1, 3],
      [2, 3],
    ],
    [
      [4, 1, 5],
      [2, 1],
      [4, 2, 5],
    ],
    [[1], [0], [0]],
    [[0, 3], [3], [0, 3]],
    [[1, 1], [1], [1, 1]],
  ])('%j with %j gives %j', (a, b, expected) => {
    expect(broadcastShapes('add', a, b)).toEqual(expected);
    expect(broadcastShapes('add', b, a)).toEqual(expected);
    expect(add(input(a), input(b)).shape).toEqual(expected);
  });

  test('three shapes meet at once', () => {
    expect(broadcastShapes('where', [2, 1, 1], [3, 1], [4])).toEqual([2, 3, 4]);
  });

  test.each<[Shape, Shape, string]>([
    [[2, 3], [4], '3 against 4, axis 1 of the result'],
    [[2, 3], [3, 3], '2 against 3, axis 0 of the result'],
    [[0], [2], '0 against 2, axis 0 of the result'],
  ])('%j and %j do not', (a, b, where) => {
    expect(() => broadcastShapes('add', a, b)).toThrow(ShapeError);
    expect(() => broadcastShapes('add', a, b)).toThrow(
      `add: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast (${where}); make the extents equal or one of them 1`,
    );
  });

  test('is symmetric, and every operand fits its result', () => {
    const result = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    const pair = result.chain((shape) => {
      const part = fc
        .tuple(fc.nat({ max: shape.length }), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))
        .map(([lead, ones]) => shape.slice(lead).map((extent, i) => (ones[i] ? 1 : extent)));
      return fc.tuple(part, part);
    });
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const joint = broadcastShapes('add', a, b);
        expect(broadcastShapes('add', b, a)).toEqual(joint);
        expect(broadcastShapes('add', a, joint)).toEqual(joint);
        expect(broadcastShapes('add', joint, b)).toEqual(joint);
      }),
    );
  });
});

describe('axes', () => {
  test('count from the front or, if negative, from the end', () => {
    expect([0, 1, 2, -1, -2, -3].map((axis) => normalizeAxis('sum', axis, 3))).toEqual([0, 1, 2, 2, 1, 0]);
  });

  test('come out ascending; absent means all; an empty list means none', () => {
    expect(normalizeAxes('sum', undefined, 3)).toEqual([0, 1, 2]);
    expect(normalizeAxes('sum', [-1, 0], 3)).toEqual([0, 2]);
    expect(normalizeAxes('sum', 1, 3)).toEqual([1]);
    expect(normalizeAxes('sum', [], 3)).toEqual([]);
    expect(normalizeAxes('sum', undefined, 0)).toEqual([]);
  });

  test.each([3, -4, 0.5, Number.NaN])('%f is out of range for rank 3', (axis) => {
    expect(() => normalizeAxis('sum', axis, 3)).toThrow(ShapeError);
    expect(() => normalizeAxis('sum', axis, 3)).toThrow(
      `sum: axis ${axis} is out of range for rank 3; use -3 to 2`,
    );
  });

  test('a scalar has none', () => {
    expect(() => normalizeAxis('sum', 0, 0)).toThrow(
      'sum: axis 0 is out of range for rank 0; a scalar has no axes',
    );
    expect(sum(input([])).shape).toEqual([]);
  });

  test('may not repeat', () => {
    expect(() => normalizeAxes('sum', [1, -2], 3)).toThrow('sum: axis 1 is given twice in [1, -2]');
  });

  test('reduced axes vanish, or stay with extent 1', () => {
    expect(reducedShape([2, 3, 4], [0, 2], false)).toEqual([3]);
    expect(reducedShape([2, 3, 4], [0, 2], true)).toEqual([1, 3, 1]);
    const x = input([2, 3, 4]);
    expect(sum(x, -1).shape).toEqual([2, 3]);
    expect(sum(x, [0, -1], { keepDims: true }).shape).toEqual([1, 3, 1]);
    expect(sum(x, []).shape).toEqual([2, 3, 4]);
  });
});
