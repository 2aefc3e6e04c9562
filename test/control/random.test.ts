/** Random loops against the same steps written out: values, gradients, second derivatives, tangents and batches. */
import { describe, test } from 'vitest';
import {
  add,
  concat,
  cond,
  div,
  flip,
  gradients,
  greater,
  jvp,
  matmul,
  max,
  mul,
  type Parameter,
  reshape,
  type ScanOptions,
  scan,
  sigmoid,
  sin,
  slice,
  square,
  stopGradient,
  sub,
  sum,
  tanh,
  type Variable,
  vmap,
  where,
} from '../../src/index.ts';
import { runByTheBook } from '../compile/support.ts';
import { uniform } from '../support/random.ts';
import { BACKENDS, element, expectSame, numbersOf, randomParameters } from './support.ts';

type Vectors = readonly Variable[];

/** Pure functions of vectors of three elements: unary and binary, of every kind of computation. */
const UNARY: readonly ((a: Variable) => Variable)[] = [
  tanh,
  sigmoid,
  sin,
  (a) => mul(a, 0.5),
  (a) => flip(a),
  (a) => sub(1, a),
  (a) => concat([slice(a, [1], [3]), slice(a, [0], [1])], 0),
  (a) => tanh(add(a, sum(a))),
  (a) => sub(a, max(a, 0)),
  (a) => stopGradient(a),
  (a) => div(a, add(1, square(a))),
  (a) => scan((h: Variable, each: Variable) => [tanh(add(h, each)), sin(h)], 0.3, a)[1],
];

const BINARY: readonly ((a: Variable, b: Variable) => Variable)[] = [
  add,
  sub,
  (a, b) => mul(tanh(a), b),
  (a, b) => where(greater(a, b), a, mul(b, b)),
  (a, b) => tanh(sum(matmul(reshape(a, [3, 1]), reshape(b, [1, 3])), 0)),
  (a, b) =>
    cond(
      greater(sum(a), sum(b)),
      () => mul(a, sigmoid(b)),
      () => sub(sin(b), a),
    ),
  (a, b) =>
    cond(
      greater(sum(a), 0),
      (a: Variable, b: Variable) => add(a, b),
      (a: Variable, _: Variable) => tanh(a),
      a,
      b,
    ),
];

/** A program that turns some vectors into others: applied to the same inputs, it builds the same graph. */
function randomStep(random: () => number, inputs: number, outputs: number): (pool: Vectors) => Variable[] {
  const below = (n: number): number => Math.floor(random() * n);
  const plan = Array.from({ length: 3 + below(6) }, (_, i) => ({
    unary: random() < 0.5,
    operation: random(),
    a: below(inputs + i),
    b: below(inputs + i),
  }));
  const picks = Array.from({ length: outputs }, () =>
    random() < 0.7 ? inputs + below(plan.length) : below(inputs),
  );
  return (given) => {
    const pool = [...given];
    for (const { unary, operation, a, b } of plan) {
      const list = unary ? UNARY : BINARY;
      const made = list[Math.floor(operation * list.length)];
      pool.push(
        unary
          ? (made as (a: Variable) => Variable)(pool[a])
          : (made as (typeof BINARY)[number])(pool[a], pool[b]),
      );
    }
    return picks.map((pick) => pool[pick]);
  };
}

interface Case {
  readonly leaves: readonly Parameter[];
  scanned(leaves: Vectors): Variable[];
  written(leaves: Vectors): Variable[];
}

function randomCase(seed: number): Case {
  const random = uniform(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const carries = 1 + below(3);
  const length = [1, 2, 3, 5][below(4)];
  const options: ScanOptions = {
    length,
    reverse: random() < 0.4,
    segment: random() < 0.3 ? 1 + below(length) : undefined,
  };
  // Carries, an element, and two vectors from outside (one of them computed there).
  const step = randomStep(random, carries + 3, carries + 2);
  const make = randomParameters(seed);
  const leaves = [...Array.from({ length: carries }, () => make([3])), make([length, 3]), make([3])];
  const all = (state: Vectors, x: Variable, w: Variable): Variable[] =>
    step([...state, x, w, tanh(mul(w, 2))]);
  return {
    leaves,
    scanned: (given) => {
      const [x, w] = given.slice(carries);
      const [last, ys] = scan(
        (state: Variable[], each: Variable) => {
          const made = all(state, each, w);
          return [made.slice(0, carries), made.slice(carries)];
        },
        given.slice(0, carries),
        x,
        options,
      );
      return [...last, ...ys];
    },
    written: (given) => {
      const [x, w] = given.slice(carries);
      let state: Vectors = given.slice(0, carries);
      const ys: Variable[][] = [];
      for (let round = 0; round < length; round++) {
        const t = options.reverse === true ? length - 1 - round : round;
        const made = all(state, element(x, t), w);
        state = made.slice(0, carries);
        ys[t] = made.slice(carries).map((each) => reshape(each, [1, 3]));
      }
      return [
        ...state,
        ...ys[0].map((_, k) =>
          concat(
            ys.map((each) => each[k]),
            0,
          ),
        ),
      ];
    },
  };
}

/** A scalar in which every element counts differently. */
function weighed(outputs: Vectors, seed: number): Variable {
  const make = randomParameters(seed);
  return outputs.map((each) => sum(mul(make(each.shape), each))).reduce((a, b) => add(a, b));
}

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);

function expectAlike(found: Vectors, expected: Vectors, tolerance = 1e-10): void {
  const numbers = numbersOf(expected, 'reference');
  // Where everything cancels, what is left is rounding of terms of the order of 1.
  const padded = (lists: number[][]): number[][] => lists.map((each) => [...each, 1]);
  for (const backend of BACKENDS) expectSame(padded(numbersOf(found, backend)), padded(numbers), tolerance);
}

describe.each(SEEDS)('loop %i', (seed) => {
  const { leaves, scanned, written } = randomCase(seed);

  test('has the values and derivatives of its steps', () => {
    const derivatives = (f: Case['scanned']): Variable[] => {
      const outputs = f(leaves);
      const first = gradients(weighed(outputs, seed), leaves, { disconnected: 'zero' });
      const second = gradients(weighed(first, seed + 1), leaves, { disconnected: 'zero' });
      const along = randomParameters(seed + 2);
      const [, tangents] = jvp(
        (...given: Variable[]) => f(given),
        [...leaves],
        leaves.map(({ shape }) => along(shape)),
      );
      return [...outputs, ...first, ...second, ...tangents];
    };
    const found = derivatives(scanned);
    expectAlike(found, derivatives(written));
    const { outputs } = runByTheBook({ outputs: found, inputs: [] }, new Map());
    expectSame(
      outputs.map(({ data }) => [...data, 1]),
      numbersOf(found).map((each) => [...each, 1]),
      1e-10,
    );
  });

  test('batches', () => {
    const random = uniform(seed);
    const make = randomParameters(seed);
    const inAxes = leaves.map((_, i) => (i === seed % leaves.length || random() < 0.4 ? 0 : null));
    const many = leaves.map((each, i) => (inAxes[i] === 0 ? make([2, ...each.shape]) : each));
    const run = (f: Case['scanned']): Variable[] =>
      vmap(
        (...given: Variable[]) => {
          const outputs = f(given);
          return [...outputs, ...gradients(weighed(outputs, seed), given, { disconnected: 'zero' })];
        },
        { inAxes },
      )(...many);
    expectAlike(run(scanned), run(written));
  });
});
