import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/index.ts';
import { minres } from '../../src/krylov/index.ts';
import { relativeError } from '../support/numeric.ts';
import {
  eliminate,
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

const n = 40;
/** Eigenvalues of both signs. */
const mixed = geometric(1, 30, n).map((each, i) => (i % 3 === 0 ? -each : each));
const b = randomNumbers(1, n);

function expectFalling(norms: readonly number[]): void {
  for (let k = 1; k < norms.length; k++) expect(norms[k]).toBeLessThanOrEqual(norms[k - 1] * (1 + 1e-12));
}

test('solves an indefinite system as elimination does, with a residual that never rises', () => {
  const A = symmetric(2, mixed);
  const { converged, x, residualNorms } = minres(productWith(A), vector(b), { tolerance: 1e-12 });
  expect(converged).toBe(true);
  expect(relativeError(x.data, eliminate(A, b))).toBeLessThan(1e-11);
  expectFalling(residualNorms);
});

test('each residual is the least in its Krylov space', () => {
  const A = symmetric(2, mixed);
  // The least |b - A x| for x in the span of b, A b, ..., by Gram-Schmidt on A b, A^2 b, ...
  const basis: number[][] = [];
  let power = b;
  const least = [length(b)];
  for (let k = 0; k < 8; k++) {
    power = times(A, power);
    power = power.map((each) => each / length(power));
    let w = power;
    for (let round = 0; round < 2; round++) {
      for (const u of basis) {
        const along = u.reduce((total, each, i) => total + each * w[i], 0);
        w = w.map((each, i) => each - along * u[i]);
      }
    }
    basis.push(w.map((each) => each / length(w)));
    const inside = basis.map((u) => u.reduce((total, each, i) => total + each * b[i], 0));
    least.push(Math.sqrt(length(b) ** 2 - length(inside) ** 2));
  }
  const { residualNorms } = minres(productWith(A), vector(b), { maxIterations: 8 });
  residualNorms.forEach((each, k) => {
    expect(Math.abs(each - least[k])).toBeLessThan(1e-9);
  });
});

test('a positive definite preconditioner of an indefinite system', () => {
  const A = symmetric(2, mixed);
  const scale = geometric(1, 1e4, n);
  const bad = A.map((row, i) => row.map((each, j) => each * scale[i] * scale[j]));
  const plain = minres(productWith(bad), vector(b), { maxIterations: 200 });
  expect(plain.converged).toBe(false);
  const { converged, x, iterations } = minres(productWith(bad), vector(b), {
    tolerance: 1e-10,
    preconditioner: (r: Tensor) => vector([...r.data].map((each, i) => each / scale[i] ** 2)),
  });
  expect(converged).toBe(true);
  expect(iterations).toBeLessThan(200);
  expect(length(residual(bad, x.data, b))).toBeLessThanOrEqual(1.01e-10 * length(b));
});

describe('singular systems', () => {
  const zeros = 4;
  const eigenvalues = mixed.map((each, i) => (i < zeros ? 0 : each));
  const A = symmetric(3, eigenvalues);
  const null_ = orthogonal(3, n).slice(0, zeros);
  const alongNull = (x: ArrayLike<number>): number[] =>
    null_.map((u) => u.reduce((total, each, i) => total + each * x[i], 0));

  test('with a solution: the shortest', () => {
    const right = times(A, b);
    const { converged, x } = minres(productWith(A), vector(right), { tolerance: 1e-11 });
    expect(converged).toBe(true);
    expect(length(residual(A, x.data, right))).toBeLessThanOrEqual(1.01e-11 * length(right));
    expect(length(alongNull(x.data))).toBeLessThan(1e-12);
  });

  test.each([1e-2, 1, 1e6])('without: least squares, whatever the scale (%d)', (scale) => {
    const scaled = A.map((row) => row.map((each) => each * scale));
    const { reason, converged, x, residualNorm, residualNorms } = minres(productWith(scaled), vector(b));
    expect([reason, converged]).toEqual(['leastSquares', false]);
    // What is left is the part of b in the null space.
    expect(residualNorm).toBeCloseTo(length(alongNull(b)), 10);
    const rest = residual(scaled, x.data, b);
    expect(length(times(scaled, rest))).toBeLessThan(1.5e-8 * 30 * scale * length(rest));
    expectFalling(residualNorms);
  });

  test('a right-hand side in the null space: x = 0 is best', () => {
    const { reason, x, iterations } = minres(({ data: [a] }: Tensor) => vector([2 * a, 0]), vector([0, 3]));
    expect([reason, iterations]).toEqual(['leastSquares', 0]);
    expect([...x.data]).toEqual([0, 0]);
  });

  test('A = 0', () => {
    const { reason, x } = minres(() => vector([0, 0]), vector([1, 3]));
    expect([reason, ...x.data]).toEqual(['leastSquares', 0, 0]);
  });

  test('an ill-conditioned system is not taken for one', () => {
    const { converged, x } = minres(({ data: [a, c] }: Tensor) => vector([a, 1e-10 * c]), vector([1, 1]));
    expect(converged).toBe(true);
    expect(relativeError(x.data, [1, 1e10])).toBeLessThan(1e-8);
  });
});

test.each([
  ['at once', -1],
  ['later', 1],
])('an indefinite preconditioner shows %s', (_, sign) => {
  const A = symmetric(2, mixed);
  const { reason, converged } = minres(productWith(A), vector(b), {
    preconditioner: (r: Tensor) =>
      vector([...r.data].map((each, i) => (i < n / 3 ? sign * each : -each * 0.5))),
  });
  expect([reason, converged]).toEqual(['indefinitePreconditioner', false]);
});
