import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModuleBuilder } from '../../../src/backends/wasm/encoder.ts';
import { buildGemm, gemmScratchBytes } from '../../../src/backends/wasm/gemm/index.ts';

type Name = 'f32' | 'f64';
type Numbers = Float32Array | Float64Array;
type Gemm = (...parameters: number[]) => void;

const memory = new WebAssembly.Memory({ initial: 400 });
const module = new ModuleBuilder();
buildGemm(module);
const binary = module.encode();
const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
const gemm = { f32: instance.exports.gemm_f32 as Gemm, f64: instance.exports.gemm_f64 as Gemm };

const SCRATCH = 65536;
const HEAP = SCRATCH + Math.ceil(gemmScratchBytes() / 64) * 64;
const END = memory.buffer.byteLength;

const view = (name: Name, address: number, length: number): Numbers =>
  name === 'f32'
    ? new Float32Array(memory.buffer, address, length)
    : new Float64Array(memory.buffer, address, length);

/** A matrix of numbers with strides in elements, as a caller of gemm describes it. */
interface Matrix {
  readonly data: Numbers;
  /** Index of element (0, 0). */
  readonly origin: number;
  readonly row: number;
  readonly column: number;
}

const at = (matrix: Matrix, i: number, j: number): number =>
  matrix.data[matrix.origin + i * matrix.row + j * matrix.column];

let seed = 1;
/** Uniform in [-1, 1): xorshift32, so that failures repeat. */
function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed / 2 ** 31;
}

function numbers(name: Name, length: number): Numbers {
  const data = name === 'f32' ? new Float32Array(length) : new Float64Array(length);
  return data.map(random) as Numbers;
}

type Layout = 'rows' | 'transposed' | 'strided' | 'backwards' | 'constant';
const LAYOUTS: readonly Layout[] = ['rows', 'transposed', 'strided', 'backwards', 'constant'];

function matrix(name: Name, rows: number, columns: number, layout: Layout): Matrix {
  const area = Math.max(1, rows * columns);
  switch (layout) {
    case 'rows':
      return { data: numbers(name, area), origin: 0, row: columns, column: 1 };
    case 'transposed':
      return { data: numbers(name, area), origin: 0, row: 1, column: rows };
    case 'strided':
      return { data: numbers(name, 3 * area), origin: 0, row: 3 * columns, column: 2 };
    case 'backwards':
      return { data: numbers(name, area), origin: area - 1, row: -columns, column: -1 };
    case 'constant':
      return { data: numbers(name, Math.max(1, columns)), origin: 0, row: 0, column: 1 };
  }
}

/** One matrix sliced: the same numbers from row i and column j on. */
const from = (whole: Matrix, i: number, j: number): Matrix => ({
  ...whole,
  origin: whole.origin + i * whole.row + j * whole.column,
});

interface Options {
  readonly accumulate?: boolean;
  /** What C holds before; the result has the same row stride. */
  readonly C?: Numbers;
  readonly rsC?: number;
}

let calls = 0;

/** Runs gemm on copies of A, B and C in the memory and returns C as it lies there. */
function multiply(
  name: Name,
  M: number,
  N: number,
  K: number,
  A: Matrix,
  B: Matrix,
  options: Options = {},
): Numbers {
  const bytes = name === 'f32' ? 4 : 8;
  const rsC = options.rsC ?? N;
  const C = options.C ?? (numbers(name, Math.max(0, (M - 1) * rsC + N)).fill(Number.NaN) as Numbers);
  // One of them ends where the memory ends, in turn, so that reading beyond it traps.
  const operands = [A.data, B.data, C];
  const addresses: number[] = [];
  let end = END;
  calls++;
  for (let turn = 0; turn < 3; turn++) {
    const which = (calls + turn) % 3;
    end -= operands[which].length * bytes;
    addresses[which] = end;
    view(name, end, operands[which].length).set(operands[which]);
    end &= ~7;
  }
  if (end < HEAP) throw new Error('the operands are too large for the memory of this test');
  const a = addresses[0] + A.origin * bytes;
  const b = addresses[1] + B.origin * bytes;
  const c = addresses[2];
  gemm[name](M, N, K, a, A.row, A.column, b, B.row, B.column, c, rsC, options.accumulate ? 1 : 0, SCRATCH);
  return view(name, c, C.length).slice();
}

/** The same bits, but for the payload of NaN. */
function expectSame(actual: Numbers, expected: Numbers): void {
  const same = actual.length === expected.length && actual.every((value, i) => Object.is(value, expected[i]));
  if (!same) expect(actual).toEqual(expected);
}

