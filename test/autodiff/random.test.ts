/** Random graphs of smooth operations: gradients against finite differences, and Hessians against their transposes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  add,
  ancestors,
  cos,
  div,
  exp,
  expectClose,
  gradients,
  graphOf,
  leaf,
  mul,
  neg,
  numberOf,
  sigmoid,
  sin,
  square,
  sub,
  tanh,
  type Variable,
  validate,
} from '../examples/support.ts';
import { derivative } from '../support/numeric.ts';

/** Operations that stay smooth and of moderate size whatever they are given. */
const OPERATIONS: ((a: Variable, b: Variable) => Variable)[] = [
  (a, b) => add(a, b),
  (a, b) => sub(a, b),
  (a, b) => mul(tanh(a), b),
  (a, b) => div(a, add(1, square(b))),
  (a) => sin(a),
  (a) => cos(a),
  (a) => neg(a),
  (a) => sigmoid(a),
  (a, b) => exp(tanh(mul(a, b))),
];

interface Step {
  operation: number;
  a: number;
  b: number;
}

const LEAVES = 3;
const step = fc.record({
  operation: fc.nat({ max: OPERATIONS.length - 1 }),
  a: fc.nat({ max: 1000 }),
  b: fc.nat({ max: 1000 }),
});
const graphs = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  values: fc.array(
    fc.integer({ min: -150, max: 150 }).map((n) => n / 100),
    { minLength: LEAVES, maxLength: LEAVES },
  ),
});

/** The last variable of the graph that `steps` describe on top of `leaves`; operands are any earlier variables. */
function build(steps: readonly Step[], leaves: readonly Variable[]): Variable {
  const all = [...leaves];
  for (const { operation, a, b } of steps) {
    all.push(OPERATIONS[operation](all[a % all.length], all[b % all.length]));
  }
  return all[all.length - 1];
}

test('gradients of random graphs are what finite differences find', () => {
  fc.assert(
    fc.property(graphs, ({ steps, values }) => {
      const leaves = values.map((value) => leaf(value));
      const z = build(steps, leaves);
      const found = gradients(z, leaves, { disconnected: 'zero' });
      validate([z, ...found]);
      found.forEach((gradient, i) => {
        const expected = derivative((x) => {
          leaves[i].set(x);
          const value = numberOf(z);
          leaves[i].set(values[i]);
          return value;
        }, values[i]);
        expectClose(numberOf(gradient), expected, 1e-7);
      });
    }),
    { numRuns: 100 },
  );
});

test('second derivatives of random graphs do not depend on the order', () => {
  fc.assert(
    fc.property(graphs, ({ steps, values }) => {
      const leaves = values.map((value) => leaf(value));
      const first = gradients(build(steps, leaves), leaves, { disconnected: 'zero' });
      const hessian = first.map((row) =>
        gradients(row, leaves, { disconnected: 'zero' }).map((each) => numberOf(each)),
      );
      for (let i = 0; i < LEAVES; i++) {
        for (let j = 0; j < i; j++) expectClose(hessian[i][j], hessian[j][i], 1e-10);
      }
    }),
    { numRuns: 60 },
  );
});

test('gradients of random graphs grow with the number of edges, not of paths', () => {
  fc.assert(
    fc.property(graphs, ({ steps, values }) => {
      const leaves = values.map((value) => leaf(value));
      const z = build(steps, leaves);
      const { applications } = graphOf([z]);
      const edges = applications.reduce((total, { inputs }) => total + inputs.length, 0);
      const all = ancestors([z, ...gradients(z, leaves, { disconnected: 'zero' })]).applications;
      expect(all.length - applications.length).toBeLessThanOrEqual(5 * edges + LEAVES);
    }),
  );
});
