import { expect, test } from 'vitest';
import { add, gradients, leaf, mul, numberOf, square, sub } from './support.ts';

test('E6: u = x w, yhat = u + b, e = yhat - y, J = e^2 at x = 1, w = 5, b = 1, y = 2', () => {
  const [x, w, b, y] = [leaf(1), leaf(5), leaf(1), leaf(2)];
  const u = mul(x, w);
  const yhat = add(u, b);
  const e = sub(yhat, y);
  const J = square(e);
  expect([u, yhat, e, J].map((each) => numberOf(each))).toEqual([5, 6, 4, 16]);
  const found = gradients(J, [e, yhat, u, w, b]);
  expect(found.map((each) => numberOf(each))).toEqual([8, 8, 8, 8, 8]);
  expect(gradients(J, [x, y]).map((each) => numberOf(each))).toEqual([40, -8]);
});
