/** Products by a native BLAS against plain loops in float64. */
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeRequire } from '../../../src/backends/wasm/blas/find.ts';
import {
  type Blas,
  type BlasCalls,
  bindBlas,
  bindBlasSource,
  findBlas,
  fitsBlas,
  leadingDimension,
  loadBlas,
  worthBlas,
} from '../../../src/backends/wasm/blas/index.ts';

type Name = keyof BlasCalls;
type Numbers = Float32Array | Float64Array;

const PAGE = 65536;
const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
const blas = loadBlas('auto', memory);

/** Numbers in a memory. */
const numbersAt = (name: Name, buffer: ArrayBufferLike, address: number, length: number): Numbers =>
  name === 'float32'
    ? new Float32Array(buffer as ArrayBuffer, address, length)
    : new Float64Array(buffer as ArrayBuffer, address, length);

let seed = 1;
/** Uniform in [-1, 1): xorshift32, so that failures repeat. */
function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed / 2 ** 31;
}

/** A matrix in the memory: `width` is the leading dimension, at least the length of a line. */
interface Matrix {
  readonly transposed: boolean;
  readonly width: number;
}

interface Case {
  readonly name: Name;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly A: Matrix;
  readonly B: Matrix;
  /** Leading dimension of C. */
  readonly widthC: number;
  readonly alpha: number;
  readonly beta: number;
}

const strides = ({ transposed, width }: Matrix): readonly [number, number] =>
  transposed ? [1, width] : [width, 1];

/** Runs a product with random numbers whose operands start at `start`; returns how far it is off and what else it wrote. */
function run(gemm: BlasCalls, buffer: ArrayBufferLike, start: number, each: Case) {
  const { name, M, N, K, alpha, beta, widthC } = each;
  const [rsA, csA] = strides(each.A);
  const [rsB, csB] = strides(each.B);
  const room = (rows: number, columns: number, rs: number, cs: number) =>
    Math.max(0, rows - 1) * rs + Math.max(0, columns - 1) * cs + 1;
  const sizes = [room(M, K, rsA, csA), room(K, N, rsB, csB), room(M, N, widthC, 1)];
  let end = start;
  const [A, B, C] = sizes.map((size) => {
    const data = numbersAt(name, buffer, end, size);
    end += Math.ceil(data.byteLength / 64) * 64;
    return data;
  });
  A.forEach((_, i) => (A[i] = random()));
  B.forEach((_, i) => (B[i] = random()));
  C.forEach((_, i) => (C[i] = beta === 0 ? Number.NaN : random()));
  const before = C.slice();
  // Addresses come out of WebAssembly as signed numbers.
  const [a, b, c] = [A, B, C].map((data) => data.byteOffset | 0);
  gemm[name](M, N, K, a, rsA, csA, b, rsB, csB, c, widthC, alpha, beta);

  let error = 0;
  let untouched = true;
  C.forEach((value, at) => {
    const [i, j] = [Math.floor(at / widthC), at % widthC];
    if (j >= N) {
      untouched &&= Object.is(value, before[at]);
      return;
    }
    let sum = 0;
    for (let k = 0; k < K; k++) sum += A[i * rsA + k * csA] * B[k * rsB + j * csB];
    const expected = alpha * sum + (beta === 0 ? 0 : beta * before[at]);
    const off = Math.abs(value - expected);
    error = Math.max(error, Number.isNaN(off) ? Infinity : off);
  });
  return { error, untouched };
}

/** Sums of K products of numbers in [-1, 1], and the old element: K + 2 roundings of at most K + 2. */
const bound = ({ name, K, alpha, beta }: Case): number =>
  (name === 'float32' ? 2 ** -24 : 2 ** -52) * (K + 3) * (Math.abs(alpha) * K + Math.abs(beta) + 1);

function expectRight(gemm: BlasCalls, buffer: ArrayBufferLike, start: number, each: Case): void {
  const { error, untouched } = run(gemm, buffer, start, each);
  expect(error, JSON.stringify(each)).toBeLessThanOrEqual(bound(each));
  expect(untouched, JSON.stringify(each)).toBe(true);
}

