import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/index.ts';
import { conjugateGradient } from '../../src/krylov/index.ts';
import { relativeError } from '../support/numeric.ts';
import {
  geometric,
  length,
  orthogonal,
  productWith,
  randomNumbers,
  residual,
  symmetric,
  times,
  vector,
} from './dense.ts';

const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  Array.from(x).reduce((total, each, i) => total + each * y[i], 0);

const diagonal =
  (values: readonly number[]) =>
  ({ data }: Tensor): Tensor =>
    vector(values.map((each, i) => each * data[i]));

describe('convergence', () => {
  test('the error in the norm of A falls in every iteration, as fast as the condition number promises', () => {
    const n = 40;
    const [kappa, A] = [50, symmetric(1, geometric(1, 50, n))];
    const x = randomNumbers(2, n);
    const errors = [Math.sqrt(dot(x, times(A, x)))];
    conjugateGradient(productWith(A), vector(times(A, x)), {
      tolerance: 1e-10,
      callback: (progress) => {
        const error = x.map((each, i) => each - progress.x.data[i]);
        errors.push(Math.sqrt(dot(error, times(A, error))));
      },
    });
    expect(errors.length).toBeGreaterThan(20);
    // Nocedal and Wright, eq. 5.36.
    const rate = (Math.sqrt(kappa) - 1) / (Math.sqrt(kappa) + 1);
    for (let k = 1; k < errors.length; k++) {
      expect(errors[k]).toBeLessThan(errors[k - 1]);
      expect(errors[k]).toBeLessThanOrEqual(2 * rate ** k * errors[0]);
    }
  });

  test('an early stop gives the iterate, which is nearer to the solution although its residual is larger', () => {
    const A = diagonal([1, 100]);
    const b = [10, 1];
    const { x, reason, residualNorm } = conjugateGradient(A, vector(b), { maxIterations: 1 });
    expect(reason).toBe('maxIterations');
    expect(residualNorm).toBeGreaterThan(4 * length(b));
    const alpha = 101 / 200;
    expect(relativeError(x.data, [10 * alpha, alpha])).toBeLessThan(1e-14);
  });

  test('a million-fold larger matrix takes the same iterations', () => {
    const spectrum = geometric(1, 30, 20);
    const b = vector(randomNumbers(3, 20));
    const [small, large] = [1, 1e6].map((scale) =>
      conjugateGradient(
        productWith(
          symmetric(
            1,
            spectrum.map((each) => each * scale),
          ),
        ),
        b,
      ),
    );
    expect(small.converged && large.converged).toBe(true);
    expect(Math.abs(small.iterations - large.iterations)).toBeLessThanOrEqual(1);
  });

  test('a singular system with a solution: the one that is orthogonal to the null space', () => {
    const n = 25;
    const A = symmetric(1, [0, 0, 0, ...geometric(1, 20, n - 3)]);
    const x = randomNumbers(4, n);
    const solution = conjugateGradient(productWith(A), vector(times(A, x)), { tolerance: 1e-11 });
    expect(solution.converged).toBe(true);
    const Q = orthogonal(1, n);
    for (const u of Q.slice(0, 3)) {
      const along = dot(u, x);
      u.forEach((each, i) => {
        x[i] -= along * each;
      });
    }
    expect(relativeError(solution.x.data, x)).toBeLessThan(1e-10);
  });
});

describe('systems that are not positive definite', () => {
  test.each([
    ['indefinite', [-3, ...geometric(1, 20, 14)]],
    ['negative definite', geometric(-1, -20, 15)],
    ['hardly indefinite', [-1e-6, ...geometric(1, 20, 14)]],
  ])('%s: the direction is downhill and has negative curvature', (_, eigenvalues) => {
    const A = symmetric(7, eigenvalues);
    const b = randomNumbers(8, 15);
    const { reason, converged, direction, curvature, x } = conjugateGradient(productWith(A), vector(b), {
      tolerance: 1e-12,
    });
    expect([reason, converged]).toEqual(['negativeCurvature', false]);
    const d = direction!.data;
    expect(dot(d, times(A, d))).toBeLessThan(0);
    expect(curvature).toBeCloseTo(dot(d, times(A, d)) / dot(d, d), 10);
    expect(curvature).toBeGreaterThanOrEqual(Math.min(...eigenvalues) - 1e-12);
    expect(dot(d, residual(A, x.data, b))).toBeGreaterThan(0);
  });

  test('a converged solution has no direction', () => {
    const solution = conjugateGradient((v: Tensor) => v, vector([1, 2]));
    expect(solution.converged).toBe(true);
    expect('direction' in solution).toBe(false);
  });

  test('a right-hand side in the null space is a direction of curvature 0', () => {
    const { reason, direction, curvature, x, iterations } = conjugateGradient(
      ({ data: [a] }: Tensor) => vector([2 * a, 0]),
      vector([0, 3]),
    );
    expect([reason, iterations, curvature]).toEqual(['negativeCurvature', 0, 0]);
    expect([...x.data]).toEqual([0, 0]);
    expect(direction!.data[0]).toBe(0);
    expect(direction!.data[1]).toBeGreaterThan(0);
  });

  test('a curvature that is rounding counts as 0', () => {
    const { reason, curvature } = conjugateGradient(diagonal([1, -1 + 2 ** -53]), vector([1, 1]));
    expect(reason).toBe('negativeCurvature');
    expect(curvature).toBeLessThan(1e-15);
    expect(curvature).toBeGreaterThan(0);
  });

  test('an indefinite preconditioner', () => {
    const { reason, converged } = conjugateGradient((v: Tensor) => v, vector([1, 2]), {
      preconditioner: (r: Tensor) => vector([-r.data[0], -r.data[1]]),
    });
    expect([reason, converged]).toEqual(['indefinitePreconditioner', false]);
  });

  test('a matrix that is not symmetric is never said to be solved when it is not', () => {
    const A = Array.from({ length: 12 }, (_, i) => randomNumbers(20 + i, 12));
    const b = randomNumbers(9, 12);
    const { converged, x } = conjugateGradient(productWith(A), vector(b));
    expect(converged).toBe(length(residual(A, x.data, b)) <= 1.5e-8 * length(b));
    expect(converged).toBe(false);
  });
});
