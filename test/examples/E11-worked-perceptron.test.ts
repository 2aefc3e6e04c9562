import { describe, expect, test } from 'vitest';
import {
  add,
  crossEntropy,
  differences,
  expectClose,
  flatten,
  gradients,
  leaf,
  type Matrix,
  matmul,
  matrix,
  mul,
  numberOf,
  randomMatrices,
  relu,
  square,
  sum,
  tensor,
  times,
  transposed,
  valueOf,
} from './support.ts';

const random = randomMatrices(11);
const lambda = 0.05;
const [n, inputs, hidden, classes] = [6, 5, 4, 3];
const [x, w1, w2] = [random(n, inputs), random(inputs, hidden), random(hidden, classes)];
const labels = [0, 2, 1, 1, 0, 2];

/** The perceptron in plain numbers: the loss, and every gradient by its formula. */
function byHand(u: Matrix, v: Matrix) {
  const before = times(x, u);
  const H = before.map((row) => row.map((each) => Math.max(0, each)));
  const logits = times(H, v);
  const q = logits.map((row) => {
    const total = row.reduce((sum, each) => sum + Math.exp(each), 0);
    return row.map((each) => Math.exp(each) / total);
  });
  const squares = (m: Matrix): number => m.flat().reduce((total, each) => total + each ** 2, 0);
  const misfit = q.reduce((total, row, i) => total - Math.log(row[labels[i]]) / n, 0);
  const J = misfit + lambda * (squares(u) + squares(v));
  const G = q.map((row, i) => row.map((each, k) => (each - (labels[i] === k ? 1 : 0)) / n));
  const dH = times(G, transposed(v));
  const dBefore = dH.map((row, i) => row.map((each, j) => (before[i][j] > 0 ? each : 0)));
  const decayed = (m: Matrix, of: Matrix): Matrix =>
    matrix(m.length, m[0].length, (i, j) => m[i][j] + 2 * lambda * of[i][j]);
  return {
    J,
    before,
    G,
    dH,
    dBefore,
    dW2: decayed(times(transposed(H), G), v),
    dW1: decayed(times(transposed(x), dBefore), u),
  };
}

describe('E11: the worked multi-layer perceptron', () => {
  const [X, W1, W2] = [leaf(x), leaf(w1), leaf(w2)];
  const before = matmul(X, W1);
  const H = relu(before);
  const logits = matmul(H, W2);
  const misfit = crossEntropy(logits, tensor(labels, { dtype: 'int32' }));
  const J = add(misfit, mul(lambda, add(sum(square(W1)), sum(square(W2)))));
  const [G, dH, dBefore, dW1, dW2] = gradients(J, [logits, H, before, W1, W2]);
  const expected = byHand(w1, w2);

  test('has the loss of the formula', () => expectClose(numberOf(J), expected.J));

  test.each([
    ['G = (softmax(logits) - y) / n', G, expected.G],
    ['dJ/dH = G W2^T', dH, expected.dH],
    ["G' = dJ/dH with zeros where X W1 < 0", dBefore, expected.dBefore],
    ['dJ/dW2 = H^T G + 2 lambda W2', dW2, expected.dW2],
    ["dJ/dW1 = X^T G' + 2 lambda W1", dW1, expected.dW1],
  ] as const)('%s', (_, found, formula) => expectClose(valueOf(found), formula));

  test('is tested on both sides of the corner', () => {
    expect(expected.before.flat().some((each) => each < 0)).toBe(true);
    expect(expected.before.flat().some((each) => each > 0)).toBe(true);
  });

  test('agrees with finite differences', () => {
    const loss = (flat: number[]): number =>
      byHand(
        matrix(inputs, hidden, (i, j) => flat[i * hidden + j]),
        matrix(hidden, classes, (i, j) => flat[inputs * hidden + i * classes + j]),
      ).J;
    const numeric = differences(loss, [...w1.flat(), ...w2.flat()]);
    expectClose([...flatten(valueOf(dW1)), ...flatten(valueOf(dW2))], numeric, 1e-8);
  });
});