/** Matrices of all orientations, extents of 0 and 1 among them. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    name: fc.constantFrom<Name>('float32', 'float64'),
    M: fc.integer({ min: 1, max: 40 }),
    N: fc.integer({ min: 1, max: 40 }),
    K: fc.integer({ min: 0, max: 60 }),
    A: fc.boolean(),
    B: fc.boolean(),
    more: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)),
    alpha: fc.constantFrom(1, -1, 0.5),
    beta: fc.constantFrom(0, 1, -0.25),
  })
  .map(({ name, M, N, K, A, B, more, alpha, beta }) => ({
    name,
    M,
    N,
    K,
    A: { transposed: A, width: Math.max(1, A ? M : K) + more[0] },
    B: { transposed: B, width: Math.max(1, B ? K : N) + more[1] },
    widthC: N + more[2],
    alpha,
    beta,
  }));

const LARGE: Case = {
  name: 'float32',
  M: 150,
  N: 70,
  K: 300,
  A: { transposed: true, width: 160 },
  B: { transposed: false, width: 70 },
  widthC: 72,
  alpha: 2,
  beta: 1,
};

describe.skipIf(blas === undefined)('a BLAS', () => {
  const { gemm, ...about } = blas ?? ({} as Blas);

  test('says what it is', () => {
    expect(about.name).not.toBe('');
    expect(about.description.library).toBe(about.path);
    expect(structuredClone(about.description)).toEqual(about.description);
  });

  test('multiplies matrices of all orientations, with any leading dimensions and factors', () => {
    fc.assert(
      fc.property(cases, (each) => expectRight(gemm, memory.buffer, 1024, each)),
      { numRuns: 500 },
    );
  });

  test.each(['float32', 'float64'] as const)('multiplies larger matrices of %s', (name) => {
    expectRight(gemm, memory.buffer, 1024, { ...LARGE, name });
    expectRight(gemm, memory.buffer, 1024, { ...LARGE, name, B: { transposed: true, width: 300 }, beta: 0 });
  });

  test('multiplies vectors by matrices, through its own routine for that or through that for matrices', () => {
    const vectors = fc.tuple(cases, fc.boolean()).map(([each, row]) => ({
      ...each,
      ...(row ? { M: 1 } : { N: 1 }),
      widthC: row ? each.N : 1 + (each.widthC % 3),
    }));
    const others = bindBlas(
      nodeRequire()!,
      { ...about.description, vectors: !about.description.vectors },
      memory,
      leadingDimension,
    );
    fc.assert(
      fc.property(vectors, (each) => {
        expectRight(gemm, memory.buffer, 1024, each);
        // Where its own routine cannot be used, nothing is promised of it.
        if (about.description.vectors) expectRight(others, memory.buffer, 1024, each);
      }),
      { numRuns: 300 },
    );
  });

  test('does nothing for no rows or no columns', () => {
    const numbers = new Float32Array(memory.buffer, 1024, 4).fill(7);
    gemm.float32(0, 2, 2, 2048, 2, 1, 2048, 2, 1, 1024, 2, 1, 0);
    gemm.float32(2, 0, 2, 2048, 2, 1, 2048, 1, 1, 1024, 1, 1, 0);
    expect([...numbers]).toEqual([7, 7, 7, 7]);
  });

  test('refuses strides that do not fit', () => {
    expect(() => gemm.float64(2, 2, 2, 1024, 0, 1, 1024, 2, 1, 2048, 2, 1, 0)).toThrow(
      'blas: strides (0, 1), (2, 1) and (2, 1) do not fit [2, 2] x [2, 2]',
    );
  });

  test('reaches addresses beyond 2 GiB, and follows a memory that grows', () => {
    // Pages that nobody writes to take no room.
    const large = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
    const bound = loadBlas('auto', large)!;
    large.grow(33000);
    expectRight(bound.gemm, large.buffer, 32900 * PAGE, LARGE);
    expectRight(bound.gemm, large.buffer, 2 ** 31 - 64 * 400, { ...LARGE, name: 'float64' });
  });

  test('follows an unshared memory that grows', () => {
    const own = new WebAssembly.Memory({ initial: 16, maximum: 65536 });
    const bound = loadBlas('auto', own)!;
    expectRight(bound.gemm, own.buffer, 1024, LARGE);
    own.grow(64);
    expectRight(bound.gemm, own.buffer, 40 * PAGE, LARGE);
  });

  test('is bound by text that refers to nothing outside itself', () => {
    const bind = new Function(`return ${bindBlasSource()}`)() as (...parameters: unknown[]) => BlasCalls;
    expectRight(bind(nodeRequire(), about.description, memory), memory.buffer, 1024, LARGE);
  });

  test('works in worker threads at the same time', async () => {
    // Each thread squares a matrix of its own a thousand times: row i of it is i + 1 at one place, so is the square's.
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { description, memory, start } = workerData;
      const gemm = ${bindBlasSource()}(require, description, memory);
      const A = new Float64Array(memory.buffer, start, 64 * 64);
      const C = new Float64Array(memory.buffer, start + 8 * 64 * 64, 64 * 64);
      for (let i = 0; i < 64; i++) A[64 * i + 63 - i] = i + 1;
      let wrong = 0;
      for (let round = 0; round < 1000; round++) {
        C.fill(NaN);
        gemm.float64(64, 64, 64, start, 64, 1, start, 64, 1, start + 8 * 64 * 64, 64, 1, 0);
        for (let i = 0; i < 64; i++) for (let j = 0; j < 64; j++) {
          if (C[64 * i + j] !== (i === j ? (i + 1) * (64 - i) : 0)) wrong++;
        }
      }
      parentPort.postMessage(wrong);`;
    const shared = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
    const answers = [0, 1, 2].map((i) => {
      const workerData = { description: about.description, memory: shared, start: 2 * PAGE * i };
      const worker = new Worker(source, { eval: true, workerData });
      return new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    });
    expect(await Promise.all(answers)).toEqual([0, 0, 0]);
  });

  test('can be asked for by its file', () => {
    expect(loadBlas(about.path, memory)?.name).toBe(about.name);
  });
});

describe('choosing a BLAS', () => {
  const installed = ['x86_64', 'aarch64'].some((cpu) =>
    existsSync(`/usr/lib/${cpu}-linux-gnu/libopenblas.so.0`),
  );
  test.skipIf(!installed)('OpenBLAS is found where it is installed', () => {
    expect(findBlas('auto').description?.name).toBe('OpenBLAS');
    expect(findBlas('OpenBLAS').description?.version).toContain('OpenBLAS');
  });

  test('"off" is none', () => {
    expect(loadBlas('off', memory)).toBeUndefined();
  });

  test('a library that is not there is an error that says what was tried', () => {
    expect(() => loadBlas('/nowhere/libnothing.so', memory)).toThrow(
      /^blas: cannot use '\/nowhere\/libnothing\.so': .*\/nowhere\/libnothing\.so.*npm install koffi.*'auto', 'off'/,
    );
  });

  test('a library that is no BLAS is refused', () => {
    const file = { linux: 'libm.so.6', darwin: '/usr/lib/libSystem.B.dylib', win32: 'kernel32.dll' }[
      process.platform as string
    ]!;
    const { description, failures } = findBlas(file);
    expect(description).toBeUndefined();
    expect(failures).toEqual([`${file}: it has no cblas_sgemm`]);
  });

  test('without Node there is none', () => {
    const { process } = globalThis;
    try {
      Object.defineProperty(globalThis, 'process', { value: undefined, configurable: true, writable: true });
      expect(loadBlas('auto', memory)).toBeUndefined();
      expect(findBlas('openblas').failures).toEqual(['native libraries need Node']);
    } finally {
      globalThis.process = process;
    }
  });
});

describe('what a BLAS can read', () => {
  test('is a matrix with one stride of 1 and lines that do not overlap', () => {
    expect(leadingDimension(3, 5, 5, 1)).toBe(5);
    expect(leadingDimension(3, 5, 8, 1)).toBe(8);
    expect(leadingDimension(3, 5, 1, 3)).toBe(-3);
    expect(leadingDimension(3, 5, 10, 2)).toBe(0);
    expect(leadingDimension(3, 5, 0, 1)).toBe(0);
    expect(leadingDimension(3, 5, 1, 0)).toBe(0);
    expect(leadingDimension(3, 5, -5, 1)).toBe(0);
    expect(leadingDimension(3, 5, 4, 1)).toBe(0);
  });

  test('along an extent of 1 any stride will do', () => {
    expect(leadingDimension(1, 5, 0, 1)).toBe(5);
    expect(leadingDimension(1, 5, -7, 3)).toBe(-3);
    expect(leadingDimension(4, 1, 3, 0)).toBe(3);
    expect(leadingDimension(4, 1, 1, -9)).toBe(1);
    expect(leadingDimension(1, 1, 0, 0)).toBe(1);
    expect(leadingDimension(0, 0, 0, 0)).toBe(1);
  });

  test('if a product fits, so does every block of its rows and columns', () => {
    const stride = fc.integer({ min: -2, max: 7 });
    const extent = fc.integer({ min: 1, max: 5 });
    const sizes = fc.tuple(extent, extent, extent, extent, extent);
    const all = fc.record({ rsA: stride, csA: stride, rsB: stride, csB: stride, rsC: stride });
    fc.assert(
      fc.property(sizes, all, ([M, N, K, fewerRows, fewerColumns], each) => {
        fc.pre(fitsBlas(M, N, K, each));
        expect(fitsBlas(Math.min(M, fewerRows), Math.min(N, fewerColumns), K, each)).toBe(true);
      }),
    );
  });

  test('rows of C may have room between them, but not overlap', () => {
    const plain = { rsA: 4, csA: 1, rsB: 5, csB: 1, rsC: 5 };
    expect(fitsBlas(3, 5, 4, plain)).toBe(true);
    expect(fitsBlas(3, 5, 4, { ...plain, rsC: 9 })).toBe(true);
    expect(fitsBlas(3, 5, 4, { ...plain, rsC: 4 })).toBe(false);
    expect(fitsBlas(3, 5, 4, { ...plain, csA: 2 })).toBe(false);
    expect(fitsBlas(3, 5, 4, { ...plain, rsB: 0 })).toBe(false);
  });
});

test('large products are worth a call, small or narrow ones are not', () => {
  expect(worthBlas(784, 128, 32)).toBe(true);
  expect(worthBlas(32, 10, 128)).toBe(true);
  expect(worthBlas(8, 8, 8)).toBe(false);
  expect(worthBlas(2, 1024, 1024)).toBe(false);
  expect(worthBlas(1, 1024, 1024)).toBe(true);
  expect(worthBlas(1024, 1, 1024)).toBe(true);
  expect(worthBlas(1, 10, 128)).toBe(false);
});
