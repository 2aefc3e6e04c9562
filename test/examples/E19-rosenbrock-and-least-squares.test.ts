import { describe, expect, test } from 'vitest';
import { conjugateGradient, lanczos } from '../../src/krylov/index.ts';
import { rosenbrock } from '../support/rosenbrock.ts';
import {
  compile,
  expectClose,
  hvp,
  type Matrix,
  matmul,
  matrix,
  mul,
  randomMatrices,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  times,
  transposed,
  type Variable,
} from './support.ts';

const float64 = (data: number[]): Tensor => tensor(data, { dtype: 'float64' });
const column = (data: ArrayLike<number>): Matrix => Array.from(data, (each) => [each]);

/** Rosenbrock's Hessian in closed form: it is tridiagonal. */
function rosenbrockHessian(x: readonly number[]): Matrix {
  const n = x.length;
  return matrix(n, n, (i, j) => {
    if (Math.abs(i - j) === 1) return -400 * x[Math.min(i, j)];
    if (i !== j) return 0;
    return (i > 0 ? 200 : 0) + (i < n - 1 ? 1200 * x[i] ** 2 - 400 * x[i + 1] + 2 : 0);
  });
}

/** Elimination without pivoting, which a positive definite matrix does not need. */
function solved(A: Matrix, b: readonly number[]): number[] {
  const rows = A.map((row, i) => [...row, b[i]]);
  rows.forEach((pivot, k) => {
    for (const row of rows.slice(k + 1)) {
      const factor = row[k] / pivot[k];
      row.forEach((_, j) => {
        row[j] -= factor * pivot[j];
      });
    }
  });
  const x = new Array<number>(b.length).fill(0);
  for (let i = b.length - 1; i >= 0; i--) {
    x[i] =
      (rows[i][b.length] - x.reduce((total, each, j) => total + (j > i ? rows[i][j] * each : 0), 0)) /
      rows[i][i];
  }
  return x;
}

/** The number of eigenvalues of a symmetric tridiagonal matrix below `limit`: as many as negative pivots (Sylvester). */
function countBelow(A: Matrix, limit: number): number {
  let pivot = 1;
  return A.reduce((count, row, i) => {
    pivot = row[i] - limit - (i === 0 ? 0 : row[i - 1] ** 2 / pivot);
    return count + Number(pivot < 0);
  }, 0);
}

describe("E19: Rosenbrock's function", () => {
  const n = 40;
  const x = randomMatrices(19)(1, n)[0];
  const ones = new Array<number>(n).fill(1);

  test('Hv equals the Hessian times v, at any place', () => {
    const product = compile((v: Variable) => hvp(rosenbrock, float64(x), v));
    for (const v of randomMatrices(20)(5, n)) {
      const exact = times(rosenbrockHessian(x), column(v)).flat();
      expectClose(product(float64(v)).toArray(), exact, 1e-13);
    }
  });

  test('conjugate gradients solve with it at the minimum, by products only', () => {
    const product = compile((v: Variable) => hvp(rosenbrock, float64(ones), v));
    const b = randomMatrices(21)(1, n)[0];
    const { x: step, converged, iterations } = conjugateGradient(product, float64(b), { tolerance: 1e-12 });
    expect(converged).toBe(true);
    expect(iterations).toBeLessThan(3 * n);
    expectClose(step.toArray(), solved(rosenbrockHessian(ones), b), 1e-10);
  });

  test('away from it the Hessian is indefinite: conjugate gradients stop and show a direction', () => {
    const away = new Array<number>(n).fill(0.1);
    const product = compile((v: Variable) => hvp(rosenbrock, float64(away), v));
    const { reason, direction, converged } = conjugateGradient(product, float64(ones));
    expect([reason, converged]).toEqual(['negativeCurvature', false]);
    const d = [...direction!.data];
    const image = times(rosenbrockHessian(away), column(d)).flat();
    expect(d.reduce((total, each, i) => total + each * image[i], 0)).toBeLessThan(0);
  });

  test('Lanczos finds the extreme eigenvalues: no other lies outside, one on either side of each', () => {
    for (const place of [x, ones]) {
      const H = rosenbrockHessian(place);
      const product = compile((v: Variable) => hvp(rosenbrock, float64(place), v));
      const { values, converged } = lanczos(product, { size: n });
      expect(converged).toBe(true);
      const [low, high] = values;
      const little = 1e-9 * Math.max(Math.abs(low), high);
      expect([countBelow(H, low - little), countBelow(H, low + little)]).toEqual([0, 1]);
      expect([countBelow(H, high - little), countBelow(H, high + little)]).toEqual([n - 1, n]);
    }
  });
});

