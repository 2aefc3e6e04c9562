/**
 * Matrix products by a native BLAS, if there is one.
 *
 * A BLAS multiplies large matrices several times as fast as WebAssembly's 128-bit vectors can. It is called straight on
 * the engine's memory, through the optional package `koffi`; nothing is copied. Each call uses one thread: the engine's own threads
 * share out a product.
 *
 * Needed: `npm install koffi`, and a library with the C interface of BLAS and 32-bit integers:
 * - OpenBLAS (`apt install libopenblas0-openmp`, `brew install openblas`); not its sequential build
 * - Intel's MKL (`libmkl_rt`), BLIS, or Apple's Accelerate, which is part of macOS
 */
import { ChainruleError } from '../../../graph/index.ts';
import { type BlasCalls, type BlasDescription, bindBlas } from './bind.ts';
import { findBlas, nodeRequire } from './find.ts';
import { leadingDimension } from './layout.ts';
import { BLAS_NAMES } from './libraries.ts';

export type { BlasCalls, BlasDescription, BlasGemm } from './bind.ts';
export { bindBlas, bindBlasSource } from './bind.ts';
export { type FoundBlas, findBlas } from './find.ts';
export { fitsBlas, leadingDimension, type ProductStrides } from './layout.ts';
export { worthBlas } from './worth.ts';

/**
 * Which BLAS to use: 'auto' is the first that is found of Accelerate, OpenBLAS, MKL and BLIS, or none; 'off' is none. A name
 * ('openblas', 'mkl', 'blis', 'accelerate', or 'blas' for the system's libcblas or libblas) or a library's file name or path asks
 * for that one, and it is an error if it cannot be used.
 */
export type BlasChoice = 'auto' | 'off' | (string & Record<never, never>);

/** A BLAS bound to a memory. */
export interface Blas {
  /** Whose it is, such as 'OpenBLAS'. */
  readonly name: string;
  /** What it says about itself; may be empty. */
  readonly version: string;
  /** Its file, by the name or path under which the system's loader finds it. */
  readonly path: string;
  readonly gemm: BlasCalls;
  /** What a worker thread needs to bind the same library (`bindBlasSource`). */
  readonly description: BlasDescription;
}

/**
 * The BLAS of a choice, ready to be called in this thread. Undefined for 'off', and for 'auto' if there is none.
 *
 * @throws ChainruleError if a library was asked for that cannot be used; it says what was tried
 */
export function loadBlas(choice: BlasChoice, memory: WebAssembly.Memory): Blas | undefined {
  if (choice === 'off') return undefined;
  const { description, failures } = findBlas(choice);
  const load = nodeRequire();
  if (description === undefined || load === undefined) {
    if (choice === 'auto') return undefined;
    throw new ChainruleError(
      `blas: cannot use '${choice}': ${failures.join('; ')}. Run npm install koffi and install the library, or choose ` +
        `'auto', 'off', ${BLAS_NAMES.map((name) => `'${name}'`).join(', ')} or the path of a library`,
    );
  }
  const { name, version, library: path } = description;
  return { name, version, path, gemm: bindBlas(load, description, memory, leadingDimension), description };
}
