/**
 * The calls into a BLAS library, bound to a WebAssembly memory.
 *
 * A worker thread that is started from text binds them too, so `bindBlas` refers to nothing outside itself, and all it has to know
 * is plain data.
 */
import { leadingDimension } from './layout.ts';

/** A BLAS that has been found and tried: plain data that can be sent to a worker thread. */
export interface BlasDescription {
  /** Whose it is: 'OpenBLAS', 'MKL', 'BLIS', 'Accelerate', or 'BLAS' if it does not say. */
  readonly name: string;
  /** What it says about itself, such as 'OpenBLAS 0.3.21 DYNAMIC_ARCH USE_OPENMP Haswell'; may be empty. */
  readonly version: string;
  /** Its file, by the name or path under which the system's loader finds it. */
  readonly library: string;
  /** The entry file of koffi. */
  readonly koffi: string;
  /** Whether its matrix-vector products can be used; if not, they run as products of matrices. */
  readonly vectors: boolean;
  /** Calls that each thread makes first, in this order: they have the library use one thread for a product. */
  readonly settings: readonly { readonly declaration: string; readonly argument: number }[];
}

/**
 * `C = alpha A B + beta C` on a WebAssembly memory: A is M x K, B is K x N, C is M x N.
 *
 * A, B and C are byte addresses in the memory, as an unsigned or signed 32-bit number; strides count elements and must fit
 * (`fitsBlas`), or else it throws an Error. With beta 0, C is not read. With alpha 0, A and B are not read.
 */
export type BlasGemm = (
  M: number,
  N: number,
  K: number,
  A: number,
  rsA: number,
  csA: number,
  B: number,
  rsB: number,
  csB: number,
  C: number,
  rsC: number,
  alpha: number,
  beta: number,
) => void;

/** The products of a BLAS by the type of their elements. */
export interface BlasCalls {
  readonly float32: BlasGemm;
  readonly float64: BlasGemm;
}

/** What of a WebAssembly.Memory is needed here. */
export interface HasBuffer {
  readonly buffer: ArrayBufferLike;
}

/** What of koffi is needed here. */
export interface Koffi {
  load(library: string): { func(declaration: string): (...parameters: any[]) => any };
  address(data: Uint8Array): bigint;
}

/**
 * Loads the library in this thread and binds its products to a memory.
 *
 * @param load the `require` of CommonJS
 * @param leading `leadingDimension`, given as a parameter so that this function refers to nothing outside itself
 */
export function bindBlas(
  load: (path: string) => unknown,
  description: BlasDescription,
  memory: HasBuffer,
  leading: typeof leadingDimension,
): BlasCalls {
  const koffi = load(description.koffi) as Koffi;
  const library = koffi.load(description.library);
  for (const { declaration, argument } of description.settings) library.func(declaration)(argument);

  // Shared memory grows in place; other memory may move when it grows, and then has a new buffer. Addresses have at
  // most 47 bits or so, which doubles hold exactly.
  let buffer = memory.buffer;
  let base = Number(koffi.address(new Uint8Array(buffer)));

  // The numbers of CBLAS: 101 is row-major order, 111 a matrix as it lies, 112 its transpose.
  const bind = (letter: string, real: string): BlasGemm => {
    const gemm = library.func(
      `void cblas_${letter}gemm(int order, int transA, int transB, int m, int n, int k, ${real} alpha, ` +
        `uintptr_t a, int lda, uintptr_t b, int ldb, ${real} beta, uintptr_t c, int ldc)`,
    );
    // y = alpha A x + beta y
    const gemv =
      description.vectors &&
      library.func(
        `void cblas_${letter}gemv(int order, int transA, int m, int n, ${real} alpha, uintptr_t a, int lda, ` +
          `uintptr_t x, int incx, ${real} beta, uintptr_t y, int incy)`,
      );
    return (M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, alpha, beta) => {
      if (M <= 0 || N <= 0) return;
      const lda = leading(M, K, rsA, csA);
      const ldb = leading(K, N, rsB, csB);
      const ldc = leading(M, N, rsC, 1);
      if (lda === 0 || ldb === 0 || ldc <= 0) {
        throw new Error(
          `blas: strides (${rsA}, ${csA}), (${rsB}, ${csB}) and (${rsC}, 1) do not fit [${M}, ${K}] x [${K}, ${N}]`,
        );
      }
      if (memory.buffer !== buffer) {
        buffer = memory.buffer;
        base = Number(koffi.address(new Uint8Array(buffer)));
      }
      const a = base + (A >>> 0);
      const b = base + (B >>> 0);
      const c = base + (C >>> 0);
      if (!gemv || K <= 0 || (M > 1 && N > 1)) {
        const transA = lda > 0 ? 111 : 112;
        const transB = ldb > 0 ? 111 : 112;
        gemm(
          101,
          transA,
          transB,
          M,
          N,
          K < 0 ? 0 : K,
          alpha,
          a,
          Math.abs(lda),
          b,
          Math.abs(ldb),
          beta,
          c,
          ldc,
        );
      } else if (N === 1) {
        // A column: the leading dimension of B and of C is the step from one element to the next.
        if (lda > 0) gemv(101, 111, M, K, alpha, a, lda, b, ldb, beta, c, ldc);
        else gemv(101, 112, K, M, alpha, a, -lda, b, ldb, beta, c, ldc);
      } else {
        // A row: C^T = B^T A^T. If A lies as it is, its elements are neighbours.
        const step = lda > 0 ? 1 : -lda;
        if (ldb > 0) gemv(101, 112, K, N, alpha, b, ldb, a, step, beta, c, 1);
        else gemv(101, 111, N, K, alpha, b, -ldb, a, step, beta, c, 1);
      }
    };
  };
  return { float32: bind('s', 'float'), float64: bind('d', 'double') };
}

/**
 * The text of a function `(require, description, memory) => BlasCalls` for the source of a worker thread.
 *
 * Tools that keep the names of functions when they transform code put calls of `__name` into it.
 */
export function bindBlasSource(): string {
  return (
    '((require, description, memory) => { const __name = (named) => named; ' +
    `return (${bindBlas})(require, description, memory, ${leadingDimension}); })`
  );
}
