/** The measures that the generated tests rely on. */
import { expect, test } from 'vitest';
import { type FloatDType, Tensor } from '../../src/graph/index.ts';
import { real } from '../../src/operations/index.ts';
import { drawInputs, MARGIN } from './draw.ts';
import { disagreement } from './kernels.ts';
import { derivative, relativeError, ulpDistance } from './numeric.ts';

test('ulpDistance counts representable numbers', () => {
  expect(ulpDistance(1, 1 + 2 ** -52, 'float64')).toBe(1);
  expect(ulpDistance(1, 1 - 2 ** -52, 'float64')).toBe(2);
  expect(ulpDistance(1, 1 + 2 ** -22, 'float32')).toBe(2);
  expect(ulpDistance(-(2 ** -149), 2 ** -149, 'float32')).toBe(2);
  expect(ulpDistance(0, -0, 'float32')).toBe(0);
  expect(ulpDistance(Infinity, Number.MAX_VALUE, 'float64')).toBe(1);
  expect(ulpDistance(Number.NaN, Number.NaN, 'float64')).toBe(0);
  expect(ulpDistance(Number.NaN, 1, 'float64')).toBe(Infinity);
});

test('derivative is accurate to about 1e-11', () => {
  expect(Math.abs(derivative(Math.exp, 1) - Math.E)).toBeLessThan(1e-11);
  expect(Math.abs(derivative(Math.atan, 0.5) - 0.8)).toBeLessThan(1e-11);
});

test('relativeError is relative to the largest element, and never hides NaN', () => {
  expect(relativeError([100, 1], [100, 2])).toBeCloseTo(0.01, 12);
  expect(relativeError([0, 0], [0, 0])).toBe(0);
  expect(relativeError([Number.NaN], [1])).toBeNaN();
  expect(relativeError([1], [1, 2])).toBe(Infinity);
});

test('disagreement tells apart what must be told apart', () => {
  const one = (value: number, dtype: FloatDType = 'float32'): Tensor =>
    new Tensor([1], dtype, dtype === 'float32' ? Float32Array.of(value) : Float64Array.of(value));
  const compare = (a: number, b: number, tolerance: Parameters<typeof disagreement>[2] = { ulps: 2 }) =>
    disagreement(one(a), one(b), tolerance);
  expect(compare(1, 1 + 2 ** -22)).toBeUndefined();
  expect(compare(1, 1 + 2 ** -21)).toContain('4 ulp');
  expect(compare(1e-9, 2e-9, { ulps: 2, magnitude: 1 })).toBeUndefined();
  expect(compare(0, -0)).toBeUndefined();
  expect(compare(0, -0, { ulps: 2, signedZeros: true })).toBeDefined();
  expect(compare(Number.NaN, 1)).toBeDefined();
  expect(compare(1, Number.NaN)).toBeDefined();
  expect(compare(Infinity, -Infinity)).toBeDefined();
  expect(compare(Infinity, 3e38)).toBeDefined();
  expect(compare(3e38, Infinity)).toBeDefined();
  expect(disagreement(one(1), one(1, 'float64'), { ulps: 2 })).toContain('dtype');
  expect(disagreement(one(1), new Tensor([], 'float32', Float32Array.of(1)), { ulps: 2 })).toContain('shape');
});

test('drawn inputs keep their distance', () => {
  const sample = {
    inputs: [
      { shape: [3, 7], domain: real(-3, 3, { distinct: true }) },
      { shape: [7], domain: real(-2.9, 3, { distinct: true }) },
      { shape: [50], domain: real(-1, 1, { avoid: [0] }) },
    ],
    call: () => [],
  };
  const [a, b, c] = drawInputs(sample, 'float64', 1);
  const sorted = [...a.data, ...b.data].toSorted((x, y) => x - y);
  const gaps = sorted.slice(1).map((value, i) => value - sorted[i]);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(MARGIN - 1e-9);
  expect(Math.min(...c.data.map(Math.abs))).toBeGreaterThanOrEqual(MARGIN);
  expect(drawInputs(sample, 'float64', 1)).toEqual([a, b, c]);
  expect(drawInputs(sample, 'float64', 2)[0]).not.toEqual(a);
});
