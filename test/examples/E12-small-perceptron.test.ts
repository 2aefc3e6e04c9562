import { expect, test } from 'vitest';
import {
  differences,
  expectClose,
  flatten,
  gradients,
  leaf,
  type Matrix,
  matmul,
  matrix,
  numberOf,
  randomMatrices,
  relu,
  square,
  sub,
  sum,
  times,
  transposed,
  valueOf,
} from './support.ts';

const random = randomMatrices(12);
const [x, w1, w2, y] = [random(1, 4), random(4, 3), random(3, 2), random(1, 2)];

const rectified = (m: Matrix): Matrix => m.map((row) => row.map((each) => Math.max(0, each)));

test('E12: a 4-3-2 perceptron without biases under |yhat - y|^2 starts back-propagation from 2 (yhat - y)', () => {
  const [W1, W2] = [leaf(w1), leaf(w2)];
  const hidden = relu(matmul(leaf(x), W1));
  const yhat = matmul(hidden, W2);
  const J = sum(square(sub(yhat, leaf(y))));
  const [dYhat, dHidden, dW1, dW2] = gradients(J, [yhat, hidden, W1, W2]);

  const before = times(x, w1);
  const h = rectified(before);
  const g = times(h, w2).map((row) => row.map((each, k) => 2 * (each - y[0][k])));
  const toHidden = times(g, transposed(w2));
  const throughRelu = toHidden.map((row) => row.map((each, j) => (before[0][j] > 0 ? each : 0)));
  expect(before[0].some((each) => each > 0)).toBe(true);
  expectClose(valueOf(dYhat), g);
  expectClose(valueOf(dHidden), toHidden);
  expectClose(valueOf(dW2), times(transposed(h), g));
  expectClose(valueOf(dW1), times(transposed(x), throughRelu));

  const loss = (flat: number[]): number => {
    const u = matrix(4, 3, (i, j) => flat[3 * i + j]);
    const v = matrix(3, 2, (i, j) => flat[12 + 2 * i + j]);
    return times(rectified(times(x, u)), v)[0].reduce((total, each, k) => total + (each - y[0][k]) ** 2, 0);
  };
  const all = [...w1.flat(), ...w2.flat()];
  expectClose(numberOf(J), loss(all));
  expectClose([...flatten(valueOf(dW1)), ...flatten(valueOf(dW2))], differences(loss, all), 1e-8);
});
