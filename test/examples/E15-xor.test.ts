import { expect, test } from 'vitest';
import {
  add,
  evaluate,
  expectClose,
  gradients,
  leaf,
  matmul,
  type Parameter,
  randomMatrices,
  squaredError,
  tanh,
  type Variable,
  valueOf,
} from './support.ts';

const X = leaf([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]);
const y = leaf([[0], [1], [1], [0]]);

/** Plain gradient descent; gives the loss before every step. */
function descend(J: Variable, parameters: Parameter[], rate: number, steps: number): number[] {
  const slopes = gradients(J, parameters);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const [loss, ...found] = evaluate([J, ...slopes]);
    losses.push(loss.item());
    parameters.forEach((parameter, k) => {
      const { data } = parameter.value;
      parameter.set(Float64Array.from(data, (each, j) => each - rate * found[k].data[j]));
    });
  }
  return losses;
}

test('E15: no linear model learns XOR: the best answer is 0.5 everywhere, with loss 1/4', () => {
  const random = randomMatrices(15);
  const [w, b] = [leaf(random(2, 1)), leaf([0.3])];
  const prediction = add(matmul(X, w), b);
  const losses = descend(squaredError(prediction, y), [w, b], 0.3, 400);
  expect(Math.min(...losses)).toBeGreaterThan(0.25 - 1e-15);
  expectClose(losses[losses.length - 1], 0.25, 1e-9);
  expectClose(valueOf(prediction), [[0.5], [0.5], [0.5], [0.5]], 1e-6);
  expectClose(valueOf(w), [[0], [0]], 1e-6);
});

test('E15: one hidden layer does', () => {
  const random = randomMatrices(15);
  const [w1, b1, w2, b2] = [leaf(random(2, 4)), leaf(random(1, 4)[0]), leaf(random(4, 1)), leaf([0])];
  const prediction = add(matmul(tanh(add(matmul(X, w1), b1)), w2), b2);
  const losses = descend(squaredError(prediction, y), [w1, b1, w2, b2], 0.3, 1000);
  expect(losses[0]).toBeGreaterThan(0.2);
  expect(losses[losses.length - 1]).toBeLessThan(1e-3);
  const rounded = (valueOf(prediction) as number[][]).map(([each]) => Math.round(each));
  expect(rounded).toEqual([0, 1, 1, 0]);
});
