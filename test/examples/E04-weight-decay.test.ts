import { expect, test } from 'vitest';
import {
  add,
  expectClose,
  getInputs,
  getOperation,
  gradients,
  leaf,
  matmul,
  mean,
  mul,
  randomMatrices,
  square,
  sub,
  sum,
  times,
  transposed,
  valueOf,
} from './support.ts';

test('E4: in linear regression with weight decay w is used twice, and the gradients of both uses add', () => {
  const lambda = 0.1;
  const random = randomMatrices(4);
  const [x, w, y] = [random(6, 3), random(3, 1), random(6, 1)];
  const W = leaf(w);
  const misfit = mean(square(sub(matmul(leaf(x), W), leaf(y))));
  const penalty = mul(lambda, sum(square(W)));
  const [dW] = gradients(add(misfit, penalty), [W]);

  const residual = times(x, w).map(([prediction], i) => [prediction - y[i][0]]);
  const fromMisfit = times(transposed(x), residual).map(([each]) => [(2 / 6) * each]);
  const fromPenalty = w.map(([each]) => [2 * lambda * each]);
  expectClose(valueOf(gradients(misfit, [W])[0]), fromMisfit);
  expectClose(valueOf(gradients(penalty, [W])[0]), fromPenalty);
  expectClose(
    valueOf(dW),
    w.map((_, i) => [fromMisfit[i][0] + fromPenalty[i][0]]),
  );

  expect(getOperation(dW)?.operation.name).toBe('add');
  const terms = getInputs(dW).map((term) => valueOf(term));
  expectClose(terms, [fromPenalty, fromMisfit]);
});
