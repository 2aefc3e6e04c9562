/**
 * The cofactors of a matrix, and their derivative along a direction: the first and second derivatives of a
 * determinant. Both are polynomials in the elements of A, and are computed without dividing by a singular value, so
 * they are as right for singular matrices as for others.
 *
 * With A = U diag(s) V^T and sigma = det U det V, det(A + U E V^T) = sigma det(diag(s) + E), whose terms of first and
 * second order in E are sums of E_ii p_i and of (E_ii E_jj - E_ij E_ji) p_ij over i < j, where p leaves out one or
 * two of the singular values from their product.
 */
import { determinant, factorLU } from './elimination.ts';
import { singularValues } from './jacobi.ts';
import { transposed } from './matrix.ts';

/** C_ij = d det A / d A_ij, for an n x n matrix. */
export function cofactors(a: Float64Array, n: number): Float64Array {
  const { u, s, v } = singularValues(a, n, n);
  const products = leaveOneOut(s);
  const middle = new Float64Array(n * n);
  for (let i = 0; i < n; i++) middle[i * n + i] = products[i];
  return turned(u, middle, v, n);
}

/** The derivative of the cofactors of A along F: sum_kl F_kl d^2 det A / d A_ij d A_kl. */
export function cofactorsAlong(a: Float64Array, f: Float64Array, n: number): Float64Array {
  const { u, s, v } = singularValues(a, n, n);
  const direction = multiply(multiply(transposed(u, n, n), f, n), v, n);
  const middle = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const others = leaveOneOut(s.filter((_, k) => k !== i));
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const product = others[j < i ? j : j - 1];
      middle[i * n + i] += product * direction[j * n + j];
      middle[i * n + j] = -product * direction[j * n + i];
    }
  }
  return turned(u, middle, v, n);
}

/** For each element, the product of all others. */
function leaveOneOut(factors: Float64Array): Float64Array {
  const products = new Float64Array(factors.length).fill(1);
  let before = 1;
  for (let i = 0; i < factors.length; i++) {
    products[i] *= before;
    before *= factors[i];
  }
  let after = 1;
  for (let i = factors.length - 1; i >= 0; i--) {
    products[i] *= after;
    after *= factors[i];
  }
  return products;
}

/** det U det V U M V^T. */
function turned(u: Float64Array, middle: Float64Array, v: Float64Array, n: number): Float64Array {
  const sign = orientation(u, n) * orientation(v, n);
  return multiply(multiply(u, middle, n), transposed(v, n, n), n).map((value) => sign * value);
}

/** The determinant of an orthogonal matrix: 1 or -1. */
function orientation(q: Float64Array, n: number): number {
  const lu = q.slice();
  const swaps = new Int32Array(n);
  factorLU(lu, n, swaps);
  return Math.sign(determinant(lu, swaps, n));
}

/** A B for n x n matrices. */
function multiply(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const c = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k];
      for (let j = 0; j < n; j++) c[i * n + j] += factor * b[k * n + j];
    }
  }
  return c;
}
