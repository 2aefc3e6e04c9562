import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/index.ts';
import { gmres } from '../../src/krylov/index.ts';
import { relativeError } from '../support/numeric.ts';
import {
  eliminate,
  length,
  matrix,
  productWith,
  randomNumbers,
  residual,
  symmetric,
  times,
  vector,
} from './dense.ts';

const n = 40;
const b = randomNumbers(1, n);
/** Diffusion with a strong wind: central differences of -u'' + 40 u', far from symmetric. */
const h = 1 / (n + 1);
const wind = matrix(n, n, (i, j) => {
  if (i === j) return 2 / h ** 2;
  if (j === i + 1) return -1 / h ** 2 + 20 / h;
  return j === i - 1 ? -1 / h ** 2 - 20 / h : 0;
});

function expectFalling(norms: readonly number[]): void {
  for (let k = 1; k < norms.length; k++) expect(norms[k]).toBeLessThanOrEqual(norms[k - 1] * (1 + 1e-12));
}

/** (x_1, ..., x_n) -> (x_n, x_1, ..., x_{n-1}). */
const shift = ({ data }: Tensor): Tensor => vector([data[data.length - 1], ...data.slice(0, -1)]);

test.each([5, 20, 100])(
  'solves a nonsymmetric system as elimination does, restarting after %i',
  (restart) => {
    const options = { restart, tolerance: 1e-10, maxIterations: 5000 };
    const { converged, x, residualNorms, iterations } = gmres(productWith(wind), vector(b), options);
    expect(converged).toBe(true);
    expect(relativeError(x.data, eliminate(wind, b))).toBeLessThan(1e-8);
    expectFalling(residualNorms);
    if (restart >= n) expect(iterations).toBeLessThanOrEqual(n);
    else expect(iterations).toBeGreaterThan(restart);
  },
);

test('a random matrix without any structure', () => {
  const A = Array.from({ length: n }, (_, i) => randomNumbers(10 + i, n));
  const { converged, x } = gmres(productWith(A), vector(b), { restart: n, tolerance: 1e-12 });
  expect(converged).toBe(true);
  expect(relativeError(x.data, eliminate(A, b))).toBeLessThan(1e-10);
});

test('residuals are those of A x = b, whatever the preconditioner', () => {
  const diagonal = Array.from({ length: n }, (_, i) => 10 ** (i / 8));
  const A = wind.map((row, i) => row.map((each) => each * diagonal[i]));
  const { converged, residualNorm, x, iterations } = gmres(productWith(A), vector(b), {
    restart: n,
    tolerance: 1e-9,
    preconditioner: (r: Tensor) => vector(eliminate(A, r.data)),
    callback: ({ x, residualNorm }) => {
      expect(Math.abs(length(residual(A, x.data, b)) - residualNorm)).toBeLessThan(1e-8);
    },
  });
  expect([converged, iterations]).toEqual([true, 1]);
  expect(residualNorm).toBeCloseTo(length(residual(A, x.data, b)), 9);
});

describe('breakdown', () => {
  test('a cycle leads nowhere before it is complete: restarts stagnate', () => {
    const e = vector([1, ...new Array(9).fill(0)]);
    const whole = gmres(shift, e, { restart: 10 });
    expect([whole.converged, whole.iterations]).toEqual([true, 10]);
    expect([...whole.x.data]).toEqual([...new Array(9).fill(0), 1]);
    const part = gmres(shift, e, { restart: 9 });
    expect([part.reason, part.converged, part.residualNorm]).toEqual(['stagnated', false, 1]);
    expect([...part.x.data]).toEqual(new Array(10).fill(0));
  });

  test('a small invariant subspace that holds the solution', () => {
    const A = productWith(matrix(8, 8, (i, j) => (i === j ? (i < 4 ? 2 : 5) : 0)));
    const { converged, iterations, x } = gmres(A, vector([1, 1, 1, 1, 1, 1, 1, 1]));
    expect([converged, iterations]).toEqual([true, 2]);
    expect(relativeError(x.data, [0.5, 0.5, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2])).toBeLessThan(1e-14);
  });

  test('a singular matrix: A b = 0, although b = A x has a solution', () => {
    const { reason, converged, x } = gmres(({ data }: Tensor) => vector([data[1], 0]), vector([1, 0]));
    expect([reason, converged]).toEqual(['breakdown', false]);
    expect([...x.data]).toEqual([0, 0]);
  });

  test('a singular matrix, and b partly out of its range: the residual is the least of its Krylov space', () => {
    const A = productWith(matrix(6, 6, (i, j) => (i === j ? [0, 1, 2, 3, 4, 5][i] : 0)));
    const { reason, x, residualNorm } = gmres(A, vector([1, 1, 1, 1, 1, 1]));
    expect(reason).toBe('breakdown');
    expect(residualNorm).toBeLessThan(1.1);
    expect(relativeError([...x.data].slice(1), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])).toBeLessThan(0.5);
  });

  test('a singular matrix whose Krylov space is small: it ends there, with least squares', () => {
    const Q = symmetric(3, [...new Array(20).fill(0), ...new Array(20).fill(2)]);
    const { reason, x, residualNorm, iterations } = gmres(productWith(Q), vector(b));
    expect(reason).toBe('breakdown');
    expect(iterations).toBeLessThanOrEqual(2);
    // Q / 2 is the projection on its range.
    const inside = times(Q, b).map((each) => each / 2);
    expect(residualNorm).toBeCloseTo(length(b.map((each, i) => each - inside[i])), 12);
    expect(relativeError(times(Q, x.data), inside)).toBeLessThan(1e-12);
  });

  test('a consistent singular system', () => {
    const A = productWith(matrix(6, 6, (i, j) => (i === j ? [0, 1, 2, 3, 4, 5][i] : 0)));
    const { converged, x } = gmres(A, vector([0, 1, 2, 3, 4, 5]), { tolerance: 1e-12 });
    expect(converged).toBe(true);
    expect(relativeError(x.data, [0, 1, 1, 1, 1, 1])).toBeLessThan(1e-11);
  });
});

test('restart must be a whole number', () => {
  expect(() => gmres(shift, vector([1]), { restart: 0 })).toThrow(
    /restart is 0; it must be a whole number of at least 1/,
  );
});
