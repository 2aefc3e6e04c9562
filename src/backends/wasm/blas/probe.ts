/** Loads a library and finds out whether it is a BLAS that can be called from here, and which one. */
import { type BlasDescription, bindBlas, type Koffi } from './bind.ts';
import { leadingDimension } from './layout.ts';
import { SETTINGS } from './libraries.ts';

type Library = ReturnType<Koffi['load']>;

/** The description of the library in a file, or an Error that says why it cannot be used. */
export function probe(load: (path: string) => unknown, koffiPath: string, file: string): BlasDescription {
  const koffi = load(koffiPath) as Koffi;
  const library = koffi.load(file);
  for (const name of ['cblas_sgemm', 'cblas_dgemm']) {
    if (find(library, `void ${name}()`) === undefined) throw new Error(`it has no ${name}`);
  }
  const settings = SETTINGS.filter(({ declaration }) => find(library, declaration) !== undefined);
  for (const { declaration, argument } of settings) library.func(declaration)(argument);
  refuseSequential(library);
  refuseLongIntegers(koffi, library);
  const description = {
    ...identify(library, file),
    library: file,
    koffi: koffiPath,
    settings,
    vectors: false,
  };
  tryProducts(load, description);
  return { ...description, vectors: multipliesVectors(load, library, description) };
}

/** A function of the library, if it has it. */
function find(library: Library, declaration: string): ReturnType<Library['func']> | undefined {
  try {
    return library.func(declaration);
  } catch {
    return undefined;
  }
}

/** Which BLAS it is, by the function that only this one has. */
function identify(library: Library, file: string): { name: string; version: string } {
  const openblas = find(library, 'const char *openblas_get_config()');
  if (openblas !== undefined) return { name: 'OpenBLAS', version: openblas() };
  const mkl = find(library, 'void MKL_Get_Version_String(uint8_t *text, int length)');
  if (mkl !== undefined) {
    const text = new Uint8Array(256);
    mkl(text, text.length);
    return { name: 'MKL', version: new TextDecoder().decode(text).replaceAll('\0', '').trim() };
  }
  const blis = find(library, 'const char *bli_info_get_version_str()');
  if (blis !== undefined) return { name: 'BLIS', version: blis() };
  return { name: file.endsWith('/Accelerate') ? 'Accelerate' : 'BLAS', version: '' };
}

/** OpenBLAS built without threads promises nothing if threads of others call it at the same time. */
function refuseSequential(library: Library): void {
  const parallel = find(library, 'int openblas_get_parallel()');
  if (parallel?.() === 0) {
    throw new Error('it is a sequential build, which several threads must not call at a time');
  }
}

/**
 * Refuses the ILP64 interface, whose integers have 64 bits. Told that there are -2^32 + 2 elements, a library that looks at
 * 32 bits adds up two products; one that looks at 64 has none to add up.
 */
function refuseLongIntegers(koffi: Koffi, library: Library): void {
  const dot = find(
    library,
    'double cblas_ddot(int64_t n, uintptr_t x, int64_t incx, uintptr_t y, int64_t incy)',
  );
  if (dot === undefined) throw new Error('it has no cblas_ddot');
  const numbers = Float64Array.of(3, 5);
  const address = Number(koffi.address(new Uint8Array(numbers.buffer)));
  if (dot(2 - 2 ** 32, address, 1, address, 1) !== 34) {
    throw new Error('its integers have 64 bits (ILP64); the interface with 32 bits (LP64) is needed');
  }
}

/** Computes `C = A B` and `C = 2 A^T B^T - C` for A = [1 2; 3 4] and B = [5 6; 7 8], in both types. */
function tryProducts(load: (path: string) => unknown, description: BlasDescription): void {
  const buffer = new ArrayBuffer(128);
  const calls = bindBlas(load, description, { buffer }, leadingDimension);
  for (const [name, Numbers] of [
    ['float32', Float32Array],
    ['float64', Float64Array],
  ] as const) {
    const numbers = new Numbers(buffer, 0, 12);
    const [A, B, C] = [0, 4 * numbers.BYTES_PER_ELEMENT, 8 * numbers.BYTES_PER_ELEMENT];
    numbers.set([1, 2, 3, 4, 5, 6, 7, 8]);
    numbers.fill(Number.NaN, 8);
    calls[name](2, 2, 2, A, 2, 1, B, 2, 1, C, 2, 1, 0);
    const plain = [...numbers.subarray(8)];
    calls[name](2, 2, 2, A, 1, 2, B, 1, 2, C, 2, 2, -1);
    const transposed = [...numbers.subarray(8)];
    if (`${plain}` !== '19,22,43,50' || `${transposed}` !== '27,40,25,42') {
      throw new Error(`it multiplies 2 x 2 matrices of ${name} wrongly: ${plain} and ${transposed}`);
    }
  }
}

/**
 * Whether its matrix-vector products are right: they are faster than products of matrices with one row or column. Some
 * releases of OpenBLAS multiply y by a beta of 0 instead of overwriting it, so that NaN stays NaN.
 */
function multipliesVectors(
  load: (path: string) => unknown,
  library: Library,
  description: BlasDescription,
): boolean {
  for (const name of ['cblas_sgemv', 'cblas_dgemv']) {
    if (find(library, `void ${name}()`) === undefined) return false;
  }
  const n = 37;
  const buffer = new ArrayBuffer(8 * n * (n + 2));
  const calls = bindBlas(load, { ...description, vectors: true }, { buffer }, leadingDimension);
  for (const [name, Numbers] of [
    ['float32', Float32Array],
    ['float64', Float64Array],
  ] as const) {
    const numbers = new Numbers(buffer, 0, n * (n + 2));
    const [A, x, y] = [0, n * n, n * n + n].map((start) => start * Numbers.BYTES_PER_ELEMENT);
    const result = numbers.subarray(n * n + n);
    // A is n times the identity, with the element (0, 1) one more.
    numbers.fill(0);
    for (let i = 0; i < n; i++) numbers[i * n + i] = n;
    numbers[1] = 1;
    numbers.fill(2, n * n, n * n + n);
    const isRight = (changed: number): boolean =>
      result.every((value, i) => value === (i === changed ? 2 * n + 2 : 2 * n));
    result.fill(Number.NaN);
    calls[name](n, 1, n, A, n, 1, x, 1, 1, y, 1, 1, 0);
    if (!isRight(0)) return false;
    result.fill(Number.NaN);
    calls[name](1, n, n, x, n, 1, A, n, 1, y, n, 1, 0);
    if (!isRight(1)) return false;
  }
  return true;
}
