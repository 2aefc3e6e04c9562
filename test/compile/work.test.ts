import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import type { Kernel, LoopKernel, Program } from '../../src/compile/program.ts';
import { blockWork, type Work, workOf } from '../../src/compile/work.ts';
import { cond, scan, whileLoop } from '../../src/control/index.ts';
import { input, type Updates, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { kernelOfRecipe, kernelRecipes } from './randomKernel.ts';
import { perceptron, productsOf, programOf } from './support.ts';

const { add, mul, sub, exp, div, sum, matmul, relu, transpose, cholesky, cast } = registry;
const { conv, less, crossEntropy, slice } = registry;

const matrix = (rows: number, columns: number): Variable => input([rows, columns]);

const worksOf = (program: Program): Work[] =>
  program.kernels.map((kernel) => workOf(kernel, program.buffers));

/** The work of a program of one kernel. */
function workOfOne(output: Variable): Work {
  const works = worksOf(programOf([output]));
  expect(works.length).toBe(1);
  return works[0];
}

describe('a loop', () => {
  test('counts its functions for each element, and what it reads and writes', () => {
    expect(workOfOne(exp(add(mul(matrix(40, 50), 2), matrix(40, 50))))).toEqual({
      flops: 3 * 2000,
      cost: 14 * 2000,
      bytes: 3 * 2000 * 4,
    });
  });

  test('counts a row that all rows share once, and what depends on rows alone once a row', () => {
    const x = matrix(40, 50);
    expect(workOfOne(add(x, input([50]))).bytes).toBe((2 * 2000 + 50) * 4);
    expect(workOfOne(mul(x, relu(input([40, 1]))))).toEqual({
      flops: 2000 + 40,
      cost: 2000 + 40,
      bytes: (2 * 2000 + 40) * 4,
    });
  });

  test('counts one for each element that a reduction combines, and its epilogue for each result', () => {
    expect(workOfOne(div(sum(exp(matrix(40, 50)), 1), 7))).toEqual({
      flops: 2000 + 2000 + 40,
      cost: 12 * 2000 + 2000 + 4 * 40,
      bytes: (2000 + 40) * 4,
    });
  });

  test('counts the bytes of each dtype, and conversions as no arithmetic', () => {
    const { flops, bytes } = workOfOne(cast(input([100], { dtype: 'uint8' }), 'float64'));
    expect({ flops, bytes }).toEqual({ flops: 0, bytes: 100 * (1 + 8) });
  });

  test('counts no more of a buffer than there is, where accesses overlap', () => {
    const x = input([100]);
    expect(workOfOne(sub(slice(x, [1], [100]), slice(x, [0], [99]))).bytes).toBe((100 + 99) * 4);
  });

  test('of no elements does nothing', () => {
    expect(workOfOne(exp(matrix(0, 5)))).toEqual({ flops: 0, cost: 0, bytes: 0 });
  });

  test('over nothing still writes its result', () => {
    expect(workOfOne(add(sum(matrix(5, 0), 1), 1))).toEqual({ flops: 5, cost: 5, bytes: 20 });
  });

  test('touches as many elements as one finds by walking through it', () => {
    fc.assert(
      fc.property(kernelRecipes('map'), (recipe) => {
        const { kernel, buffers } = kernelOfRecipe(recipe);
        const placed = buffers.map((each) => ({ ...each, place: { kind: 'nowhere' } as const }));
        expect(workOf(kernel, placed).bytes).toBe(walkedBytes(kernel, buffers));
      }),
      { seed: 1 },
    );
  });

  test('touches the elements of windows once', () => {
    const windows = (extents: number[], strides: number[]): LoopKernel => ({
      kind: 'loop',
      extents,
      reduced: 0,
      accesses: [
        { buffer: 0, offset: 0, strides },
        { buffer: 1, offset: 0, strides: extents.map(() => 0) },
      ],
      nodes: [{ op: 'load', dtype: 'uint8', access: 0 }],
      accumulators: [],
      stores: [{ access: 1, node: 0 }],
    });
    const bytes = (extents: number[], strides: number[]): number => {
      const buffers = [1e6, 1].map((length) => ({
        dtype: 'uint8' as const,
        length,
        place: { kind: 'nowhere' } as const,
      }));
      const kernel = windows(extents, strides);
      expect(walkedBytes(kernel, buffers)).toBe(workOf(kernel, buffers).bytes);
      return workOf(kernel, buffers).bytes - 1;
    };
    expect(bytes([5, 6, 3, 3], [20, 1, 20, 1])).toBe(7 * 8);
    expect(bytes([5, 6, 3, 3], [40, 2, 20, 1])).toBe(11 * 13);
    expect(bytes([2, 5, 6, 3, 3], [400, -20, 1, -20, 1])).toBe(2 * 7 * 8);
  });
});

/** What a map reads and writes, element by element. */
function walkedBytes(kernel: LoopKernel, buffers: readonly { dtype: string; length: number }[]): number {
  const bytes: Record<string, number> = { bool: 1, uint8: 1, int32: 4, float32: 4, float64: 8 };
  const count = kernel.extents.reduce((product, extent) => product * extent, 1);
  const loaded = new Set(kernel.nodes.flatMap((node) => (node.op === 'load' ? [node.access] : [])));
  const seen = new Set<string>();
  let total = 0;
  const note = (how: string, access: number, position: readonly number[]): void => {
    const { buffer, offset, strides } = kernel.accesses[access];
    const element = strides.reduce((at, stride, axis) => at + stride * position[axis], offset);
    const key = `${how} ${buffer} ${element}`;
    if (seen.has(key)) return;
    seen.add(key);
    total += bytes[buffers[buffer].dtype];
  };
  for (let i = 0; i < count; i++) {
    let left = i;
    const position = kernel.extents.map(() => 0);
    for (let axis = position.length - 1; axis >= 0; axis--) {
      position[axis] = left % kernel.extents[axis];
      left = Math.floor(left / kernel.extents[axis]);
    }
    for (const access of loaded) note('reads', access, position);
    for (const { access } of kernel.stores) note('writes', access, position);
  }
  return total;
}

describe('a matrix product', () => {
  test('counts 2 n m k for each index of its batch axes', () => {
    expect(workOfOne(matmul(matrix(4, 5), matrix(5, 6)))).toEqual({
      flops: 2 * 4 * 5 * 6,
      cost: 2 * 4 * 5 * 6,
      bytes: (20 + 30 + 24) * 4,
    });
    const batched = workOfOne(
      matmul(
        input([7, 4, 5], { dtype: 'float64' }),
        transpose(input([7, 6, 5], { dtype: 'float64' }), [0, 2, 1]),
      ),
    );
    expect(batched).toEqual({ flops: 7 * 240, cost: 7 * 240, bytes: 7 * (20 + 30 + 24) * 8 });
  });

  test('of whole numbers is a reduction: a product and a sum each', () => {
    const whole = (shape: number[]): Variable => input(shape, { dtype: 'int32' });
    expect(workOfOne(matmul(whole([4, 5]), whole([5, 6])))).toEqual({
      flops: 240,
      cost: 240,
      bytes: (20 + 30 + 24) * 4,
    });
  });

  test('counts once what all indices of the batch axes share', () => {
    const [kernel] = productsOf(programOf([matmul(input([7, 4, 5]), input([7, 5, 6]))]));
    const shared = { ...kernel, b: { ...kernel.b, strides: [0] } };
    expect(workOf(shared, []).bytes).toBe((7 * 20 + 30 + 7 * 24) * 4);
  });
});

test('a training step takes 2 n m k for each of its products', () => {
  const { weights, biases } = perceptron([784, 128, 10]);
  const [x, y] = [matrix(32, 784), input([32], { dtype: 'int32' })];
  const hidden = relu(add(matmul(x, weights[0]), biases[0]));
  const J = crossEntropy(add(matmul(hidden, weights[1]), biases[1]), y);
  const parameters = [...weights, ...biases];
  const steps = gradients(J, parameters);
  const updates: Updates = new Map(parameters.map((each, i) => [each, sub(each, mul(steps[i], 0.1))]));
  const program = programOf([J], updates);
  const products = program.kernels.filter((kernel: Kernel) => kernel.kind === 'product');
  const flops = products.reduce((total, kernel) => total + workOf(kernel, program.buffers).flops, 0);
  // Forward, and by the weights, twice; by the hidden layer once: the images have no gradient.
  expect(flops).toBe(2 * 32 * (2 * 784 * 128 + 3 * 128 * 10));
  expect(blockWork(program).flops).toBeGreaterThan(flops);
});

test('a convolution counts its windows once', () => {
  const { kernels, buffers } = programOf([conv(input([2, 3, 20, 20]), input([4, 3, 3, 3]))]);
  const product = kernels.find(({ kind }) => kind === 'product') as Kernel;
  expect(workOf(product, buffers).flops).toBe(2 * 2 * 4 * 18 * 18 * 27);
});

test('a routine counts one for each element that it reads or writes', () => {
  const works = worksOf(programOf([cholesky(matrix(6, 6))]));
  expect(works.at(-1)).toMatchObject({ flops: 72, bytes: 288 });
});

describe('kernels with blocks', () => {
  test('count a loop as often as it runs', () => {
    const [, ys] = scan((s: Variable, x: Variable) => [exp(add(s, x)), s], input([4]), input([10, 4])) as [
      Variable,
      Variable,
    ];
    const program = programOf([ys]);
    const repeat = program.kernels.find(({ kind }) => kind === 'repeat') as Extract<
      Kernel,
      { kind: 'repeat' }
    >;
    const once = blockWork(repeat.block);
    expect(once.flops).toBe(8);
    expect(workOf(repeat, program.buffers)).toEqual({
      flops: 10 * once.flops,
      cost: 10 * once.cost,
      bytes: 10 * once.bytes,
    });
  });

  test('count a loop without limit once', () => {
    const last = whileLoop(
      (s: Variable) => less(sum(s), 100),
      (s: Variable) => add(s, 1),
      input([4]),
    );
    const program = programOf([last as Variable]);
    const repeat = program.kernels.find(({ kind }) => kind === 'repeat') as Extract<
      Kernel,
      { kind: 'repeat' }
    >;
    expect(workOf(repeat, program.buffers)).toEqual(blockWork(repeat.block));
  });

  test('count the larger of two branches', () => {
    const x = input([50]);
    const y = cond(
      less(sum(x), 1),
      () => exp(mul(x, x)),
      () => add(x, 1),
    ) as Variable;
    const program = programOf([y]);
    const choose = program.kernels.find(({ kind }) => kind === 'choose') as Kernel;
    expect(workOf(choose, program.buffers)).toMatchObject({ flops: 100, cost: 650 });
  });
});
