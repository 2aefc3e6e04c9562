import { expect, test } from 'vitest';
import {
  add,
  differences,
  dot,
  expectClose,
  gradients,
  leaf,
  log,
  matmul,
  mean,
  mul,
  neg,
  numberOf,
  sigmoid,
  sub,
  valueOf,
} from './support.ts';

const logistic = (t: number): number => 1 / (1 + Math.exp(-t));

test('E2: sigmoid(x^T w + b) has the gradients s(1 - s) w, s(1 - s) x and s(1 - s)', () => {
  const [x, w, b] = [[0.5, -1.2, 2], [0.3, 0.8, -0.1], 0.25];
  const leaves = [leaf(x), leaf(w), leaf(b)] as const;
  const y = sigmoid(add(dot(leaves[0], leaves[1]), leaves[2]));
  const s = logistic(x.reduce((total, each, i) => total + each * w[i], b));
  expectClose(numberOf(y), s);
  const [dx, dw, db] = gradients(y, leaves);
  expectClose(
    valueOf(dx),
    w.map((each) => s * (1 - s) * each),
  );
  expectClose(
    valueOf(dw),
    x.map((each) => s * (1 - s) * each),
  );
  expectClose(numberOf(db), s * (1 - s));
});

test('E2: the mean log-likelihood of a batch has the gradient X^T (p - y) / n', () => {
  const x = [
    [0.5, -1.2],
    [1.5, 0.3],
    [-0.7, 0.9],
    [0.1, 0.2],
  ];
  const y = [1, 0, 0, 1];
  const [w, b] = [[0.4, -0.6], -0.2];
  const variables = [leaf(w), leaf(b)] as const;
  const p = sigmoid(add(matmul(leaf(x), variables[0]), variables[1]));
  const chosen = add(mul(leaf(y), log(p)), mul(sub(1, leaf(y)), log(sub(1, p))));
  const [dw, db] = gradients(neg(mean(chosen)), variables);

  const loss = ([w0, w1, bias]: number[]): number =>
    x.reduce((total, [x0, x1], i) => {
      const q = logistic(x0 * w0 + x1 * w1 + bias);
      return total - Math.log(y[i] === 1 ? q : 1 - q) / x.length;
    }, 0);
  const errors = x.map(([x0, x1], i) => logistic(x0 * w[0] + x1 * w[1] + b) - y[i]);
  const closed = [0, 1].map((k) => errors.reduce((total, each, i) => total + each * x[i][k], 0) / x.length);
  expectClose(valueOf(dw), closed);
  expectClose(numberOf(db), errors.reduce((a, c) => a + c) / x.length);
  expectClose([...(valueOf(dw) as number[]), numberOf(db)], differences(loss, [...w, b]), 1e-9);
  expect(numberOf(neg(mean(chosen)))).toBeCloseTo(loss([...w, b]), 12);
});
