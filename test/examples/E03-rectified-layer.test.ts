import { describe, expect, test } from 'vitest';
import {
  add,
  expectClose,
  gradients,
  leaf,
  matmul,
  maximum,
  mul,
  randomMatrices,
  relu,
  sum,
  times,
  transposed,
  type Variable,
  valueOf,
} from './support.ts';

const random = randomMatrices(3);
const [x, w, [b]] = [random(5, 3), random(3, 4), random(1, 4)];
const weights = random(5, 4);

describe.each([
  ['maximum(0, .)', (a: Variable) => maximum(0, a)],
  ['relu', (a: Variable) => relu(a)],
] as const)('E3: H = max(0, X W + b) by %s', (_, rectify) => {
  const [X, W, B] = [leaf(x), leaf(w), leaf(b)];
  const H = rectify(add(matmul(X, W), B));
  const before = times(x, w).map((row) => row.map((each, j) => each + b[j]));

  test('has the values of the formula', () => {
    expectClose(
      valueOf(H),
      before.map((row) => row.map((each) => Math.max(0, each))),
    );
  });

  test('passes the gradient G where X W + b > 0: dX = G W^T, dW = X^T G, db = column sums of G', () => {
    const g = weights.map((row, i) => row.map((each, j) => (before[i][j] > 0 ? each : 0)));
    expect(g.flat().some((each) => each === 0)).toBe(true);
    const [dX, dW, dB] = gradients(sum(mul(H, leaf(weights))), [X, W, B]);
    expectClose(valueOf(dX), times(g, transposed(w)));
    expectClose(valueOf(dW), times(transposed(x), g));
    expectClose(
      valueOf(dB),
      b.map((__, j) => g.reduce((total, row) => total + row[j], 0)),
    );
  });
});
