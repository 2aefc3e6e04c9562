import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { setBackend } from '../../src/engine/index.ts';
import {
  constant,
  type Parameter,
  parameter,
  type TensorData,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { uniform } from '../support/random.ts';
import { randomTensor } from './support.ts';
import { type Pairs, runEverywhere, updated } from './updateCase.ts';

const { add, sub, mul, sum, matmul, transpose, concat, slice, pad, flip, square, tanh, reshape } = registry;

afterEach(() => setBackend('wasm'));

describe('new values that are moved old ones', () => {
  const square3 = (): Parameter =>
    parameter([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);

  test('a transpose', () => {
    const p = square3();
    expect(updated([p], () => [[p, transpose(p)]])).toEqual([
      [
        [1, 4, 7],
        [2, 5, 8],
        [3, 6, 9],
      ],
    ]);
  });

  test('a sum with the transpose', () => {
    const p = square3();
    const [value] = updated([p], () => [[p, add(p, transpose(p))]]);
    expect(value).toEqual([
      [2, 6, 10],
      [6, 10, 14],
      [10, 14, 18],
    ]);
  });

  test('a product with itself', () => {
    const p = parameter([
      [1, 1],
      [1, 0],
    ]);
    expect(updated([p], () => [[p, matmul(p, p)]])).toEqual([
      [
        [2, 1],
        [1, 1],
      ],
    ]);
  });

  test.each<[string, (p: Parameter) => Variable, number[]]>([
    ['reversed', (p) => flip(p), [5, 4, 3, 2, 1]],
    ['turned left', (p) => concat([slice(p, [1], [5]), slice(p, [0], [1])], 0), [2, 3, 4, 5, 1]],
    ['turned right', (p) => concat([slice(p, [4], [5]), slice(p, [0], [4])], 0), [5, 1, 2, 3, 4]],
    ['shifted, with zeros behind', (p) => pad(slice(p, [1], [5]), [0], [1]), [2, 3, 4, 5, 0]],
    ['shifted, with zeros before', (p) => pad(slice(p, [0], [4]), [1], [0]), [0, 1, 2, 3, 4]],
    ['cut short', (p) => pad(slice(p, [0], [3]), [0], [2]), [1, 2, 3, 0, 0]],
    ['cumulated', (p) => registry.cumsum(p, 0), [1, 3, 6, 10, 15]],
    [
      'gathered',
      (p) => registry.gather(p, constant(tensor([4, 0, 0, 1, 2], { dtype: 'int32' }))),
      [5, 1, 1, 2, 3],
    ],
    ['reshaped there and back', (p) => reshape(reshape(p, [1, 5]), [5]), [1, 2, 3, 4, 5]],
  ])('%s', (_, build, expected) => {
    const p = parameter([1, 2, 3, 4, 5]);
    expect(updated([p], () => [[p, build(p)]])).toEqual([expected]);
  });

  test('a history: the newest number pushes the oldest out', () => {
    const p = parameter([1, 2, 3, 4]);
    const x = tensor([9]);
    const { values } = runEverywhere(
      {
        parameters: [p],
        build: (given) => ({ outputs: [], updates: [[p, concat([slice(p, [1], [4]), given], 0)]] }),
      },
      x,
    );
    expect(values[0].toArray()).toEqual([2, 3, 4, 9]);
  });

  test('filled by regions before the old value is last read', () => {
    const p = parameter([1, 2, 3, 4]);
    const q = parameter([0, 0, 0, 0]);
    const mixing = constant(tensor([0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]));
    const { outputs, values } = runEverywhere(
      {
        parameters: [p, q],
        build: (x) => {
          const value = concat([x, x], 0);
          const mixed = matmul(value, reshape(mixing, [4, 4]));
          return {
            outputs: [sum(mixed), sum(square(p))],
            updates: [
              [p, value],
              [q, mixed],
            ],
          };
        },
      },
      tensor([5, 6]),
    );
    expect(outputs[1].item()).toBe(30);
    expect(values[0].toArray()).toEqual([5, 6, 5, 6]);
  });
});

describe('outputs beside updates', () => {
  test('the new value itself', () => {
    const p = parameter([1, 2]);
    const { outputs, values } = runEverywhere(
      {
        parameters: [p],
        build: (x) => {
          const next = add(p, x);
          return { outputs: [next, mul(next, 2)], updates: [[p, next]] };
        },
      },
      tensor([10, 20]),
    );
    expect(outputs.map((value) => value.toArray())).toEqual([
      [11, 22],
      [22, 44],
    ]);
    expect(values[0].toArray()).toEqual([11, 22]);
  });

  test('the old value', () => {
    const p = parameter([1, 2]);
    const { outputs } = runEverywhere(
      { parameters: [p], build: (x) => ({ outputs: [p, transpose(p), p], updates: [[p, mul(p, x)]] }) },
      tensor([10, 20]),
    );
    expect(outputs.map((value) => value.toArray())).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  test('a product of the old value, known only after the new one', () => {
    const p = parameter([
      [1, 2],
      [3, 4],
    ]);
    const q = parameter([0, 0]);
    const identity = tensor([
      [1, 0],
      [0, 1],
    ]);
    const { outputs, values } = runEverywhere(
      {
        parameters: [p, q],
        build: (x) => {
          const doubled = mul(p, 2);
          const rows = sum(doubled, 1);
          return {
            outputs: [matmul(rows, x), matmul(p, x)],
            updates: [
              [p, doubled],
              [q, rows],
            ],
          };
        },
      },
      identity,
    );
    expect(outputs[0].toArray()).toEqual([6, 14]);
    expect(outputs[1].toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(values[1].toArray()).toEqual([6, 14]);
  });
});

describe('new values from outside', () => {
  test.each<[string, (x: Variable) => Variable, TensorData]>([
    ['an input', (x) => x, [7, 8]],
    ['a constant tensor', () => constant(tensor([3, 4])), [3, 4]],
    ['one number everywhere', () => registry.broadcastTo(constant(5), [2]), [5, 5]],
    ['a view of an input', (x) => flip(x), [8, 7]],
    [
      'a product',
      (x) =>
        matmul(
          x,
          constant(
            tensor([
              [0, 1],
              [1, 0],
            ] as TensorData),
          ),
        ),
      [8, 7],
    ],
  ])('%s', (_, build, expected) => {
    const p = parameter([1, 2]);
    const { values } = runEverywhere(
      { parameters: [p], build: (x) => ({ outputs: [], updates: [[p, build(x)]] }) },
      tensor([7, 8]),
    );
    expect(values[0].toArray()).toEqual(expected);
  });

  test('a parameter of no elements', () => {
    const p = parameter(tensor([], { shape: [0] }));
    expect(updated([p], () => [[p, mul(p, 2)]])).toEqual([[]]);
  });

  test.each(['bool', 'uint8', 'int32', 'float64'] as const)('parameters of dtype %s', (dtype) => {
    const p = parameter([1, 0, 1, 1, 0], { dtype });
    const q = parameter([0, 0, 1, 1, 1], { dtype });
    const choose = (): Pairs => [
      [p, registry.where(registry.cast(p, 'bool'), q, p)],
      [q, p],
    ];
    const [first, second] = updated([p, q], choose);
    expect((first as number[]).map(Number)).toEqual([0, 0, 1, 1, 0]);
    expect((second as number[]).map(Number)).toEqual([1, 0, 1, 1, 0]);
  });
});

describe('random updates of four parameters', () => {
  const N = 3;
  /** Ways to make a matrix of matrices. */
  const MAKE: ((a: Variable, b: Variable) => Variable)[] = [
    (a) => a,
    (a) => transpose(a),
    (a, b) => add(a, b),
    (a, b) => sub(a, mul(0.5, transpose(b))),
    (a, b) => tanh(matmul(a, b)),
    (a, b) => add(a, sum(tanh(b), 0)),
    (a) => flip(a, 1),
    (a, b) => concat([slice(a, [1, 0], [N, N]), slice(b, [0, 0], [1, N])], 0),
    (a) => pad(slice(a, [0, 0], [N, N - 1]), [0, 0], [0, 1]),
    (a) => registry.cumsum(tanh(a), 1),
    (a, b) => mul(tanh(a), sum(tanh(b))),
  ];
  const step = fc.record({ make: fc.nat(MAKE.length - 1), a: fc.nat(30), b: fc.nat(30) });

  test('agree with the reference, and by the book', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 10 }),
        fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(30), { maxLength: 3 }),
        (steps, targets, results) => {
          const random = uniform(7);
          const parameters = [0, 1, 2, 3].map(() => parameter(randomTensor([N, N], 'float64', random)));
          const build = (x: Variable): { outputs: readonly Variable[]; updates: Pairs } => {
            const nodes: Variable[] = [...parameters, x];
            for (const { make, a, b } of steps)
              nodes.push(MAKE[make](nodes[a % nodes.length], nodes[b % nodes.length]));
            const pick = (i: number): Variable => nodes[nodes.length - 1 - (i % nodes.length)];
            return {
              outputs: results.map(pick),
              updates: targets.map((target, i) => [parameters[i], pick(target)] as const),
            };
          };
          runEverywhere({ parameters, build }, randomTensor([N, N], 'float64', random));
        },
      ),
      { numRuns: 150, seed: 1 },
    );
  });
});