/** Compares C with float64 sums; the bound on rounding errors is that of Higham (2002), section 3.1. */
function check(
  name: Name,
  M: number,
  N: number,
  K: number,
  A: Matrix,
  B: Matrix,
  options: Options = {},
): void {
  const C = multiply(name, M, N, K, A, B, options);
  const rsC = options.rsC ?? N;
  const unit = name === 'f32' ? 2 ** -24 : 2 ** -53;
  const gamma = ((K + 8) * unit) / (1 - (K + 8) * unit);
  let worst = 0;
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let sum = options.accumulate ? options.C![i * rsC + j] : 0;
      let size = Math.abs(sum);
      for (let k = 0; k < K; k++) {
        const product = at(A, i, k) * at(B, k, j);
        sum += product;
        size += Math.abs(product);
      }
      const error = Math.abs(C[i * rsC + j] - sum) / (gamma * size + Number.MIN_VALUE);
      if (!(error <= worst)) worst = error;
    }
  }
  // float64 is compared with sums that are themselves rounded
  if (!(worst <= 2)) {
    expect.fail(
      `${name} ${M} x ${N} x ${K}, A ${A.row} ${A.column}, B ${B.row} ${B.column}: ${worst} of the bound`,
    );
  }
}

const TRANSPOSES: readonly (readonly [Layout, Layout])[] = [
  ['rows', 'rows'],
  ['rows', 'transposed'],
  ['transposed', 'rows'],
  ['transposed', 'transposed'],
];

describe.each(['f32', 'f64'] as const)('%s', (name) => {
  test.each(TRANSPOSES)('all small sizes, A %s, B %s', (a, b) => {
    for (const M of [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 16, 19]) {
      for (let N = 0; N <= 20; N++) {
        for (const K of [0, 1, 2, 3, 4, 5, 7, 8, 9, 17, 33]) {
          check(name, M, N, K, matrix(name, M, K, a), matrix(name, K, N, b));
        }
      }
    }
  });

  test('every pair of layouts, padding between rows of C, with and without accumulation', () => {
    for (const a of LAYOUTS) {
      for (const b of LAYOUTS) {
        for (const [M, N, K] of [
          [1, 13, 9],
          [1, 70, 5],
          [3, 6, 40],
          [6, 1, 11],
          [8, 35, 37],
          [13, 10, 21],
          [40, 51, 33],
        ]) {
          for (const accumulate of [false, true]) {
            const rsC = N + 3;
            const C = numbers(name, M * rsC);
            const options = { accumulate, C, rsC };
            const [A, B] = [matrix(name, M, K, a), matrix(name, K, N, b)];
            check(name, M, N, K, A, B, options);
            const result = multiply(name, M, N, K, A, B, options);
            for (let i = 0; i < M; i++) {
              expectSame(result.slice(i * rsC + N, (i + 1) * rsC), C.slice(i * rsC + N, (i + 1) * rsC));
            }
          }
        }
      }
    }
  });

  test.each(TRANSPOSES)('sizes around the blocks, A %s, B %s', (a, b) => {
    for (const [M, N, K] of [
      [129, 40, 385],
      [5, 517, 40],
      [37, 261, 300],
      [131, 9, 770],
      [3, 300, 400],
      [1, 530, 800],
    ]) {
      for (const accumulate of [false, true]) {
        const C = numbers(name, M * N);
        check(name, M, N, K, matrix(name, M, K, a), matrix(name, K, N, b), { accumulate, C });
      }
    }
  });

  test('random sizes and layouts', () => {
    const size = fc.integer({ min: 1, max: 90 });
    const layout = fc.constantFrom(...LAYOUTS);
    fc.assert(
      fc.property(size, size, size, layout, layout, fc.boolean(), (M, N, K, a, b, accumulate) => {
        const C = numbers(name, M * N);
        check(name, M, N, K, matrix(name, M, K, a), matrix(name, K, N, b), { accumulate, C });
      }),
      { numRuns: 150, seed: 6 },
    );
  });

  test('sums run over k in order, each step rounded', () => {
    const round = name === 'f32' ? Math.fround : (x: number) => x;
    for (const [M, N, K] of [
      [6, 13, 250],
      [1, 21, 250],
      [9, 1, 250],
    ]) {
      const [A, B] = [matrix(name, M, K, 'rows'), matrix(name, K, N, 'transposed')];
      const expected = numbers(name, M * N);
      for (let i = 0; i < M; i++) {
        for (let j = 0; j < N; j++) {
          let sum = 0;
          for (let k = 0; k < K; k++) sum = round(sum + round(at(A, i, k) * at(B, k, j)));
          expected[i * N + j] = sum;
        }
      }
      expectSame(multiply(name, M, N, K, A, B), expected);
    }
  });

  test('a sum of no products is zero, or leaves C alone', () => {
    const [A, B] = [matrix(name, 3, 0, 'rows'), matrix(name, 0, 5, 'rows')];
    const C = numbers(name, 3 * 7);
    const zeros = multiply(name, 3, 5, 0, A, B, { C, rsC: 7 });
    const expected = C.map((value, i) => (i % 7 < 5 ? 0 : value));
    expect(zeros).toEqual(expected);
    expect(multiply(name, 3, 5, 0, A, B, { C, rsC: 7, accumulate: true })).toEqual(C);
  });

  test('NaN and infinity spread to the elements that they belong to, and to no others', () => {
    for (const [M, N, K] of [
      [1, 40, 9],
      [2, 3, 4],
      [5, 10, 40],
      [9, 1, 6],
      [33, 43, 65],
    ]) {
      for (const [a, b] of TRANSPOSES) {
        const [A, B] = [matrix(name, M, K, a), matrix(name, K, N, b)];
        const [row, k, column] = [M - 1, K >> 1, N >> 1];
        // 0 * inf in every column of one row; NaN in one column
        A.data[row * A.row + k * A.column] = Number.POSITIVE_INFINITY;
        for (let j = 0; j < N; j++) B.data[k * B.row + j * B.column] = 0;
        B.data[column * B.column] = Number.NaN;
        const C = multiply(name, M, N, K, A, B);
        for (let i = 0; i < M; i++) {
          for (let j = 0; j < N; j++) {
            if (Number.isNaN(C[i * N + j]) !== (i === row || j === column))
              expect.fail(`${M} x ${N} x ${K}: ${i}, ${j}`);
          }
        }
      }
    }
  });

  describe('an element does not depend on what is computed with it', () => {
    const [M, N, K] = [27, 45, name === 'f32' ? 520 : 270];
    const parts = [
      [0, 1, 0, 45],
      [26, 1, 7, 1],
      [3, 2, 40, 5],
      [0, 27, 44, 1],
      [5, 9, 3, 10],
      [1, 4, 8, 32],
      [11, 8, 0, 45],
    ];
    for (const depth of [2, 7, 40, K]) {
      for (const accumulate of [false, true]) {
        test.each(TRANSPOSES)(`K = ${depth}, accumulate ${accumulate}, A %s, B %s`, (a, b) => {
          const [A, B] = [matrix(name, M, depth, a), matrix(name, depth, N, b)];
          const C = numbers(name, M * N);
          const whole = multiply(name, M, N, depth, A, B, { C, accumulate });
          const expectPart = (i: number, rows: number, j: number, columns: number, X: Matrix, Y: Matrix) => {
            const old = C.slice(i * N + j, (i + rows - 1) * N + j + columns);
            const part = multiply(name, rows, columns, depth, X, Y, { C: old, rsC: N, accumulate });
            for (let r = 0; r < rows; r++) {
              const start = (i + r) * N + j;
              expectSame(part.slice(r * N, r * N + columns), whole.slice(start, start + columns));
            }
          };
          for (const [i, rows, j, columns] of parts)
            expectPart(i, rows, j, columns, from(A, i, 0), from(B, 0, j));
          // Every split into two panels of rows, and every column alone
          for (let i = 1; i < M; i++) {
            expectPart(0, i, 0, N, A, B);
            expectPart(i, M - i, 0, N, from(A, i, 0), B);
          }
          for (let j = 0; j < N; j++) expectPart(0, M, j, 1, A, from(B, 0, j));
        });
      }
    }

    test('nor on the layout of the operands', () => {
      for (const [m, n, k] of [
        [1, 45, 520],
        [5, 45, 520],
        [27, 1, 33],
        [27, 10, 520],
        [4, 4, 4],
        [3, 5, 1],
      ]) {
        const [A, B] = [matrix(name, m, k, 'rows'), matrix(name, k, n, 'rows')];
        const expected = multiply(name, m, n, k, A, B);
        for (const a of LAYOUTS.slice(0, 4)) {
          for (const b of LAYOUTS.slice(0, 4)) {
            expectSame(multiply(name, m, n, k, relaid(name, A, m, k, a), relaid(name, B, k, n, b)), expected);
          }
        }
      }
    });
  });
});

