/** Weighted log-sum-exp against mpmath (logSumExp.json, made by logSumExp.py), and what it promises at 0 and infinity. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { gradients, jvp, vmap } from '../../src/autodiff/index.ts';
import { type FloatDType, type Nested, ShapeError, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { logSumExp, mulExp } from '../../src/operations/logSumExp.ts';
import { leaf, parameter } from '../examples/support.ts';
import { backends, reference } from '../support/backends.ts';
import { checkOperation } from '../support/checkOperation.ts';
import { EPSILON } from '../support/numeric.ts';

const { exp, gather, log, mul, stack, sub, sum } = registry;

interface Case {
  readonly x: number[];
  readonly w: number[];
  readonly y: number;
  /** With respect to x, then to w. */
  readonly gradient: number[];
  readonly second: number[][];
  /** The sum of the sizes of the terms, relative to that of the terms. */
  readonly terms: number;
}

const numbersOf = (text: string): number[] => text.split(' ').map(Number);
const file = new URL('./logSumExp.json', import.meta.url);
const cases = (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string & string[]>[]).map(
  ({ x, w, y, gradient, second, terms }): Case => ({
    x: numbersOf(x),
    w: numbersOf(w),
    y: Number(y),
    gradient: numbersOf(gradient),
    second: second.map(numbersOf),
    terms: Number(terms),
  }),
);

const weighted = (x: Variable, weights: Variable): Variable => logSumExp(x, undefined, { weights });

/** What rounding of x and y may do to e^(x - y), relatively; a sum that is less than its terms has fewer digits. */
function tolerance({ x, y, terms }: Case): number {
  const largest = Math.max(8, Math.abs(y), ...x.map(Math.abs));
  return 2 * EPSILON.float64 * largest * terms;
}

/** Infinities alike, numbers within the tolerance of themselves or of `scale`. */
function expectNear(found: number, expected: number, bound: number, scale: number, what: string): void {
  if (!Number.isFinite(expected)) return expect(found, what).toBe(expected);
  // Below the smallest normal number a few units in the last place are all there is.
  const slack = Math.max(bound * Math.max(Math.abs(expected), scale), 64 * Number.MIN_VALUE);
  expect(Math.abs(found - expected), `${what}: ${found}, not ${expected}`).toBeLessThanOrEqual(slack);
}

checkOperation('mulExp', mulExp);

