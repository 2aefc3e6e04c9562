/** The libraries that offer the C interface of BLAS: where they are looked for, and what they are told. */

/** File names by platform (`process.platform`); the system's loader looks for them. */
type Files = Readonly<Record<string, readonly string[]>>;

/**
 * By the name under which a library can be asked for, in the order in which 'auto' looks for them: what comes with the
 * system, then OpenBLAS before MKL and BLIS, since it is built for most machines and is free. Fedora calls OpenBLAS's parallel
 * builds libopenblaso and libopenblasp; its libopenblas.so.0 is sequential.
 */
const FILES: Readonly<Record<string, Files>> = {
  accelerate: { darwin: ['/System/Library/Frameworks/Accelerate.framework/Accelerate'] },
  openblas: {
    linux: ['libopenblas.so.0', 'libopenblaso.so.0', 'libopenblasp.so.0', 'libopenblas.so'],
    darwin: [
      'libopenblas.dylib',
      'libopenblas.0.dylib',
      '/opt/homebrew/opt/openblas/lib/libopenblas.dylib',
      '/usr/local/opt/openblas/lib/libopenblas.dylib',
    ],
    win32: ['libopenblas.dll', 'openblas.dll'],
  },
  mkl: {
    linux: ['libmkl_rt.so.2', 'libmkl_rt.so', '/opt/intel/oneapi/mkl/latest/lib/libmkl_rt.so'],
    darwin: ['libmkl_rt.2.dylib', 'libmkl_rt.dylib'],
    win32: ['mkl_rt.2.dll', 'mkl_rt.dll'],
  },
  blis: {
    linux: ['libblis.so.4', 'libblis.so', 'libblis-mt.so'],
    darwin: ['libblis.4.dylib', 'libblis.dylib', '/opt/homebrew/opt/blis/lib/libblis.dylib'],
    win32: ['libblis.4.dll', 'libblis.dll', 'AOCL-LibBlis-Win-MT-dll.dll'],
  },
  blas: {
    linux: ['libcblas.so.3', 'libblas.so.3', 'libcblas.so', 'libblas.so'],
    darwin: ['libcblas.dylib', 'libblas.dylib'],
    win32: ['libcblas.dll', 'libblas.dll'],
  },
};

/** 'auto' does not look for 'blas': it may be the reference BLAS, which is slower than the own kernels. */
const AUTOMATIC = ['accelerate', 'openblas', 'mkl', 'blis'];

/** Names under which libraries can be asked for. */
export const BLAS_NAMES: readonly string[] = Object.keys(FILES);

/** The files to try for a choice: 'auto', one of `BLAS_NAMES`, or a file. */
export function filesOf(choice: string, platform: string): readonly string[] {
  if (choice === 'auto') return AUTOMATIC.flatMap((name) => FILES[name][platform] ?? []);
  const name = choice.toLowerCase();
  return Object.hasOwn(FILES, name) ? (FILES[name][platform] ?? []) : [choice];
}

/**
 * What libraries are told before the first product, in this order; each knows its own. One thread for a product: the threads
 * that share out a product are the engine's. MKL: 32-bit integers (0 is LP64), then no threads at all (1 is sequential).
 * Accelerate: 1 is BLAS_THREADING_SINGLE_THREADED.
 */
export const SETTINGS: readonly { readonly declaration: string; readonly argument: number }[] = [
  { declaration: 'int MKL_Set_Interface_Layer(int code)', argument: 0 },
  { declaration: 'int MKL_Set_Threading_Layer(int code)', argument: 1 },
  { declaration: 'int MKL_Set_Num_Threads_Local(int threads)', argument: 1 },
  { declaration: 'void openblas_set_num_threads(int threads)', argument: 1 },
  { declaration: 'void bli_thread_set_num_threads(int64_t threads)', argument: 1 },
  { declaration: 'int BLASSetThreading(int threading)', argument: 1 },
];
