/** Dense linear algebra by other methods than those under test, on plain numbers. */
import { Tensor, tensor } from '../../src/graph/index.ts';
import { uniform } from '../support/random.ts';

export type Matrix = readonly (readonly number[])[];

export function matrix(rows: number, columns: number, element: (i: number, j: number) => number): number[][] {
  return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => element(i, j)));
}

export function times(A: Matrix, x: ArrayLike<number>): number[] {
  return A.map((row) => row.reduce((total, each, j) => total + each * x[j], 0));
}

export function length(x: Iterable<number>): number {
  return Math.hypot(...x);
}

/** b - A x */
export function residual(A: Matrix, x: ArrayLike<number>, b: ArrayLike<number>): number[] {
  return times(A, x).map((each, i) => b[i] - each);
}

/** v -> A v for Tensors of any shape, in their own dtype. */
export function productWith(A: Matrix): (v: Tensor) => Tensor {
  return ({ shape, dtype, data }) => new Tensor(shape, dtype, tensor(times(A, data), { dtype }).data);
}

/** A float64 Tensor. */
export function vector(numbers: readonly number[]): Tensor {
  return tensor(numbers, { dtype: 'float64' });
}

/** Uniform numbers in [-1, 1), the same ones on every run. */
export function randomNumbers(seed: number, count: number): number[] {
  const random = uniform(seed);
  return Array.from({ length: count }, () => 2 * random() - 1);
}

/** A x = b by Gaussian elimination with partial pivoting. */
export function eliminate(A: Matrix, b: ArrayLike<number>): number[] {
  const n = A.length;
  const rows = A.map((row, i) => [...row, b[i]]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= n; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let rest = rows[i][n];
    for (let j = i + 1; j < n; j++) rest -= rows[i][j] * x[j];
    x[i] = rest / rows[i][i];
  }
  return x;
}

/** The eigenvalues of a symmetric matrix in rising order, by Jacobi's rotations of pairs of rows and columns. */
export function jacobiEigenvalues(matrix: Matrix): number[] {
  const A = matrix.map((row, i) => Float64Array.from(row, (each, j) => (each + matrix[j][i]) / 2));
  const n = A.length;
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0;
    let all = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        all += A[i][j] ** 2;
        if (i !== j) off += A[i][j] ** 2;
      }
    }
    if (off <= 1e-27 * all) return Array.from(A, (row, i) => row[i]).sort((a, b) => a - b);
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (A[p][q] === 0) continue;
        const theta = (A[q][q] - A[p][p]) / (2 * A[p][q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          [A[k][p], A[k][q]] = [c * A[k][p] - s * A[k][q], s * A[k][p] + c * A[k][q]];
        }
        const [rowP, rowQ] = [A[p], A[q]];
        for (let k = 0; k < n; k++) {
          [rowP[k], rowQ[k]] = [c * rowP[k] - s * rowQ[k], s * rowP[k] + c * rowQ[k]];
        }
      }
    }
  }
  throw new Error('no convergence');
}

/** An orthogonal matrix: a product of reflections. */
export function orthogonal(seed: number, n: number): number[][] {
  const Q = matrix(n, n, (i, j) => Number(i === j));
  for (let k = 0; k < 3; k++) {
    const u = randomNumbers(seed + k, n);
    const square = u.reduce((total, each) => total + each * each, 0);
    for (const row of Q) {
      const along = row.reduce((total, each, j) => total + each * u[j], 0);
      u.forEach((each, j) => {
        row[j] -= ((2 * along) / square) * each;
      });
    }
  }
  return Q;
}

/** A dense symmetric matrix with these eigenvalues; the rows of `orthogonal(seed, n)` are its eigenvectors. */
export function symmetric(seed: number, eigenvalues: readonly number[]): number[][] {
  const n = eigenvalues.length;
  const Q = orthogonal(seed, n);
  return matrix(n, n, (i, j) =>
    eigenvalues.reduce((total, value, k) => total + value * Q[k][i] * Q[k][j], 0),
  );
}

/** `count` numbers from `low` to `high`, each the same multiple of the one before. */
export function geometric(low: number, high: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => low * (high / low) ** (i / (count - 1)));
}
