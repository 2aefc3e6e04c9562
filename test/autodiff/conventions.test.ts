/** Points where a derivative needs care: corners, ties, zeros. What is chosen there is documented, and kept here. */
import { describe, expect, test } from 'vitest';
import {
  abs,
  add,
  clip,
  expectClose,
  gradients,
  leaf,
  log,
  max,
  maximum,
  minimum,
  mul,
  type Nested,
  norm,
  numberOf,
  pow,
  prod,
  relu,
  sqrt,
  sum,
  tensor,
  type Variable,
  valueOf,
  where,
} from '../examples/support.ts';

const first = (z: Variable, x: Variable): Nested => valueOf(gradients(sum(z), [x])[0]);
const derivative = (z: Variable, x: Variable): Variable => gradients(z, [x], { disconnected: 'zero' })[0];

describe('pow', () => {
  /** x^y and all its derivatives of first and second order at one point. */
  function derivatives(xAt: number, yAt: number): Record<string, number> {
    const x = leaf(xAt);
    const y = leaf(yAt);
    const z = pow(x, y);
    const [dx, dy] = gradients(z, [x, y]);
    const all = {
      x: dx,
      y: dy,
      xx: derivative(dx, x),
      xy: derivative(dx, y),
      yx: derivative(dy, x),
      yy: derivative(dy, y),
    };
    return Object.fromEntries(Object.entries(all).map(([name, each]) => [name, numberOf(each) + 0]));
  }

  test('at (23, 0): the mixed second derivative is 1/23, from either side', () => {
    const at = derivatives(23, 0);
    expectClose([at.xy, at.yx], [1 / 23, 1 / 23], 1e-15);
    expectClose([at.x, at.y, at.xx, at.yy], [0, Math.log(23), 0, Math.log(23) ** 2], 1e-15);
  });

  test('at a general point', () => {
    const [x, y] = [1.7, 2.3];
    const at = derivatives(x, y);
    const l = Math.log(x);
    expectClose(
      [at.x, at.y, at.xx, at.xy, at.yx, at.yy],
      [
        y * x ** (y - 1),
        x ** y * l,
        y * (y - 1) * x ** (y - 2),
        x ** (y - 1) * (1 + y * l),
        x ** (y - 1) * (1 + y * l),
        x ** y * l ** 2,
      ],
      1e-14,
    );
  });

  test('at (0, 2): as the limit from above', () => {
    expect(derivatives(0, 2)).toEqual({ x: 0, y: 0, xx: 2, xy: 0, yx: 0, yy: 0 });
  });

  test('at (0, 1) and (0, 0): finite', () => {
    expect(derivatives(0, 1)).toMatchObject({ x: 1, y: 0, xx: 0 });
    expect(derivatives(0, 0)).toMatchObject({ x: 0, y: 0 });
  });

  test('of a negative base with a whole exponent', () => {
    const x = leaf(-2);
    const z = pow(x, 3);
    const dx = derivative(z, x);
    expect([numberOf(z), numberOf(dx), numberOf(derivative(dx, x))]).toEqual([-8, 12, -12]);
  });

  test('of zero with a fraction: the slope is infinite, and says so', () => {
    const x = leaf(0);
    expect(numberOf(derivative(pow(x, 0.5), x))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('norm', () => {
  test('is x / |x|, and 0 at the origin', () => {
    const x = leaf([3, 4]);
    expectClose(valueOf(derivative(norm(x), x)), [0.6, 0.8]);
    const origin = leaf([0, 0]);
    expect(valueOf(derivative(norm(origin), origin))).toEqual([0, 0]);
  });

  test('treats each row on its own', () => {
    const x = leaf([
      [3, 4],
      [0, 0],
    ]);
    expectClose(
      first(norm(x, 1), x) as number[],
      [
        [0.6, 0.8],
        [0, 0],
      ] as never,
    );
  });

  test('has the second derivative (I - u u^T) / |x|, and 0 at the origin', () => {
    const x = leaf([3, 4]);
    const v = tensor([1, 2], { dtype: 'float64' });
    const product = derivative(sum(mul(derivative(norm(x), x), v)), x);
    const along = 0.6 * 1 + 0.8 * 2;
    expectClose(valueOf(product), [(1 - 0.6 * along) / 5, (2 - 0.8 * along) / 5]);
    const origin = leaf([0, 0]);
    expect(valueOf(derivative(sum(derivative(norm(origin), origin)), origin))).toEqual([0, 0]);
  });
});

describe('abs', () => {
  test('has slope -1, 0, 1', () => {
    const x = leaf([-2, 0, 3]);
    expect(first(abs(x), x)).toEqual([-1, 0, 1]);
  });

  test('is straight on both sides', () => {
    const x = leaf([-2, 0, 3]);
    expect(valueOf(derivative(sum(derivative(sum(abs(x)), x)), x))).toEqual([0, 0, 0]);
  });
});

describe('relu', () => {
  test('has slope 0 at 0 and below, 1 above', () => {
    const x = leaf([-2, 0, 3]);
    expect(first(relu(x), x)).toEqual([0, 0, 1]);
    expect(valueOf(derivative(sum(derivative(sum(relu(x)), x)), x))).toEqual([0, 0, 0]);
  });
});

describe('clip', () => {
  test('lets the gradient through inside and on the bounds', () => {
    const x = leaf([-3, -1, 0, 1, 3]);
    expect(first(clip(x, -1, 1), x)).toEqual([0, 1, 1, 1, 0]);
    expect(valueOf(derivative(sum(derivative(sum(clip(x, -1, 1)), x)), x))).toEqual([0, 0, 0, 0, 0]);
  });

  test('sends it to the bound that holds', () => {
    const x = leaf([-3, 0, 3]);
    const low = leaf(-1);
    const high = leaf(2);
    const weights = tensor([1, 10, 100], { dtype: 'float64' });
    const z = sum(mul(clip(x, low, high), weights));
    expect(gradients(z, [x, low, high]).map((g) => valueOf(g))).toEqual([[0, 10, 0], 1, 100]);
  });

  test('with crossed bounds is the upper one', () => {
    const x = leaf([0.5, 1.5, 2.5]);
    const low = leaf(2);
    const high = leaf(1);
    const z = sum(clip(x, low, high));
    expect(gradients(z, [x, low, high]).map((g) => valueOf(g))).toEqual([[0, 0, 0], 0, 3]);
  });
});

describe('ties', () => {
  test('of max share the gradient evenly', () => {
    const x = leaf([1, 5, 5, 2, 5]);
    expectClose(first(max(x), x), [0, 1 / 3, 1 / 3, 0, 1 / 3]);
  });

  test('of max are counted along its axes only', () => {
    const x = leaf([
      [1, 1],
      [1, 2],
    ]);
    expect(first(max(x, 1), x)).toEqual([
      [0.5, 0.5],
      [0, 1],
    ]);
  });

  test('of maximum and minimum are shared half and half', () => {
    const a = leaf([1, 2, 3]);
    const b = leaf([2, 2, 2]);
    expect(gradients(sum(maximum(a, b)), [a, b]).map((g) => valueOf(g))).toEqual([
      [0, 0.5, 1],
      [1, 0.5, 0],
    ]);
    expect(gradients(sum(minimum(a, b)), [a, b]).map((g) => valueOf(g))).toEqual([
      [1, 0.5, 0],
      [0, 0.5, 1],
    ]);
  });

  test('with oneself add up to the whole', () => {
    const x = leaf(3);
    expect(first(maximum(x, x), x)).toBe(1);
  });
});

describe('prod', () => {
  test('has the product of the others as its gradient, exactly, at zeros too', () => {
    const at = (data: number[]): Nested => {
      const x = leaf(data);
      return first(prod(x), x);
    };
    expect(at([2, 0, 3])).toEqual([0, 6, 0]);
    expect(at([0, 0, 3])).toEqual([0, 0, 0]);
    expect(at([2, 3, 4])).toEqual([12, 8, 6]);
    expect(at([5])).toEqual([1]);
    expect(at([])).toEqual([]);
  });

  test('and of its second derivative the product of all but two', () => {
    const x = leaf([2, 0, 3, 5]);
    const g = derivative(prod(x), x);
    const rows = [0, 1, 2, 3].map((i) => {
      const unit = tensor(
        [0, 1, 2, 3].map((k) => (k === i ? 1 : 0)),
        { dtype: 'float64' },
      );
      return valueOf(derivative(sum(mul(g, unit)), x));
    });
    expectClose(rows, [
      [0, 15, 0, 0],
      [15, 0, 10, 6],
      [0, 10, 0, 0],
      [0, 6, 0, 0],
    ]);
  });
});

describe('a branch that is not taken', () => {
  test('sends no NaN and no infinity through where, if its argument is guarded', () => {
    const x = leaf([0, 4]);
    const safe = where(x.greater(0), x, 1);
    expect(first(where(x.greater(0), sqrt(safe), 0), x)).toEqual([0, 0.25]);
    expect(first(where(x.greater(0), log(safe), 0), x)).toEqual([0, 0.25]);
  });

  test('gets exactly zero, not zero times what it holds', () => {
    const x = leaf([1, 2]);
    const huge = leaf([Number.POSITIVE_INFINITY, Number.NaN]);
    expect(first(where([true, true], x, huge), huge)).toEqual([0, 0]);
    expect(first(add(where([true, false], x, 0), x), x)).toEqual([2, 1]);
  });
});

test('the slope of sqrt at 0 is infinite', () => {
  const x = leaf([0, 4]);
  expect(first(sqrt(x), x)).toEqual([Number.POSITIVE_INFINITY, 0.25]);
});