/** The same numbers in another layout. */
function relaid(name: Name, source: Matrix, rows: number, columns: number, layout: Layout): Matrix {
  const result = matrix(name, rows, columns, layout);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      result.data[result.origin + i * result.row + j * result.column] = at(source, i, j);
    }
  }
  return result;
}

test('addresses beyond 2 GiB are unsigned', () => {
  const high = new WebAssembly.Memory({ initial: 2 ** 15 + 64 });
  const module = new WebAssembly.Module(binary);
  const { gemm_f32 } = new WebAssembly.Instance(module, { env: { memory: high } }).exports;
  const [M, N, K] = [9, 19, 40];
  const [a, b, c, scratch] = [0, 1, 2, 3].map((k) => 2 ** 31 - 2048 + k * 2 ** 16);
  const operands = new Float32Array(high.buffer, a, M * K).fill(2);
  new Float32Array(high.buffer, b, K * N).fill(3);
  for (const [rowA, columnA] of [
    [K, 1],
    [1, M],
  ]) {
    for (const [rowB, columnB] of [
      [N, 1],
      [1, K],
    ]) {
      (gemm_f32 as Gemm)(M, N, K, a, rowA, columnA, b, rowB, columnB, c, N, 0, scratch);
      expect(new Float32Array(high.buffer, c, M * N)).toEqual(new Float32Array(M * N).fill(6 * K));
    }
  }
  expect(operands[0]).toBe(2);
});

test('fused multiply-add changes the instructions only', () => {
  const relaxed = new ModuleBuilder();
  buildGemm(relaxed, { relaxed: true });
  // Whether the module is valid depends on the machine: Node 20 knows relaxed SIMD only behind a flag.
  expect(relaxed.encode().length).toBeLessThan(binary.length);
});
