import { afterEach, describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { compileGraph } from '../../src/compile/compile.ts';
import { buffersOf, type Program } from '../../src/compile/program.ts';
import { setBackend } from '../../src/engine/index.ts';
import { input, type Parameter, parameter, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { adam, sgd } from '../../src/optim/index.ts';
import { isCopy, perceptron } from './support.ts';
import { type Pairs, updated } from './updateCase.ts';

const { add, sub, mul, sum, matmul, square, tanh } = registry;

afterEach(() => setBackend('wasm'));

const programOf = (outputs: readonly Variable[], updates: Pairs): Program =>
  compileGraph({ outputs, inputs: [], updates: new Map(updates) }).program;

/** The positions of kernels that write the n-th parameter. */
const writersOf = ({ kernels, buffers }: Program, index: number): number[] =>
  kernels.flatMap((kernel, position) =>
    buffersOf(kernel).writes.some((buffer) => {
      const { place } = buffers[buffer];
      return place.kind === 'parameter' && place.index === index;
    })
      ? [position]
      : [],
  );

describe('in place', () => {
  test.each([
    ['sgd', sgd({ learningRate: 0.1 })],
    ['sgd with momentum', sgd({ learningRate: 0.1, momentum: 0.9 })],
    ['adam', adam({ learningRate: 0.1 })],
  ])('%s writes every parameter and its state once, and copies nothing', (_, optimizer) => {
    const { weights, biases } = perceptron([6, 8, 8, 3]);
    const x = input([5, 6]);
    let h: Variable = x;
    weights.forEach((weight, i) => {
      h = tanh(add(matmul(h, weight), biases[i]));
    });
    const J = sum(square(h));
    const updates = optimizer.minimize(J);
    const { program } = compileGraph({ outputs: [J], inputs: [x], updates });
    const large = program.kernels.filter(
      (kernel) => isCopy(kernel) && kernel.kind === 'loop' && kernel.extents.some((extent) => extent > 1),
    );
    expect(large).toEqual([]);
    program.parameters.forEach(({ written }, i) => {
      expect(writersOf(program, i).length).toBe(written ? 1 : 0);
    });
  });

  test('waits for the last reader of the old value', () => {
    // W2's gradient is known before the gradient of the layer below reads W2.
    const { weights } = perceptron([6, 8, 3]);
    const x = input([5, 6]);
    const J = sum(square(matmul(tanh(matmul(x, weights[0])), weights[1])));
    const [first, second] = gradients(J, weights);
    const updates = new Map(
      weights.map((each, i) => [each, sub(each, mul(0.1, [first, second][i]))] as const),
    );
    const { program, parameters } = compileGraph({ outputs: [J], inputs: [x], updates });
    parameters.forEach((_, index) => {
      const [writer] = writersOf(program, index);
      const readers = program.kernels.flatMap((kernel, position) =>
        buffersOf(kernel).reads.some((buffer) => {
          const { place } = program.buffers[buffer];
          return place.kind === 'parameter' && place.index === index;
        })
          ? [position]
          : [],
      );
      expect(Math.max(...readers.filter((position) => position !== writer))).toBeLessThan(writer);
    });
  });

  test('a parameter of one number', () => {
    const count = parameter(3);
    expect(updated([count], () => [[count, add(count, 1)]])).toEqual([4]);
  });
});

describe('all new values come from the old ones', () => {
  const vectors = (): [Parameter, Parameter, Parameter] => [
    parameter([1, 2, 3]),
    parameter([10, 20, 30]),
    parameter([100, 200, 300]),
  ];

  test('a swap', () => {
    const [p, q] = vectors();
    const swapped = updated([p, q], () => [
      [p, q],
      [q, p],
    ]);
    expect(swapped).toEqual([
      [10, 20, 30],
      [1, 2, 3],
    ]);
  });

  test('a swap of values computed', () => {
    const [p, q] = vectors();
    const swapped = updated([p, q], () => [
      [p, mul(q, 2)],
      [q, mul(p, 3)],
    ]);
    expect(swapped).toEqual([
      [20, 40, 60],
      [3, 6, 9],
    ]);
  });

  test('three in a ring, either way round', () => {
    const [p, q, r] = vectors();
    const forward = updated([p, q, r], () => [
      [p, q],
      [q, r],
      [r, p],
    ]);
    expect(forward.map((value) => (value as number[])[0])).toEqual([10, 100, 1]);
    const [a, b, c] = vectors();
    const backward = updated([a, b, c], () => [
      [a, add(c, 1)],
      [c, add(b, 1)],
      [b, add(a, 1)],
    ]);
    expect(backward.map((value) => (value as number[])[0])).toEqual([101, 2, 11]);
  });

  test('one that reads another', () => {
    const [p, q] = vectors();
    const build = (): Pairs => [
      [p, add(p, q)],
      [q, sub(q, p)],
    ];
    expect(updated([p, q], build)).toEqual([
      [11, 22, 33],
      [9, 18, 27],
    ]);
  });

  test('one that reads all of another for each element', () => {
    const [p, q] = vectors();
    const build = (): Pairs => [
      [p, add(p, sum(q))],
      [q, add(q, sum(p))],
    ];
    expect(updated([p, q], build)).toEqual([
      [61, 62, 63],
      [16, 26, 36],
    ]);
  });

  test('one that reads all of itself for each element', () => {
    const [p] = vectors();
    expect(updated([p], () => [[p, sub(p, sum(p))]])).toEqual([[-5, -4, -3]]);
  });

  test('two with the same value', () => {
    const [p, q, r] = vectors();
    const build = (): Pairs => [
      [p, mul(r, 2)],
      [q, mul(r, 2)],
    ];
    expect(updated([p, q], build)).toEqual([
      [200, 400, 600],
      [200, 400, 600],
    ]);
  });

  test('itself, and another takes its old value', () => {
    const [p, q] = vectors();
    const build = (): Pairs => [
      [p, p],
      [q, p],
    ];
    expect(updated([p, q], build)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });
});

test('many parameters that wait for each other', () => {
  const parameters = Array.from({ length: 300 }, (_, i) => parameter([i, i]));
  const ring = (): Pairs => parameters.map((each, i) => [each, add(parameters[(i + 1) % 300], 0.5)]);
  const values = updated(parameters, ring).map((value) => (value as number[])[0]);
  expect(values).toEqual(parameters.map((_, i) => ((i + 1) % 300) + 0.5));
  expect(programOf([], ring()).kernels.length).toBeLessThanOrEqual(301);
});
