import { expect, test } from 'vitest';
import { gradients, input, mul, numberOf } from './support.ts';

test('E1: z = x y has dz/dx = y and dz/dy = x', () => {
  const x = input([], { dtype: 'float64' });
  const y = input([], { dtype: 'float64' });
  const [dx, dy] = gradients(mul(x, y), [x, y]);
  expect([dx, dy]).toEqual([y, x]);
  for (const [a, b] of [
    [2, 7],
    [-0.5, 0],
  ]) {
    const feeds = new Map([
      [x, a],
      [y, b],
    ]);
    expect([numberOf(dx, feeds), numberOf(dy, feeds)]).toEqual([b, a]);
  }
});