describe.each([reference, ...backends])('$name', ({ evaluate }) => {
  const numbers = (x: Variable): Nested => evaluate([x])[0].toArray();
  const scalars = (xs: readonly Variable[]): number[] => evaluate(xs).flatMap(({ data }) => [...data]);

  describe('against mpmath', () => {
    test.each(cases)('log of sum $w exp $x', (row) => {
      const [x, w] = [leaf(row.x), leaf(row.w)];
      const y = weighted(x, w);
      const bound = tolerance(row);
      const [dx, dw] = gradients(y, [x, w]);
      const first = scalars([dx, dw]);
      const [value] = scalars([y]);
      expectNear(value, row.y, bound, 1, 'value');
      row.gradient.forEach((each, i) => {
        expectNear(first[i], each, bound, 0, `derivative ${i}`);
      });
      row.second.forEach((line, i) => {
        const slope = gather(i < 3 ? dx : dw, i % 3);
        const found = scalars(gradients(slope, [x, w]));
        line.forEach((each, k) => {
          // The diagonal is a difference, q_i (1 - p_i), and what is near an overflow may be past it.
          const size = Math.abs(row.gradient[i] * row.gradient[k]);
          if (size < 1e290) expectNear(found[k], each, bound, size, `second derivative ${i}, ${k}`);
        });
      });
    });

    test('in forward mode and batched', () => {
      const [xs, ws] = [leaf(cases.map(({ x }) => x)), leaf(cases.map(({ w }) => w))];
      const values = scalars([vmap(weighted)(xs, ws)]);
      // Of the weights only those move that are not 0: the slope in the others may overflow.
      const directions = leaf(cases.map(({ w }) => w.map((each) => Math.sign(each))));
      const [, tangent] = jvp(vmap(weighted), [xs, ws], [leaf(cases.map(() => [1, -2, 3])), directions]);
      const tangents = scalars([tangent]);
      cases.forEach((row, i) => {
        expectNear(values[i], row.y, tolerance(row), 1, `value ${i}`);
        const along = row.gradient.map((each, k) =>
          k < 3 ? each * [1, -2, 3][k] : row.w[k - 3] === 0 ? 0 : each * Math.sign(row.w[k - 3]),
        );
        const size = Math.max(...along.map(Math.abs));
        expectNear(
          tangents[i],
          along.reduce((a, b) => a + b),
          4 * tolerance(row),
          size,
          `tangent ${i}`,
        );
      });
    });
  });

  describe('weights', () => {
    test('of 1 change nothing, and of 1 / n give the logarithm of the mean', () => {
      const x = leaf([1, -2, 0.5, 700]);
      expect(numbers(logSumExp(x, 0, { weights: 1 }))).toBe(numbers(logSumExp(x)));
      const means = numbers(logSumExp(leaf([[1000, 1000]]), 1, { weights: 0.5 }));
      expect(means).toEqual([1000]);
    });

    test('broadcast with x, and the axes are those of the common shape', () => {
      const x = leaf([0, 1, 2]);
      const w = leaf([[1], [2]]);
      const direct = log(sum(mul(w, exp(x)), 0));
      const y = logSumExp(x, 0, { weights: w });
      expect(y.shape).toEqual([3]);
      for (const rest of numbers(sub(y, direct)) as number[]) expect(Math.abs(rest)).toBeLessThan(1e-15);
      expect(logSumExp(x, -1, { weights: w, keepDims: true }).shape).toEqual([2, 1]);
      expect(gradients(sum(y), [x, w]).map(({ shape }) => shape)).toEqual([[3], [2, 1]]);
      expect(() => logSumExp(x, 0, { weights: [1, 2] })).toThrow(ShapeError);
      expect(() => logSumExp(x, 1, { weights: [1, 2, 3] })).toThrow(/logSumExp: axis 1 is out of range/);
      expect(scalars([logSumExp(leaf([]), 0, { weights: 2 })])).toEqual([-Infinity]);
    });

    test('may be a mask, and be given to the method', () => {
      const x = leaf([
        [1, 5],
        [2, NaN],
      ]);
      const mask = tensor([
        [true, true],
        [true, false],
      ]);
      const y = x.logSumExp(1, { weights: mask });
      expect(y.dtype).toBe('float64');
      const [first, second] = numbers(y) as number[];
      expect(first).toBeCloseTo(Math.log(Math.exp(1) + Math.exp(5)), 14);
      expect(second).toBe(2);
      expect((numbers(gradients(sum(y), [x])[0]) as number[][])[1]).toEqual([1, 0]);
    });

    test.each([Infinity, -Infinity, NaN, 1e4])('of 0 hide an x of %d', (hidden) => {
      const x = leaf([hidden, 0, Math.LN2]);
      const w = leaf([0, 1, 1]);
      const y = weighted(x, w);
      const [value] = scalars([y]);
      expect(value).toBeCloseTo(Math.log(3), 15);
      const [dx] = gradients(y, [x]);
      const slopes = scalars([dx]);
      expect(slopes[0]).toBe(0);
      expect(slopes[1]).toBeCloseTo(1 / 3, 15);
      const [again] = gradients(gather(dx, 1), [x]);
      const curvatures = scalars([again]);
      expect(Math.abs(curvatures[0])).toBe(0);
      expect(curvatures[1]).toBeCloseTo(2 / 9, 15);
      const [, tangent] = jvp((v: Variable) => weighted(v, w), [x], [leaf([1, 1, 1])]);
      expect(scalars([tangent])[0]).toBeCloseTo(1, 15);
    });

    test('of 0 leave the derivative in the weight, and the mixed ones', () => {
      const x = leaf([1, 0]);
      const w = leaf([0, 1]);
      const [dx, dw] = gradients(weighted(x, w), [x, w]);
      expect(numbers(dx)).toEqual([0, 1]);
      for (const [found, last] of [
        [dw, 1],
        [gradients(gather(dx, 0), [w])[0], 0],
      ] as const) {
        const [one, other] = scalars([found]);
        expect(one).toBeCloseTo(Math.E, 14);
        expect(other).toBe(last);
      }
    });
  });

  describe('a sum', () => {
    test('that is negative has no logarithm; that is 0 has -Infinity', () => {
      const x = leaf([
        [0, 1],
        [1, 1],
        [5, 5],
      ]);
      const w = leaf([
        [1, -1],
        [1, -1],
        [0, 0],
      ]);
      const y = logSumExp(x, 1, { weights: w });
      expect(numbers(y)).toEqual([NaN, -Infinity, -Infinity]);
      const [dx, dw] = gradients(sum(y), [x, w]).map(numbers) as number[][][];
      // As the logarithm: a pole at 0, unless a factor is 0.
      expect(dx.slice(1)).toEqual([
        [Infinity, -Infinity],
        [0, 0],
      ]);
      expect(dw.slice(1)).toEqual([
        [Infinity, Infinity],
        [Infinity, Infinity],
      ]);
    });

    test('of infinite logits', () => {
      const x = leaf([
        [-Infinity, -Infinity],
        [-Infinity, 3],
        [Infinity, 3],
      ]);
      const w = leaf([2, 1]);
      const y = logSumExp(x, 1, { weights: w });
      expect(numbers(y)).toEqual([-Infinity, 3, Infinity]);
      expect(numbers(logSumExp(x, 1, { weights: [-1, 1] }))).toEqual([-Infinity, 3, NaN]);
      const [dx] = gradients(sum(y), [x]);
      expect((numbers(dx) as number[][]).slice(0, 2)).toEqual([
        [0, 0],
        [0, 1],
      ]);
      const [dw] = gradients(sum(gather(y, [0, 1])), [w]);
      expect(numbers(dw)).toEqual([0, 1]);
    });

    test('of weights too small for a normal number has finite slopes', () => {
      for (const [dtype, weight, at] of [
        ['float32', 1e-40, 1000],
        ['float64', 1e-320, 1e4],
      ] as [FloatDType, number, number][]) {
        const [x, w] = [at, weight].map((each) => parameter(tensor([each, each], { dtype })));
        const [dx] = gradients(weighted(x, w), [x]);
        for (const slope of scalars([dx])) expect(Math.abs(slope - 0.5)).toBeLessThan(at * EPSILON[dtype]);
      }
    });
  });

  test('its gradients in a product of batches are those of each', () => {
    const x = leaf([
      [1, 2],
      [3, -1],
    ]);
    const w = leaf([0.5, 2]);
    const slope = (v: Variable, u: Variable): Variable => stack(gradients(weighted(v, u), [v, u]));
    const one = vmap(slope, { inAxes: [0, null] })(x, w);
    const other = vmap(slope, { inAxes: [null, 0] })(w, x);
    const rows = [gather(x, 0), gather(x, 1)];
    expect(numbers(one)).toEqual(rows.map((row) => numbers(slope(row, w))));
    expect(numbers(other)).toEqual(rows.map((row) => numbers(slope(w, row))));
  });
});
