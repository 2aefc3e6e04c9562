import { expect, test } from 'vitest';
import { add, countApplications, gradients, leaf, mul, numberOf, type Variable } from './support.ts';

/** Each rung is used twice by the next: 2^depth paths from x to the top. */
function ladder(x: Variable, depth: number): Variable {
  let z = x;
  for (let i = 0; i < depth; i++) z = add(z, z);
  return z;
}

test('E16: a diamond ladder of depth 60 has 2^60 paths, and its gradient counts them exactly', () => {
  const x = leaf(1);
  const z = ladder(x, 60);
  const [dx] = gradients(z, [x]);
  expect(numberOf(z)).toBe(2 ** 60);
  expect(numberOf(dx)).toBe(2 ** 60);
});

test('E16: the number of nodes of the gradient is linear in the depth', () => {
  const size = (depth: number): number => {
    const x = leaf(1);
    return countApplications(gradients(ladder(x, depth), [x]));
  };
  expect(size(60)).toBeLessThanOrEqual(2 * 60);
  expect(size(120) - size(60)).toBe(size(180) - size(120));
  expect(size(120) - size(60)).toBeLessThanOrEqual(2 * 60);
});

test('E16: nor do paths through products cost more: x^(2^20), by twenty squarings', () => {
  const x = leaf(1);
  let z: Variable = x;
  for (let i = 0; i < 20; i++) z = mul(z, z);
  const [dx] = gradients(z, [x]);
  expect(numberOf(dx)).toBe(2 ** 20);
  expect(countApplications([z, dx])).toBeLessThanOrEqual(4 * 20);
});
