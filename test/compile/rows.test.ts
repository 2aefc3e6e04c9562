/** Large loops are cut into chunks of rows, and reductions to few elements into parts; nothing that is computed changes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { compileGraph } from '../../src/compile/compile.ts';
import type { Kernel, Program, RowsKernel } from '../../src/compile/program.ts';
import { wasmEngine } from '../../src/engine/backend.ts';
import { constant, input, type Tensor, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { disagreement } from '../support/kernels.ts';
import { inputsOf, kindsOf, programOf, randomFeeds, runByTheBook } from './support.ts';

const {
  add,
  mul,
  div,
  exp,
  sub,
  sum,
  max,
  mean,
  prod,
  sqrt,
  square,
  softmax,
  transpose,
  reshape,
  any,
  less,
} = registry;
const { logSumExp, iota, relu, flip } = registry;

const rowsOf = ({ kernels }: Program): RowsKernel[] =>
  kernels.filter((kernel): kernel is RowsKernel => kernel.kind === 'rows');

/** Compares what the kernels compute, by the book and as machine code, with plain loops. */
function expectRight(outputs: readonly Variable[], ulps = 8): Program {
  const feeds = randomFeeds(outputs, 7);
  const inputs = inputsOf(outputs);
  const expected = runReference(outputs, feeds);
  const { outputs: byTheBook, program } = runByTheBook({ outputs, inputs }, feeds);
  const executable = wasmEngine().load(compileGraph({ outputs, inputs }));
  const run = executable.run(inputs.map((each) => (feeds.get(each) as Tensor).data));
  for (const found of [byTheBook, run])
    found.forEach((each, i) => {
      const magnitude = Math.max(1, ...expected[i].data.map(Math.abs));
      expect(disagreement(expected[i], each, { ulps, magnitude })).toBeUndefined();
    });
  return program;
}

describe('rows', () => {
  const x = input([300, 200], { name: 'x' });

  test('softmax is one kernel, and what its loops leave for one another takes no memory of the program', () => {
    const program = expectRight([softmax(x)]);
    const [rows] = rowsOf(program);
    expect(kindsOf(program)).toEqual(['rows']);
    expect(rows.rows).toBe(300);
    expect(rows.loops.length).toBeGreaterThan(1);
    const places = program.buffers.map(({ place }) => place.kind);
    expect(places.filter((kind) => kind === 'workspace').length).toBeGreaterThan(0);
    expect(program.workspaceBytes).toBeLessThan(program.arenaBytes);
    // The input and the result; the result may lie over the input.
    expect(program.arenaBytes).toBeLessThanOrEqual(2 * 300 * 200 * 4 + 64);
  });

  test('layer normalisation too', () => {
    const centred = sub(x, mean(x, 1, { keepDims: true }));
    const y = div(centred, sqrt(add(mean(square(centred), 1, { keepDims: true }), 1e-5)));
    expect(kindsOf(expectRight([y]))).toEqual(['rows']);
  });

  test('a loop that reads other rows of what was written waits for all of them', () => {
    const y = exp(x);
    for (const z of [add(flip(y, 0), y), sub(y, max(y, 0)), sum(mul(transpose(y), 2), 0)]) {
      const program = expectRight([y, z]);
      for (const { loops } of rowsOf(program)) {
        const written = loops.flatMap(({ accesses, stores }) =>
          stores.map(({ access }) => accesses[access].buffer),
        );
        expect(new Set(written).size).toBe(written.length);
      }
    }
  });

  test('leading axes melt into rows where everything walks them as one', () => {
    const y = input([6, 50, 200]);
    const [rows] = rowsOf(expectRight([softmax(y)]));
    expect(rows.rows).toBe(300);
    const [apart] = rowsOf(expectRight([softmax(add(input([12, 25, 200]), input([12, 1, 1])))]));
    expect(apart.rows).toBe(12);
  });

  test('what depends on its place knows it in every chunk', () => {
    expectRight([add(x, reshape(iota([60_000]), [300, 200]))]);
    expectRight([softmax(add(x, iota([200])))]);
  });

  test('small programs are left as they are', () => {
    expect(kindsOf(programOf([softmax(input([8, 10]))]))).not.toContain('rows');
  });

  test('a chunk that does not divide the rows leaves a shorter one', () => {
    for (const rows of [289, 307, 1021]) {
      const [kernel] = rowsOf(expectRight([softmax(input([rows, 64]))]));
      expect(kernel.rows % kernel.chunk).not.toBe(0);
    }
  });
});

describe('reductions to few elements', () => {
  const x = input([1009, 67]);
  const steps = (program: Program): string[] =>
    program.kernels.map((kernel: Kernel) => (kernel.kind === 'rows' ? `rows ${kernel.rows}` : kernel.kind));

  test('go in two steps', () => {
    expect(steps(expectRight([sum(x)])).length).toBeGreaterThanOrEqual(2);
    expect(steps(expectRight([sum(x, 0)])).length).toBeGreaterThanOrEqual(2);
    expect(steps(programOf([sum(x, 1)]))).toEqual(['rows 1009']);
  });

  test('of every kind, with what comes before and after', () => {
    expectRight([sqrt(sum(square(x))), mean(exp(x), 0), max(x), any(less(x, -1.99), 0)]);
    expectRight([logSumExp(x), logSumExp(x, 0)]);
    // A thousand factors, each rounded.
    expectRight([prod(add(mul(x, 1e-3), 1), 0)], 500);
    expectRight([sum(mul(square(x), iota([67])), 0), sum(input([40_000], { dtype: 'float64' }))]);
    expectRight([sum(input([50_000], { dtype: 'int32' })), sum(transpose(x), 1)]);
  });

  test('keep sums of float32 in float64 until the end', () => {
    const many = tensor(new Float32Array(3_000_000).fill(0.1), { shape: [3_000_000] });
    const z = sum(constant(many));
    const one = input([]);
    const [total] = wasmEngine()
      .load(compileGraph({ outputs: [mul(z, one)], inputs: [one] }))
      .run([Float32Array.of(1)]);
    expect(total.item()).toBe(Math.fround(3_000_000 * Math.fround(0.1)));
  });
});

test('random shapes and ways to put loops together', () => {
  const step = fc.constantFrom<(x: Variable) => Variable>(
    (x) => softmax(x),
    (x) => sub(x, mean(x, 1, { keepDims: true })),
    (x) => sub(x, mean(x, 0)),
    (x) => relu(x),
    (x) => mul(x, div(sum(x, 1, { keepDims: true }), 50)),
    (x) => add(x, max(x)),
    (x) => flip(x, 1),
    (x) => transpose(transpose(exp(mul(x, 0.1)))),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 120, max: 700 }),
      fc.array(step, { minLength: 1, maxLength: 4 }),
      (rows, columns, list) => {
        const x = input([rows, columns]);
        const y = list.reduce<Variable>((value, f) => f(value), x);
        // What cancels in one step is divided by in the next.
        expectRight([y, ...gradients(sum(mul(y, input([rows, columns]))), [x])], 100);
      },
    ),
    { numRuns: 25, seed: 3 },
  );
});
