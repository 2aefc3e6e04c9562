import { expect, test } from 'vitest';
import { WasmEngine } from '../../../src/backends/wasm/engine.ts';
import {
  type Access,
  buffersOf,
  type Factor,
  type ProductKernel,
  type Program,
  renameBuffers,
} from '../../../src/compile/program.ts';
import { allocate, type DType } from '../../../src/graph/index.ts';
import { interpret } from '../../compile/interpret.ts';
import { uniform } from '../../support/random.ts';

type Float = ProductKernel['dtype'];
const [A, B, C, FACTORS] = [0, 1, 2, 3];
const LENGTHS = [2 * 3 * 4, 4 * 5, 2 * 3 * 5, 3];

/** C[t] = alpha A[t] B + beta C[t] for t = 0 and 1; all are inputs, and C is the output. */
function programOf(dtype: Float, alpha: Factor, beta: Factor): Program {
  const matrix = (buffer: number, rows: number, columns: number, batch: number) => {
    return { buffer, offset: 0, strides: [batch], rows, columns };
  };
  const kernel: ProductKernel = {
    kind: 'product',
    dtype,
    batch: [2],
    n: 3,
    m: 5,
    k: 4,
    a: matrix(A, 4, 1, 12),
    b: matrix(B, 5, 1, 0),
    c: matrix(C, 5, 1, 15),
    alpha,
    beta,
  };
  const buffers = LENGTHS.map((length, i) => {
    return { dtype: dtype as DType, length, place: { kind: 'arena' as const, offset: 1024 * i } };
  });
  const outputs = [{ buffer: C, shape: [2, 3, 5], dtype }];
  const inputs = [A, B, C, FACTORS];
  const kernels = [kernel];
  return {
    buffers,
    kernels,
    constants: [],
    inputs,
    outputs,
    parameters: [],
    arenaBytes: 4096,
    workspaceBytes: 0,
  };
}

const by = (offset: number): Access => ({ buffer: FACTORS, offset, strides: [] });
const CASES: readonly (readonly [Factor, Factor])[] = [
  [{ scale: 1 }, { scale: 0 }],
  [{ scale: 1 }, { scale: 1 }],
  [{ scale: -0.1, by: by(1) }, { scale: 0.9 }],
  [{ scale: 2 }, { scale: -1, by: by(0) }],
  [
    { scale: 1, by: by(0) },
    { scale: 1, by: by(1) },
  ],
  // What a scale of 0 is multiplied by is not looked at: it is NaN.
  [
    { scale: 0, by: by(2) },
    { scale: 0, by: by(2) },
  ],
];

test.each(['float32', 'float64'] as const)('%s products read their factors where they say', (dtype) => {
  const engine = new WasmEngine();
  const random = uniform(1);
  const numbers = LENGTHS.map((length) => allocate(dtype, length).map(() => random() - 0.5));
  numbers[FACTORS][2] = Number.NaN;
  for (const [alpha, beta] of CASES) {
    const program = programOf(dtype, alpha, beta);
    const [expected] = interpret(program, numbers, []);
    const [result] = engine.load({ program, parameters: [], routines: new Map() }).run(numbers);
    const unit = dtype === 'float32' ? 2 ** -24 : 2 ** -53;
    result.data.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(16 * unit);
    });
    expect(result.data.every((value) => value !== 0)).toBe(alpha.scale !== 0);
  }
});

test('products read C where beta is not 0, and what their factors name', () => {
  const readsOf = (alpha: Factor, beta: Factor): number[] => {
    const { kernels } = programOf('float32', alpha, beta);
    const [renamed] = renameBuffers(kernels, (buffer) => buffer + 10);
    const { reads, writes } = buffersOf(renamed);
    expect(writes).toEqual([C + 10]);
    expect(reads).toEqual(buffersOf(kernels[0]).reads.map((buffer) => buffer + 10));
    return buffersOf(kernels[0]).reads;
  };
  expect(readsOf({ scale: 2 }, { scale: 0 })).toEqual([A, B]);
  expect(readsOf({ scale: 1 }, { scale: 0.5 })).toEqual([A, B, C]);
  expect(readsOf({ scale: 1, by: by(0) }, { scale: 1 })).toEqual([A, B, C, FACTORS]);
  expect(readsOf({ scale: 1 }, { scale: 1, by: by(1) })).toEqual([A, B, C, FACTORS]);
});
