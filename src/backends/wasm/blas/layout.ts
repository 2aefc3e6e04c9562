/** Which matrices a BLAS can read where they lie, and which products are large enough to call one. */

/**
 * The leading dimension of a matrix in row-major order: positive if it lies as it is, negative if its transpose lies so,
 * 0 if neither: a BLAS knows no other strides. Strides count elements; along an extent of 1 any stride will do.
 *
 * The function refers to nothing outside itself: its text also runs in worker threads (`bind.ts`).
 */
export function leadingDimension(
  rows: number,
  columns: number,
  rowStride: number,
  columnStride: number,
): number {
  if (columns <= 1 || columnStride === 1) {
    if (rows <= 1) return Math.max(1, columns);
    if (rowStride >= Math.max(1, columns)) return rowStride;
  }
  if (rows <= 1 || rowStride === 1) {
    if (columns <= 1) return -Math.max(1, rows);
    if (columnStride >= Math.max(1, rows)) return -columnStride;
  }
  return 0;
}

/** The strides of a product, in elements; the columns of C lie side by side. */
export interface ProductStrides {
  readonly rsA: number;
  readonly csA: number;
  readonly rsB: number;
  readonly csB: number;
  readonly rsC: number;
}

/**
 * Whether a BLAS can compute `C = alpha A B + beta C` where the matrices lie: A is M x K, B is K x N, C is M x N. If so, it
 * can also compute any block of rows and columns of C.
 */
export function fitsBlas(M: number, N: number, K: number, strides: ProductStrides): boolean {
  const { rsA, csA, rsB, csB, rsC } = strides;
  return (
    leadingDimension(M, K, rsA, csA) !== 0 &&
    leadingDimension(K, N, rsB, csB) !== 0 &&
    leadingDimension(M, N, rsC, 1) > 0
  );
}
