/** Matrices of a batch as arrays of float64, and what the algorithms share. Matrices are stored row by row. */
import { type Block, formatShape, sizeOf } from '../../../graph/index.ts';

/** The number of matrices in a batch: the last `rank` axes are the matrix. */
export function countOf({ shape }: Block, rank = 2): number {
  return sizeOf(shape.slice(0, shape.length - rank));
}

/** A copy of matrix `index` of a batch, in float64. */
export function matrixAt({ shape, data }: Block, index: number): Float64Array {
  const size = shape[shape.length - 2] * shape[shape.length - 1];
  return new Float64Array(data.subarray(index * size, (index + 1) * size));
}

/** `the 3 x 3 matrix`, or `matrix [0, 2] of the batch [2, 3]`: for error messages. */
export function whichMatrix({ shape }: Block, index: number): string {
  const batch = shape.slice(0, -2);
  if (batch.length === 0) return `the ${shape.join(' x ')} matrix`;
  const place = new Array<number>(batch.length);
  let rest = index;
  for (let axis = batch.length - 1; axis >= 0; axis--) {
    place[axis] = rest % batch[axis];
    rest = (rest - place[axis]) / batch[axis];
  }
  return `matrix ${formatShape(place)} of the batch ${formatShape(batch)}`;
}

/** (A + A^T) / 2, without overflow. */
export function symmetricPart(a: Float64Array, n: number): Float64Array {
  const s = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) s[i * n + j] = a[i * n + j] / 2 + a[j * n + i] / 2;
  return s;
}

/** The transpose of an m x n matrix. */
export function transposed(a: Float64Array, m: number, n: number): Float64Array {
  const t = new Float64Array(a.length);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) t[j * m + i] = a[i * n + j];
  return t;
}

/** The n x k matrix with ones on its diagonal. */
export function unitColumns(n: number, k: number): Float64Array {
  const e = new Float64Array(n * k);
  for (let i = 0; i < Math.min(n, k); i++) e[i * k + i] = 1;
  return e;
}

/**
 * A power of two that brings the largest element near 1, so that squares neither overflow nor underflow and no
 * digit changes; undefined where an element is infinite or NaN.
 */
export function scaleOf(a: Float64Array): number | undefined {
  let largest = 0;
  for (const value of a) {
    if (!Number.isFinite(value)) return undefined;
    largest = Math.max(largest, Math.abs(value));
  }
  if (largest === 0) return 1;
  return 2 ** -Math.max(-1000, Math.min(1000, Math.floor(Math.log2(largest))));
}

/** The inner product of two rows of `length` elements. */
export function innerProduct(
  a: Float64Array,
  from: number,
  b: Float64Array,
  other: number,
  length: number,
): number {
  let total = 0;
  for (let k = 0; k < length; k++) total += a[from + k] * b[other + k];
  return total;
}

/** A rotation by an angle of at most 45 degrees: its sine, and the tangent of half the angle. */
export interface Rotation {
  readonly sine: number;
  readonly half: number;
}

/**
 * Rotates rows p and q of `length` elements: p becomes c p - s q, q becomes s p + c q. Written as corrections to p
 * and q (Rutishauser 1966), rounding is in proportion to the angle.
 */
export function rotateRows(
  a: Float64Array,
  p: number,
  q: number,
  length: number,
  { sine, half }: Rotation,
): void {
  for (let k = 0, i = p * length, j = q * length; k < length; k++, i++, j++) {
    const x = a[i];
    const y = a[j];
    a[i] = x - sine * (y + half * x);
    a[j] = y + sine * (x - half * y);
  }
}

/**
 * The sign of the first of a row's large elements. A vector that is only known up to its sign is stored so that this is
 * positive. Large is what comes within a hundredth of the largest, so that rounding does not choose between equals.
 */
export function leadingSign(a: Float64Array, from: number, length: number): number {
  let largest = 0;
  for (let k = 0; k < length; k++) largest = Math.max(largest, Math.abs(a[from + k]));
  for (let k = 0; k < length; k++) {
    if (Math.abs(a[from + k]) >= 0.99 * largest) return a[from + k] < 0 ? -1 : 1;
  }
  return 1;
}
