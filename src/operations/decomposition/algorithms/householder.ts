/** QR factors by Householder's reflections (Golub and Van Loan, Matrix Computations, 4th ed., section 5.2). */
import { scaleOf, unitColumns } from './matrix.ts';

/**
 * A = Q R for an m x n matrix: Q is m x k with orthonormal columns, R k x n upper triangular with a diagonal that is
 * nowhere negative, k = min(m, n).
 */
export function factorQR(a: Float64Array, m: number, n: number): { q: Float64Array; r: Float64Array } {
  const k = Math.min(m, n);
  const scale = scaleOf(a);
  if (scale === undefined) {
    return { q: new Float64Array(m * k).fill(Number.NaN), r: new Float64Array(k * n).fill(Number.NaN) };
  }
  const work = a.map((value) => value * scale);
  const betas = new Float64Array(k);
  const v = new Float64Array(m);
  for (let j = 0; j < k; j++) {
    betas[j] = reflector(work, m, n, j, v);
    reflect(work, m, n, j, j + 1, v, betas[j]);
  }
  const q = unitColumns(m, k);
  for (let j = k - 1; j >= 0; j--) {
    v[j] = 1;
    for (let i = j + 1; i < m; i++) v[i] = work[i * n + j];
    reflect(q, m, k, j, j, v, betas[j]);
  }
  const r = new Float64Array(k * n);
  for (let i = 0; i < k; i++) for (let j = i; j < n; j++) r[i * n + j] = work[i * n + j] / scale;
  for (let i = 0; i < k; i++) {
    if (r[i * n + i] >= 0) continue;
    for (let j = i; j < n; j++) r[i * n + j] = -r[i * n + j];
    for (let row = 0; row < m; row++) q[row * k + i] = -q[row * k + i];
  }
  return { q, r };
}

/**
 * The reflection I - beta v v^T that clears column j below the diagonal, with v_j = 1. The diagonal element it leaves
 * replaces a_jj, and v what stood below it. Of the two reflections this is the one without cancellation.
 */
function reflector(a: Float64Array, m: number, n: number, j: number, v: Float64Array): number {
  let below = 0;
  for (let i = j + 1; i < m; i++) below += a[i * n + j] ** 2;
  const head = a[j * n + j];
  const length = Math.sqrt(head * head + below);
  v[j] = 1;
  if (below === 0) {
    for (let i = j + 1; i < m; i++) a[i * n + j] = v[i] = 0;
    return 0;
  }
  const signed = head < 0 ? -length : length;
  const first = head + signed;
  for (let i = j + 1; i < m; i++) a[i * n + j] = v[i] = a[i * n + j] / first;
  a[j * n + j] = -signed;
  return (2 * first * first) / (first * first + below);
}

/** Applies I - beta v v^T to rows j.. of the columns `from`.. of an m x n matrix. */
function reflect(
  a: Float64Array,
  m: number,
  n: number,
  j: number,
  from: number,
  v: Float64Array,
  beta: number,
): void {
  if (beta === 0) return;
  const products = new Float64Array(n);
  for (let i = j; i < m; i++) for (let c = from; c < n; c++) products[c] += v[i] * a[i * n + c];
  for (let i = j; i < m; i++) {
    const factor = beta * v[i];
    for (let c = from; c < n; c++) a[i * n + c] -= factor * products[c];
  }
}
