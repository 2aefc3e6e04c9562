import { describe, expect, test } from 'vitest';
import { steihaug } from '../../src/krylov/steihaug.ts';
import { relativeError } from '../support/numeric.ts';
import { eliminate, geometric, length, type Matrix, randomNumbers, symmetric, times } from './dense.ts';

const model = (B: Matrix, g: ArrayLike<number>, p: ArrayLike<number>): number =>
  times(B, p).reduce((total, each, i) => total + g[i] * p[i] + (p[i] * each) / 2, 0);

function run(B: Matrix, g: readonly number[], radius: number, tolerance = 1e-12, most = 1000) {
  return steihaug((v) => Float64Array.from(times(B, v)), Float64Array.from(g), radius, tolerance, most)!;
}

const n = 12;
const g = randomNumbers(1, n);
const definite = symmetric(2, geometric(1, 20, n));
const indefinite = symmetric(3, [-2, -0.5, ...geometric(1, 20, n - 2)]);

describe('a step', () => {
  test('inside the region is that of Newton', () => {
    const { step, onBoundary, decrease } = run(definite, g, 100);
    expect(onBoundary).toBe(false);
    expect(
      relativeError(
        step,
        eliminate(definite, g).map((each) => -each),
      ),
    ).toBeLessThan(1e-11);
    expect(decrease).toBeCloseTo(-model(definite, g, step), 12);
  });

  test.each([0.01, 0.1, 0.5])(
    'ends at the boundary (%d), with at least the decrease of steepest descent',
    (radius) => {
      for (const B of [definite, indefinite]) {
        const { step, onBoundary, decrease } = run(B, g, radius);
        expect(onBoundary).toBe(true);
        expect(length(step)).toBeCloseTo(radius, 12);
        expect(decrease).toBeCloseTo(-model(B, g, step), 12);
        // Nocedal and Wright, lemma 4.3.
        const cauchy = (length(g) / 2) * Math.min(radius, length(g) / 20);
        expect(decrease).toBeGreaterThanOrEqual(cauchy);
      }
    },
  );

  test('along negative curvature goes to the better of both ends', () => {
    const { step, onBoundary, decrease } = run([[-1]], [0.5], 3);
    expect([...step, onBoundary, decrease]).toEqual([-3, true, 1.5 + 4.5]);
    // After a first step almost to the boundary, the far end lies behind.
    const B = [
      [1, 0],
      [0, -4],
    ];
    const far = run(B, [1, 0.1], 1.1);
    expect(length(far.step)).toBeCloseTo(1.1, 12);
    expect(far.decrease).toBeCloseTo(-model(B, [1, 0.1], far.step), 12);
    expect(far.decrease).toBeGreaterThan(1);
  });

  test('is shorter where less of the gradient is asked for, and where products are few', () => {
    const coarse = run(definite, g, 100, 0.5 * length(g));
    const rest = times(definite, coarse.step).map((each, i) => each + g[i]);
    expect(length(rest)).toBeLessThanOrEqual(0.5 * length(g));
    const one = run(definite, g, 100, 0, 1);
    expect(one.decrease).toBeCloseTo(-model(definite, g, one.step), 12);
    // One product gives a step down the gradient.
    const ratio = one.step[0] / g[0];
    expect(
      relativeError(
        one.step,
        g.map((each) => each * ratio),
      ),
    ).toBeLessThan(1e-14);
  });

  test('does not exist where a product is not finite', () => {
    expect(steihaug((v) => v.map(() => Number.NaN), Float64Array.of(1), 1, 0, 10)).toBeUndefined();
  });
});
