/** What threads share, and where they wait for one another. */
import { expect, test } from 'vitest';
import { type Footprint, isJoint, planSteps } from '../../../src/backends/wasm/share.ts';
import type { Kernel, LoopKernel, ProductKernel, RowsKernel } from '../../../src/compile/program.ts';

const loop: LoopKernel = {
  kind: 'loop',
  extents: [4],
  reduced: 0,
  accesses: [],
  nodes: [],
  accumulators: [],
  stores: [],
};
const rows = (): RowsKernel => ({ kind: 'rows', rows: 8, chunk: 2, loops: [loop], workspaceBytes: 0 });
const alone = (): LoopKernel => ({ ...loop });
const matrix = { buffer: 0, offset: 0, strides: [], rows: 1, columns: 1 };
const product = (n: number): ProductKernel => ({
  kind: 'product',
  dtype: 'float32',
  batch: [],
  n,
  m: n,
  k: n,
  a: matrix,
  b: matrix,
  c: matrix,
  alpha: { scale: 1 },
  beta: { scale: 0 },
});

/** Steps of kernels that read and write memory of ten bytes at the given tens. */
function stepsOf(list: readonly (readonly [Kernel, reads: number[], writes: number[]])[]): string[] {
  const ranges = (tens: readonly number[]) => tens.map((ten) => ({ address: 10 * ten, bytes: 10 }));
  const footprints = new Map(
    list.map(([kernel, reads, writes]): [Kernel, Footprint] => [
      kernel,
      { reads: ranges(reads), writes: ranges(writes) },
    ]),
  );
  return planSteps(
    list.map(([kernel]) => kernel),
    (kernel) => footprints.get(kernel),
  ).map(
    ({ joint, kernels, barrier }) => `${barrier ? '| ' : ''}${joint ? 'joint' : 'alone'} ${kernels.length}`,
  );
}

test('large products and rows are joint, small ones are not', () => {
  expect([rows(), product(64), product(8), alone()].map(isJoint)).toEqual([true, true, false, false]);
  const block = { buffers: [], constants: [], kernels: [alone(), rows()] };
  const repeat = {
    kind: 'repeat',
    block,
    operands: [],
    reads: [],
    writes: [],
    workspace: 0,
    rounds: 3,
  } as const;
  expect(isJoint(repeat)).toBe(true);
  expect(isJoint({ ...repeat, block: { ...block, kernels: [alone()] } })).toBe(false);
});

test('what one thread does alone needs no barrier', () => {
  const list = [
    [alone(), [], [1]],
    [alone(), [1], [2]],
    [alone(), [2], [1]],
  ] as const;
  expect(stepsOf(list.map(([kernel, reads, writes]) => [kernel, [...reads], [...writes]]))).toEqual([
    'alone 3',
  ]);
});

test.each<[string, number[], number[], number[], number[], boolean]>([
  ['reading what was written', [], [1], [1], [2], true],
  ['overwriting what was read', [1], [2], [3], [1], true],
  ['writing what was written', [], [1], [], [1], true],
  ['reading what was read', [1], [2], [1], [3], false],
  ['other memory', [1], [2], [3], [4], false],
])('%s: a barrier where one of them is joint', (_, reads, writes, thenReads, thenWrites, needed) => {
  for (const [first, second] of [
    [rows(), alone()],
    [alone(), rows()],
    [rows(), rows()],
  ])
    expect(
      stepsOf([
        [first, reads, writes],
        [second, thenReads, thenWrites],
      ])[1],
    ).toMatch(needed ? /^\|/ : /^(joint|alone)/);
});

test('a barrier holds for all that came before it', () => {
  expect(
    stepsOf([
      [rows(), [], [1]],
      [rows(), [], [2]],
      [alone(), [1], [3]],
      [alone(), [2], [4]],
      [rows(), [3, 4], [5]],
    ]),
  ).toEqual(['joint 1', 'joint 1', '| alone 2', '| joint 1']);
});

test('memory that is not known is taken for shared', () => {
  const kernels = [rows(), rows()];
  expect(planSteps(kernels, () => undefined).map(({ barrier }) => barrier)).toEqual([false, true]);
});
