/** Which products are large enough for a call into a BLAS. */

/** Multiplications from which on the time of the call, half a microsecond, is made up for. */
const ENOUGH = 16384;

/** From two to so many rows or columns, a BLAS that packs its operands is no faster than the own kernels. */
const FEW = 3;

/**
 * Whether a BLAS is faster than the own kernels at a product of n x k with k x m numbers. Measured with OpenBLAS's kernels for AVX2
 * and AVX-512 and with BLIS, in both types and all orientations. It is never slower by much; how much faster depends on the machine.
 */
export function worthBlas(n: number, m: number, k: number): boolean {
  const narrow = Math.min(n, m);
  return n * m * k >= ENOUGH && (narrow <= 1 || narrow > FEW);
}
