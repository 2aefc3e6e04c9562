/** Triangular systems, Cholesky's factor, Gaussian elimination (Golub and Van Loan, Matrix Computations, 4th ed.). */

/** A triangle of an n x n matrix, or of its transpose, as the coefficients of a system. */
export interface Triangle {
  readonly data: Float64Array;
  readonly n: number;
  readonly lower: boolean;
  /** The system is T^T x = b. */
  readonly transpose: boolean;
  /** The diagonal counts as ones, whatever is stored. */
  readonly unitDiagonal: boolean;
}

/** Solves the triangular system for all columns of x (n x columns) at once, in place (section 3.1). */
export function solveTriangle(
  { data, n, lower, transpose, unitDiagonal }: Triangle,
  x: Float64Array,
  columns: number,
): void {
  const rowStride = transpose ? 1 : n;
  const columnStride = transpose ? n : 1;
  const forward = lower !== transpose;
  for (let step = 0; step < n; step++) {
    const i = forward ? step : n - 1 - step;
    const row = i * columns;
    for (let done = 0; done < step; done++) {
      const k = forward ? done : n - 1 - done;
      const factor = data[i * rowStride + k * columnStride];
      if (factor === 0) continue;
      for (let c = 0, other = k * columns; c < columns; c++) x[row + c] -= factor * x[other + c];
    }
    if (unitDiagonal) continue;
    const pivot = data[i * n + i];
    for (let c = 0; c < columns; c++) x[row + c] /= pivot;
  }
}

/** The first place of the diagonal that holds a zero, or -1. */
export function zeroOnDiagonal(a: Float64Array, n: number): number {
  for (let i = 0; i < n; i++) if (a[i * n + i] === 0) return i;
  return -1;
}

/**
 * The lower factor of a symmetric positive definite matrix, row by row, in place (section 4.2; its lower triangle
 * is read). Returns the first row whose pivot is not positive, with that pivot; then there is no factor.
 */
export function factorCholesky(a: Float64Array, n: number): { row: number; pivot: number } | undefined {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let total = a[i * n + j];
      for (let k = 0; k < j; k++) total -= a[i * n + k] * a[j * n + k];
      if (j < i) a[i * n + j] = total / a[j * n + j];
      else if (total <= 0) return { row: i, pivot: total };
      else a[i * n + i] = Math.sqrt(total);
    }
    a.fill(0, i * n + i + 1, (i + 1) * n);
  }
  return undefined;
}

/**
 * P A = L U by elimination with partial pivoting, in place: U on and above the diagonal, the unit lower L below
 * (section 3.4). Row k was exchanged with row `swaps[k]` at step k. A column without a pivot is left as it is.
 */
export function factorLU(a: Float64Array, n: number, swaps: Int32Array): void {
  for (let k = 0; k < n; k++) {
    let pivotRow = k;
    // A NaN is taken as the pivot, from which it reaches the whole rest: next to a zero it would be lost.
    for (let i = k + 1; i < n && !Number.isNaN(a[pivotRow * n + k]); i++) {
      if (!(Math.abs(a[i * n + k]) <= Math.abs(a[pivotRow * n + k]))) pivotRow = i;
    }
    swaps[k] = pivotRow;
    if (pivotRow !== k) swapRows(a, k, pivotRow, n);
    const pivot = a[k * n + k];
    if (pivot === 0) continue;
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k] / pivot;
      a[i * n + k] = factor;
      for (let j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
}

/** Solves A X = B, or A^T X = B, for the columns of x in place, from the factors of A. */
export function solveFactored(
  lu: Float64Array,
  swaps: ArrayLike<number>,
  n: number,
  transpose: boolean,
  x: Float64Array,
  columns: number,
): void {
  const upper: Triangle = { data: lu, n, lower: false, transpose, unitDiagonal: false };
  const unitLower: Triangle = { data: lu, n, lower: true, transpose, unitDiagonal: true };
  if (!transpose) for (let k = 0; k < n; k++) swapRows(x, k, swaps[k], columns);
  solveTriangle(transpose ? upper : unitLower, x, columns);
  solveTriangle(transpose ? unitLower : upper, x, columns);
  if (transpose) for (let k = n - 1; k >= 0; k--) swapRows(x, k, swaps[k], columns);
}

function swapRows(a: Float64Array, i: number, k: number, width: number): void {
  if (i === k) return;
  for (let c = 0, p = i * width, q = k * width; c < width; c++, p++, q++) {
    const value = a[p];
    a[p] = a[q];
    a[q] = value;
  }
}

/** The sign and the logarithm of the absolute value of a determinant, from its LU factors: a sum cannot overflow. */
export function logDeterminant(
  lu: Float64Array,
  swaps: ArrayLike<number>,
  n: number,
): { sign: number; logarithm: number } {
  let sign = 1;
  let logarithm = 0;
  for (let k = 0; k < n; k++) {
    const pivot = lu[k * n + k];
    sign *= swaps[k] === k ? Math.sign(pivot) : -Math.sign(pivot);
    logarithm += Math.log(Math.abs(pivot));
  }
  // Adding 0 makes -0 a plain 0.
  return { sign: sign + 0, logarithm };
}

/** A determinant from its LU factors: the product of the pivots, negated for each exchange of rows. */
export function determinant(lu: Float64Array, swaps: ArrayLike<number>, n: number): number {
  let product = 1;
  for (let k = 0; k < n; k++) product *= swaps[k] === k ? lu[k * n + k] : -lu[k * n + k];
  return product + 0;
}
