import { describe, expect, test } from 'vitest';
import {
  argmax,
  constant,
  countApplications,
  crossEntropy,
  div,
  exp,
  expectClose,
  flatten,
  getOperation,
  gradients,
  input,
  leaf,
  log,
  mul,
  neg,
  numberOf,
  oneHot,
  print,
  simplify,
  softmax,
  sum,
  type Tensor,
  tensor,
  type Variable,
  valueOf,
  withRewriting,
} from './support.ts';

/** softmax with the largest logit subtracted, and log(softmax), in plain numbers. */
function stable(logits: number[]): { q: number[]; logQ: number[] } {
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, each) => sum + Math.exp(each - largest), 0);
  const logQ = logits.map((each) => each - largest - Math.log(total));
  return { q: logQ.map(Math.exp), logQ };
}

/** Softmax and cross-entropy as the formulas are written, without any care. */
function naive(logits: Variable, p: Variable): Variable {
  const e = exp(logits);
  return neg(sum(mul(p, log(div(e, sum(e))))));
}

const EXTREME = [
  [0, 200],
  [-1000, 1000],
];

describe.each(EXTREME)('E10: softmax and crossEntropy at logits [%d, %d]', (...logits) => {
  const { q, logQ } = stable(logits);

  test('softmax is finite and right', () => {
    expectClose(valueOf(softmax(leaf(logits))), q, 1e-15);
  });

  test.each([0, 1])('the loss of label %d and its gradient q - p are finite and right', (label) => {
    const x = leaf([logits]);
    const J = crossEntropy(x, tensor([label], { dtype: 'int32' }));
    const [dx] = gradients(J, [x]);
    expectClose(numberOf(J), -logQ[label], 1e-15);
    expectClose(
      valueOf(dx),
      q.map((each, i) => each - (i === label ? 1 : 0)),
      1e-15,
    );
    expect(flatten(valueOf(dx)).every(Number.isFinite)).toBe(true);
  });

  test('so are those of probabilities p', () => {
    const p = [0.25, 0.75];
    const x = leaf([logits]);
    const J = crossEntropy(x, leaf([p]));
    const [dx] = gradients(J, [x]);
    expectClose(numberOf(J), -(p[0] * logQ[0] + p[1] * logQ[1]), 1e-15);
    expectClose(
      valueOf(dx),
      q.map((each, i) => each - p[i]),
      1e-15,
    );
  });
});

describe('E10: the naive graph', () => {
  const p = [0.2, 0.5, 0.3];
  const logits = [0.3, -1.2, 2];

  test('has the gradient q - p at moderate logits, through every log, exp and quotient', () => {
    const x = leaf(logits);
    const J = naive(x, leaf(p));
    const [dx] = gradients(J, [x]);
    const { q, logQ } = stable(logits);
    expectClose(numberOf(J), -p.reduce((total, each, i) => total + each * logQ[i], 0));
    expectClose(
      valueOf(dx),
      q.map((each, i) => each - p[i]),
    );
  });

  test('and agrees with crossEntropy to second order', () => {
    const x = leaf(logits);
    const direction = leaf([1, -2, 0.5]);
    const products = [naive(x, leaf(p)), crossEntropy(x, leaf(p))].map((J) => {
      const [dx] = gradients(J, [x]);
      return valueOf(gradients(sum(mul(dx, direction)), [x])[0]);
    });
    expectClose(products[0], products[1]);
  });
});

describe('E10: the naive graph, rewritten', () => {
  const x = input([2], { name: 'x' });
  const oneHotRow = (label: number): Variable => oneHot(tensor(label, { dtype: 'int32' }), 2);

  /** Each loss before and after, and its derivative as plain back-propagation has it and as it comes out. */
  function report(p: Variable): string {
    const J = naive(x, p);
    const plain = withRewriting('none', () => gradients(J, [x])[0]);
    return [
      `loss:\n${print(J)}`,
      `loss, simplified:\n${print(simplify(J))}`,
      `derivative, plain:\n${print(plain)}`,
      `derivative:\n${print(gradients(J, [x])[0])}`,
    ].join('\n\n');
  }

  test('has the derivative q sum(p) - p for any p', () => {
    expect(report(input([2], { name: 'p' }))).toMatchSnapshot();
  });

  test('and q - p where sum p is known to be 1', () => {
    expect(report(oneHotRow(1))).toMatchSnapshot();
    expect(report(constant(tensor([0.25, 0.75])))).toMatchSnapshot();
    const labels = input([2, 3], { name: 'labels', dtype: 'int32' });
    const known = oneHot(argmax(labels, 1), 2);
    const logits = input([2, 2], { name: 'logits' });
    const q = exp(logits).div(sum(exp(logits), 1, { keepDims: true }));
    const [slope] = gradients(neg(sum(mul(known, log(q)))), [logits]);
    expect(countApplications([slope], 'sum')).toBe(0);
    expect(getOperation(slope)?.operation.name).toBe('sub');
  });

  test('a label out of range counts for nothing, as it did before', () => {
    const label = input([], { name: 'label', dtype: 'int32' });
    const [dx] = gradients(naive(x, oneHot(label, 2)), [x]);
    const at = (value: number) =>
      new Map<Variable, Tensor>([
        [x, tensor([0, 3])],
        [label, tensor(value, { dtype: 'int32' })],
      ]);
    expect(valueOf(dx, at(7))).toEqual([0, 0]);
    const { q } = stable([0, 3]);
    expectClose(valueOf(dx, at(1)), [q[0], q[1] - 1], 1e-6);
  });

  describe.each(EXTREME)('at logits [%d, %d], in float32', (...logits) => {
    const { q, logQ } = stable(logits);
    const feeds = new Map([[x, tensor(logits)]]);

    test.each<[string, Variable, number[]]>([
      ['label 0', oneHotRow(0), [1, 0]],
      ['label 1', oneHotRow(1), [0, 1]],
      ['p = [0.25, 0.75]', constant(tensor([0.25, 0.75])), [0.25, 0.75]],
      ['p = [0.5, 1], which adds up to 1.5', constant(tensor([0.5, 1])), [0.5, 1]],
    ])('%s: value and derivative are finite and right, which they are not as written', (_, p, numbers) => {
      const J = naive(x, p);
      const [dx] = gradients(J, [x]);
      const total = numbers[0] + numbers[1];
      const expected = q.map((each, i) => each * total - numbers[i]);
      expectClose(numberOf(J, feeds), -(numbers[0] * logQ[0] + numbers[1] * logQ[1]), 1e-6);
      expectClose(valueOf(dx, feeds), expected, 1e-6);
      withRewriting('none', () => {
        const [plain] = gradients(J, [x]);
        const values = [numberOf(J, feeds), ...flatten(valueOf(plain, feeds))];
        expect(values.every(Number.isFinite)).toBe(false);
      });
    });
  });
});