describe('E19: the least-squares loss, the sum of squares of A w - y', () => {
  const [rows, columns] = [30, 12];
  const random = randomMatrices(22);
  const [A, y, w] = [random(rows, columns), random(1, rows)[0], random(1, columns)[0]];
  const gram = times(transposed(A), A);
  const [data, target] = [tensor(A, { dtype: 'float64' }), float64(y)];
  const loss = (weights: Variable): Variable => sum(square(sub(matmul(data, weights), target)));
  const product = compile((v: Variable) => hvp(loss, float64(w), v));

  test('Hv equals 2 A^T A v, wherever it is taken', () => {
    for (const v of random(5, columns)) {
      const exact = times(gram, column(v)).flat();
      expectClose(
        product(float64(v)).toArray(),
        exact.map((each) => 2 * each),
        1e-13,
      );
    }
  });

  test('conjugate gradients solve the normal equations 2 A^T A w = 2 A^T y, in one iteration per unknown', () => {
    const right = times(transposed(A), column(y)).flat();
    const { x, converged, iterations } = conjugateGradient(product, float64(right.map((each) => 2 * each)), {
      tolerance: 1e-10,
    });
    expect(converged).toBe(true);
    expect(iterations).toBeLessThanOrEqual(columns);
    expectClose(x.toArray(), solved(gram, right), 1e-9);
    // At the minimum the error is orthogonal to every column of A.
    const error = times(A, column(x.data)).map(([each], i) => each - y[i]);
    expectClose(times(transposed(A), column(error)).flat(), new Array(columns).fill(0), 1e-9);
  });

  test('Lanczos finds the squares of the extreme singular values', () => {
    const { values, vectors, converged } = lanczos(product, { size: columns });
    expect(converged).toBe(true);
    values.forEach((value, i) => {
      // A v = sigma u with |v| = 1.
      const image = times(A, column(vectors[i].data)).flat();
      expectClose(2 * image.reduce((total, each) => total + each * each, 0), value, 1e-12);
    });
    // No direction stretches more, none less.
    for (const v of random(200, columns)) {
      const square = times(A, column(v))
        .flat()
        .reduce((total, each) => total + each * each, 0);
      const quotient = (2 * square) / v.reduce((total, each) => total + each * each, 0);
      expect(quotient).toBeGreaterThan(values[0]);
      expect(quotient).toBeLessThan(values[1]);
    }
    // The mean of all eigenvalues lies between.
    const trace = 2 * gram.reduce((total, row, i) => total + row[i], 0);
    expect(values[1]).toBeGreaterThan(trace / columns);
    expect(values[0]).toBeLessThan(trace / columns);
  });

  test('a loss with a known Hessian: a weighted sum of squares has its weights as eigenvalues', () => {
    const weights = [3, 1, 4, 1.5, 9, 2.6];
    const f = (p: Variable): Variable => sum(mul(float64(weights.map((each) => each / 2)), square(p)));
    const times = compile((v: Variable) => hvp(f, float64([1, 2, 3, 4, 5, 6]), v));
    expectClose([...lanczos(times, { size: 6, count: 3 }).values], [1, 1.5, 2.6, 3, 4, 9], 1e-14);
  });
});
