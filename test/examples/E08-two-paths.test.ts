import { expect, test } from 'vitest';
import { add, gradients, leaf, mul, numberOf } from './support.ts';

test('E8: x = a + b, y = b + c, f = x y at x = 2, y = 7 has df/db = y + x = 9, one term a path', () => {
  const [a, b, c] = [leaf(-1), leaf(3), leaf(4)];
  const x = add(a, b);
  const y = add(b, c);
  const f = mul(x, y);
  expect([x, y, f].map((each) => numberOf(each))).toEqual([2, 7, 14]);
  const found = gradients(f, [x, y, a, b, c]);
  expect(found.map((each) => numberOf(each))).toEqual([7, 2, 7, 9, 2]);
});
