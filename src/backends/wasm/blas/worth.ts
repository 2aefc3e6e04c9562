/** Which products are large enough for a call into a BLAS. */

/** Multiplications from which on the time of the call, half a microsecond, is made up for. */
const ENOUGH = 16384;

/** For two to so many rows or columns, a BLAS that packs its operands is often slower than the own kernels. */
const FEW = 3;

/**
 * Whether a call into a BLAS pays for a product of n x k with k x m numbers. From this size on, OpenBLAS's kernels for AVX2 and
 * AVX-512 took 0.2 to 1 of the time of the own kernels in both types; BLIS starts to gain at twice the size. Only four to
 * eight rows times a large transposed matrix, which is read once, took up to 1.4 of it.
 */
export function worthBlas(n: number, m: number, k: number): boolean {
  const narrow = Math.min(n, m);
  return n * m * k >= ENOUGH && (narrow <= 1 || narrow > FEW);
}
