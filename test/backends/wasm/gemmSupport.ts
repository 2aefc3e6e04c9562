/** What tests of the matrix product share: matrices in all layouts, the product itself, and loops to compare with. */
import { setFlagsFromString } from 'node:v8';
import { expect } from 'vitest';
import { ModuleBuilder } from '../../../src/backends/wasm/encoder.ts';
import { buildGemm, gemmScratchBytes } from '../../../src/backends/wasm/gemm/index.ts';

/** A precision, plain or with fused multiply-add. */
export type Name = 'f32' | 'f64' | 'f32 fused' | 'f64 fused';
export const NAMES: readonly Name[] = ['f32', 'f64', 'f32 fused', 'f64 fused'];
export type Numbers = Float32Array | Float64Array;
export type Gemm = (...parameters: number[]) => void;

/** Both products of a memory, `gemm_f32` and `gemm_f64`. */
export function instantiate(memory: WebAssembly.Memory, relaxed: boolean): Record<string, Gemm> {
  const module = new ModuleBuilder();
  buildGemm(module, { relaxed });
  const binary = module.encode();
  // Node 20 knows relaxed SIMD only behind a flag.
  if (!WebAssembly.validate(binary)) setFlagsFromString('--experimental-wasm-relaxed-simd');
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
  return exports as Record<string, Gemm>;
}

const memory = new WebAssembly.Memory({ initial: 400 });
const [plain, fused] = [instantiate(memory, false), instantiate(memory, true)];
const gemm: Record<Name, Gemm> = {
  f32: plain.gemm_f32,
  f64: plain.gemm_f64,
  'f32 fused': fused.gemm_f32,
  'f64 fused': fused.gemm_f64,
};

export const isSingle = (name: Name): boolean => name.startsWith('f32');

/** The next number of a precision. */
export const rounded = (name: Name, value: number): number => (isSingle(name) ? Math.fround(value) : value);

const SCRATCH = 65536;
const HEAP = SCRATCH + Math.ceil(gemmScratchBytes() / 64) * 64;
const END = memory.buffer.byteLength;

const view = (name: Name, address: number, length: number): Numbers =>
  isSingle(name)
    ? new Float32Array(memory.buffer, address, length)
    : new Float64Array(memory.buffer, address, length);

/** A matrix of numbers with strides in elements, as a caller of gemm describes it. */
export interface Matrix {
  readonly data: Numbers;
  /** Index of element (0, 0). */
  readonly origin: number;
  readonly row: number;
  readonly column: number;
}

export const at = (matrix: Matrix, i: number, j: number): number =>
  matrix.data[matrix.origin + i * matrix.row + j * matrix.column];

let seed = 1;
/** Uniform in [-1, 1): xorshift32, so that failures repeat. */
export function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed / 2 ** 31;
}

export function numbers(name: Name, length: number): Numbers {
  const data = isSingle(name) ? new Float32Array(length) : new Float64Array(length);
  return data.map(random) as Numbers;
}

export type Layout = 'rows' | 'transposed' | 'strided' | 'backwards' | 'constant';
export const LAYOUTS: readonly Layout[] = ['rows', 'transposed', 'strided', 'backwards', 'constant'];

export function matrix(name: Name, rows: number, columns: number, layout: Layout): Matrix {
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
export const from = (whole: Matrix, i: number, j: number): Matrix => ({
  ...whole,
  origin: whole.origin + i * whole.row + j * whole.column,
});

export interface Options {
  /** 1 if absent. */
  readonly alpha?: number;
  /** 0 if absent. */
  readonly beta?: number;
  /** What C holds before, NaN if absent; the result has the same row stride. */
  readonly C?: Numbers;
  readonly rsC?: number;
}

let calls = 0;

/** Runs gemm on copies of A, B and C in the memory and returns C as it lies there. */
export function multiply(
  name: Name,
  M: number,
  N: number,
  K: number,
  A: Matrix,
  B: Matrix,
  options: Options = {},
): Numbers {
  const bytes = isSingle(name) ? 4 : 8;
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
  const { alpha = 1, beta = 0 } = options;
  gemm[name](M, N, K, a, A.row, A.column, b, B.row, B.column, c, rsC, SCRATCH, alpha, beta);
  return view(name, c, C.length).slice();
}

/** The same bits, but for the payload of NaN. */
export function expectSame(actual: Numbers, expected: Numbers): void {
  const same = actual.length === expected.length && actual.every((value, i) => Object.is(value, expected[i]));
  if (!same) expect(actual).toEqual(expected);
}

/** Compares C with float64 sums; the bound on rounding errors is that of Higham (2002), section 3.1. */
export function check(
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
  const [alpha, beta] = [options.alpha ?? 1, options.beta ?? 0].map((factor) => rounded(name, factor));
  const unit = isSingle(name) ? 2 ** -24 : 2 ** -53;
  const gamma = ((K + 8) * unit) / (1 - (K + 8) * unit);
  let worst = 0;
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let sum = beta === 0 ? 0 : beta * options.C![i * rsC + j];
      let size = Math.abs(sum);
      for (let k = 0; k < K; k++) {
        const product = alpha * at(A, i, k) * at(B, k, j);
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
      `${name} ${M} x ${N} x ${K}, A ${A.row} ${A.column}, B ${B.row} ${B.column}, alpha ${alpha}, beta ${beta}: ` +
        `${worst} of the bound`,
    );
  }
}

/** The same numbers in another layout. */
export function relaid(name: Name, source: Matrix, rows: number, columns: number, layout: Layout): Matrix {
  const result = matrix(name, rows, columns, layout);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      result.data[result.origin + i * result.row + j * result.column] = at(source, i, j);
    }
  }
  return result;
}
