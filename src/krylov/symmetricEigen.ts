/** Eigenvalues and eigenvectors of small dense symmetric matrices. */
import { ChainruleError, EPSILON } from '../graph/index.ts';
import { addScaled, dot } from './flat.ts';
import { rotationOf } from './givens.ts';

/** A matrix by its rows. */
export type Rows = readonly Float64Array[];

/** Eigenvalues in rising order, each with its eigenvector of length 1. */
export interface Eigen {
  readonly values: Float64Array;
  readonly vectors: Float64Array[];
}

/** A tridiagonal T = Q A Q^T; `beside[i]` stands next to `diagonal[i]` and `diagonal[i + 1]`. */
interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly beside: Float64Array;
  /** The rows of Q. */
  readonly q: Float64Array[];
}

/**
 * The eigenvalues and eigenvectors of a symmetric matrix, of which only the lower triangle is read: row i needs i + 1 elements.
 * @see Golub and Van Loan, "Matrix Computations", 4th edition, algorithm 8.3.3
 */
export function symmetricEigen(A: Rows): Eigen {
  const T = tridiagonalize(A);
  diagonalize(T);
  const order = [...T.diagonal.keys()].sort((i, j) => T.diagonal[i] - T.diagonal[j]);
  return {
    values: Float64Array.from(order, (i) => T.diagonal[i]),
    vectors: order.map((i) => T.q[i]),
  };
}

/** By Householder reflections, as algorithm 8.3.1; each makes zeros of what lies two or more below the diagonal in a column. */
function tridiagonalize(matrix: Rows): Tridiagonal {
  const n = matrix.length;
  const A = matrix.map((row, i) => Float64Array.from(matrix, (other, j) => (j <= i ? row[j] : other[i])));
  const q = A.map((_, i) => Float64Array.from({ length: n }, (_, j) => Number(i === j)));
  const beside = new Float64Array(Math.max(0, n - 1));
  for (let k = 0; k < n - 1; k++) {
    // The reflection I - 2 u u^T that turns column k below the diagonal into a multiple of the first unit vector.
    const u = new Float64Array(n);
    let largest = 0;
    for (let i = k + 1; i < n; i++) largest = Math.max(largest, Math.abs(A[i][k]));
    for (let i = k + 1; i < n; i++) u[i] = largest === 0 ? 0 : A[i][k] / largest;
    const length = Math.sqrt(dot(u, u));
    const isDone = k === n - 2 || u.subarray(k + 2).every((each) => each === 0);
    if (isDone) {
      beside[k] = A[k + 1][k];
      continue;
    }
    const turned = u[k + 1] > 0 ? -length : length;
    beside[k] = turned * largest;
    u[k + 1] -= turned;
    const size = Math.sqrt(dot(u, u));
    for (let i = k + 1; i < n; i++) u[i] /= size;

    // (I - 2 u u^T) A (I - 2 u u^T) = A - u w^T - w u^T with p = 2 A u and w = p - (u . p) u.
    const w = Float64Array.from(A, (row) => 2 * dot(row, u));
    addScaled(w, -dot(u, w), u);
    for (let i = k; i < n; i++) {
      addScaled(A[i], -u[i], w);
      addScaled(A[i], -w[i], u);
    }
    for (let j = 0; j < n; j++) {
      let along = 0;
      for (let i = k + 1; i < n; i++) along += u[i] * q[i][j];
      for (let i = k + 1; i < n; i++) q[i][j] -= 2 * along * u[i];
    }
  }
  return { diagonal: Float64Array.from(A, (row, i) => row[i]), beside, q };
}

/** QR steps with Wilkinson's shift (algorithm 8.3.2) until nothing is left beside the diagonal; the rows of Q turn with them. */
function diagonalize({ diagonal: d, beside: e, q }: Tridiagonal): void {
  const negligible = (i: number): boolean =>
    Math.abs(e[i]) <= EPSILON.float64 * (Math.abs(d[i]) + Math.abs(d[i + 1]));
  let steps = 0;
  for (let high = d.length - 1; high > 0; ) {
    if (negligible(high - 1)) {
      e[--high] = 0;
      continue;
    }
    // Two or three steps find an eigenvalue; only NaN or infinity can keep it from being found.
    if (steps++ > 30 * d.length) {
      throw new ChainruleError(
        `symmetricEigen: no convergence after ${steps} steps; are all elements finite?`,
      );
    }
    let low = high - 1;
    while (low > 0 && !negligible(low - 1)) low--;
    step(d, e, q, low, high);
  }
}

/** One implicit QR step on rows `low` to `high`. */
function step(d: Float64Array, e: Float64Array, q: Float64Array[], low: number, high: number): void {
  const half = (d[high - 1] - d[high]) / 2;
  const b = e[high - 1];
  const shift = d[high] - b * (b / (half + (half < 0 ? -1 : 1) * Math.hypot(half, b)));
  let [x, z] = [d[low] - shift, e[low]];
  for (let k = low; k < high; k++) {
    const { c, s, r } = rotationOf(x, z);
    if (k > low) e[k - 1] = r;
    const [above, between, below] = [d[k], e[k], d[k + 1]];
    d[k] = c * c * above + 2 * c * s * between + s * s * below;
    d[k + 1] = s * s * above - 2 * c * s * between + c * c * below;
    e[k] = c * s * (below - above) + (c * c - s * s) * between;
    if (k < high - 1) {
      [x, z] = [e[k], s * e[k + 1]];
      e[k + 1] *= c;
    }
    const [up, down] = [q[k], q[k + 1]];
    for (let j = 0; j < up.length; j++) {
      [up[j], down[j]] = [c * up[j] + s * down[j], c * down[j] - s * up[j]];
    }
  }
}
