import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { compileGraph, type Source } from '../../src/compile/compile.ts';
import { buffersOf, type Program } from '../../src/compile/program.ts';
import { evaluate } from '../../src/engine/index.ts';
import {
  applyOperation,
  constant,
  DTYPES,
  input,
  type Operation,
  parameter,
  type Shape,
  Tensor,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { adam } from '../../src/optim/index.ts';
import { disagreement } from '../support/kernels.ts';
import { uniform } from '../support/random.ts';
import { inputsOf, perceptron, programOf, randomFeeds, randomTensor, runByTheBook } from './support.ts';

const { add, mul, exp, sum, max, mean, matmul, transpose, flip, slice, concat, stack, reshape } = registry;
const { broadcastTo, cast, where, greater, crossEntropy, softmax, gather, pad } = registry;

/** On the wasm backend, and by the book, the outputs are those of the reference. */
function check(
  outputs: readonly Variable[],
  feeds: Map<Variable, Tensor> = randomFeeds(outputs, 1),
): Tensor[] {
  const expected = runReference(outputs, feeds);
  const machine = evaluate(outputs, feeds) as Tensor[];
  const book = runByTheBook({ outputs, inputs: inputsOf(outputs) }, feeds).outputs;
  for (const found of [machine, book]) {
    found.forEach((value, i) => {
      expect(disagreement(expected[i], value, { ulps: 16, magnitude: 4 }), `output ${i}`).toBeUndefined();
    });
  }
  return machine;
}

describe('outputs that nothing computes', () => {
  test('inputs', () => {
    const x = input([2, 3]);
    const [same, again] = check([x, x]);
    expect(same).toEqual(again);
  });

  test('constants and numbers', () => {
    const [a, b, c] = check([constant(tensor([1, 2])), constant(5), constant(tensor(NaN))]);
    expect(a.toArray()).toEqual([1, 2]);
    expect(b.item()).toBe(5);
    expect(c.item()).toBeNaN();
  });

  test('parameters, and views of leaves', () => {
    const p = parameter([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const x = input([2, 3]);
    const [a, b] = check([
      p,
      transpose(p),
      flip(x),
      slice(x, [0, 1], [2, 3]),
      broadcastTo(x, [2, 2, 3]),
      reshape(x, [3, 2]),
      broadcastTo(constant(3), [2, 2]),
    ]);
    expect(a.toArray()).toEqual(p.value.toArray());
    expect(b.shape).toEqual([3, 2]);
  });

  test('duplicates, and one output that another one needs', () => {
    const x = input([4]);
    const y = exp(x);
    check([y, y, mul(y, 2), x, sum(y), y]);
  });

  test('nothing at all', () => {
    expect(evaluate([])).toEqual([]);
    expect(programOf([]).kernels).toEqual([]);
  });

  test("results are the caller's: a later run does not change them", () => {
    const x = input([2]);
    const run = (numbers: number[]): Tensor => exp(x).evaluate(new Map([[x, tensor(numbers)]]));
    const first = run([0, 0]);
    run([1, 1]);
    expect(first.toArray()).toEqual([1, 1]);
  });
});

describe('every rank and size', () => {
  const shapes: Shape[] = [[], [1], [1, 1], [5], [0], [3, 0], [0, 3], [2, 0, 3], [1, 5, 1], [2, 1, 3, 1, 2]];

  test.each(shapes.map((shape) => [shape]))('[%s]', (shape) => {
    const x = input(shape);
    const outputs: Variable[] = [
      exp(x),
      add(x, 1),
      sum(x),
      sum(x, []),
      mul(x, x),
      flip(x),
      transpose(x),
      reshape(x, [-1]),
      concat([reshape(x, [-1]), reshape(x, [-1])], 0),
      stack([x, x], 0),
      pad(
        x,
        shape.map(() => 1),
        shape.map(() => 0),
      ),
      where(greater(x, 0), x, -1),
      cast(x, 'int32'),
    ];
    for (let axis = 0; axis < shape.length; axis++)
      outputs.push(sum(x, axis), sum(x, axis, { keepDims: true }));
    if (!shape.includes(0)) outputs.push(max(x), mean(x));
    check([...outputs, ...gradients(sum(exp(x)), [x])]);
  });

  test('a scalar summed over no axes is itself', () => {
    expect(sum(parameter(3)).evaluate().item()).toBe(3);
    expect(
      sum(parameter([3, 4]), [])
        .evaluate()
        .toArray(),
    ).toEqual([3, 4]);
    expect(registry.prod(parameter(3)).evaluate().item()).toBe(3);
    expect(
      add(max(parameter(3)), 1)
        .evaluate()
        .item(),
    ).toBe(4);
  });

  test('products without rows, columns or terms', () => {
    for (const [n, k, m] of [
      [0, 3, 2],
      [2, 0, 3],
      [2, 3, 0],
      [1, 1, 1],
      [0, 0, 0],
    ]) {
      const [a, b] = [input([n, k]), input([k, m])];
      const [c] = check([matmul(a, b), ...gradients(sum(matmul(a, b)), [a, b])]);
      expect(c.shape).toEqual([n, m]);
      if (k === 0) expect([...c.data]).toEqual(new Array(n * m).fill(0));
    }
    check([matmul(input([0, 2, 3]), input([3, 4]))]);
    check([matmul(input([2, 3], { dtype: 'int32' }), input([3, 0], { dtype: 'int32' }))]);
  });

  test.each(DTYPES)('%s', (dtype) => {
    const x = input([7], { dtype });
    check([x, add(x, x), mul(x, 2), sum(x), max(x), flip(x), cast(x, 'float64'), cast(x, 'bool')]);
  });
});

test('operands of products may be any views', () => {
  const [a, b] = [input([4, 5]), input([6, 4])];
  check([
    matmul(transpose(flip(a)), transpose(flip(b, 0))),
    matmul(slice(a, [0, 0], [4, 4], [1, 1]), slice(transpose(b), [0, 0], [4, 6], [1, 2])),
    matmul(broadcastTo(slice(a, [0], [1]), [3, 5]), transpose(a)),
    matmul(transpose(a), a),
    matmul(reshape(transpose(a), [10, 2]), reshape(b, [2, 12])),
  ]);
});

describe('operations with loops of their own', () => {
  /** y = factor x, and beside it the number of elements. */
  const scale = (factor: number): Operation<Record<string, never>> => ({
    name: 'scale',
    infer: ([x]) => [
      { shape: x.shape, dtype: x.dtype },
      { shape: [], dtype: 'int32' },
    ],
    bprop: ({ g }) => g,
    computation: {
      kind: 'routine',
      run([x], [y, count]) {
        x.data.forEach((value, i) => {
          y.data[i] = factor * value;
        });
        count.data[0] = x.data.length;
      },
    },
  });

  test('see contiguous numbers, also of views and expressions', () => {
    const x = input([2, 3]);
    check([...applyOperation(scale(2), [transpose(x)], {}), ...applyOperation(scale(2), [exp(flip(x))], {})]);
  });

  test('may have outputs that nobody reads', () => {
    const x = input([2, 3]);
    check([add(applyOperation(scale(2), [x], {})[0], 1)]);
    check([add(applyOperation(scale(2), [x], {})[1], 1)]);
  });

  test('may share a name', () => {
    const x = input([2]);
    const outputs = [2, 3, 4].map((factor) => applyOperation(scale(factor), [x], {})[0]);
    const [two, three, four] = check(outputs, new Map([[x, tensor([1, 10])]]));
    expect([two, three, four].map((value) => value.data[1])).toEqual([20, 30, 40]);
  });
});

describe('a program is plain data', () => {
  /** Programs with every kind of kernel. */
  function sources(): Source[] {
    const { weights, biases } = perceptron([4, 5, 3]);
    const [x, labels] = [input([6, 4]), input([6], { dtype: 'int32' })];
    let h: Variable = x;
    weights.forEach((weight, i) => {
      h = add(matmul(h, weight), biases[i]);
    });
    const J = crossEntropy(h, labels);
    const training = { outputs: [J], inputs: [x, labels], updates: adam({ learningRate: 0.1 }).minimize(J) };
    const y = input([6, 4]);
    const picked = gather(y, constant(tensor([5, 0, 2], { dtype: 'int32' })));
    const strange = add(softmax(picked), constant(tensor([NaN, Infinity, -Infinity, -0])));
    return [training, { outputs: [strange, pad(y, [1, 1], [0, 0], { value: -Infinity })], inputs: [y] }];
  }

  test('that can be cloned', () => {
    for (const source of sources()) {
      const { program } = compileGraph(source);
      expect(structuredClone(program)).toEqual(program);
    }
  });

  test('and written as JSON, but for its arrays and the numbers that JSON has not', () => {
    for (const source of sources()) {
      const { program } = compileGraph(source);
      const strange = (value: unknown): string | undefined =>
        typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
          ? `number ${Object.is(value, -0) ? '-0' : value}`
          : undefined;
      const text = JSON.stringify(
        { ...program, constants: program.constants.map((data) => [...data].map(String)) },
        (_, value) => strange(value) ?? value,
      );
      const back = JSON.parse(text, (_, value) => {
        const match = typeof value === 'string' ? /^number (.+)$/.exec(value) : null;
        return match === null ? value : Number(match[1]);
      }) as Program;
      expect({ ...back, constants: program.constants }).toEqual(program);
    }
  });

  test('and the same each time it is compiled', () => {
    const [x, y] = [input([3, 4]), input([4, 5])];
    const outputs = [softmax(matmul(x, y)), ...gradients(sum(matmul(x, y)), [x, y])];
    expect(programOf(outputs)).toEqual(programOf(outputs));
  });

  test('and names every buffer that it uses', () => {
    for (const source of sources()) {
      const { program, parameters } = compileGraph(source);
      expect(program.parameters.length).toBe(parameters.length);
      for (const { buffer } of program.outputs)
        expect(program.buffers[buffer].place.kind).not.toBe('nowhere');
      for (const kernel of program.kernels) {
        const { reads, writes } = buffersOf(kernel);
        for (const buffer of [...reads, ...writes])
          expect(program.buffers[buffer].place.kind).not.toBe('nowhere');
      }
    }
  });
});

test('an input that the program was not told of is an error', () => {
  const x = input([2], { name: 'x' });
  expect(() => compileGraph({ outputs: [exp(x)], inputs: [] })).toThrow('input x float32[2]');
});

test('inputs that nothing reads may be given', () => {
  const [x, y] = [input([2]), input([3])];
  const random = uniform(1);
  const feeds = new Map([x, y].map((each) => [each, randomTensor(each.shape, each.dtype, random)]));
  const { outputs } = runByTheBook({ outputs: [exp(y)], inputs: [x, y] }, feeds);
  expect(outputs[0]).toEqual(new Tensor([3], 'float32', feeds.get(y)!.data.map(Math.exp)));
});
