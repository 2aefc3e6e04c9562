import { describe, expect, test } from 'vitest';
import {
  crossEntropy,
  div,
  exp,
  expectClose,
  flatten,
  gradients,
  leaf,
  log,
  mul,
  neg,
  numberOf,
  softmax,
  sum,
  tensor,
  type Variable,
  valueOf,
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
