/** What `gradients` takes and gives: targets, seeds, accumulation, broadcasting, dtypes. */
import { describe, expect, test } from 'vitest';
import {
  add,
  countApplications,
  exp,
  expectClose,
  full,
  getInputs,
  getOperation,
  gradients,
  input,
  leaf,
  matmul,
  mul,
  neg,
  ShapeError,
  sin,
  square,
  sub,
  sum,
  tanh,
  tensor,
  type Variable,
  valueOf,
  withRewriting,
} from '../examples/support.ts';

describe('targets', () => {
  test('may be results on the way to z', () => {
    const x = leaf(0.5);
    const middle = sin(x);
    const z = square(middle);
    const [toMiddle, toX] = gradients(z, [middle, x]);
    expectClose(valueOf(toMiddle), 2 * Math.sin(0.5));
    expectClose(valueOf(toX), 2 * Math.sin(0.5) * Math.cos(0.5));
  });

  test('of which one lies upstream of the other both get their whole gradient', () => {
    const x = leaf(3);
    const y = mul(x, x);
    const z = mul(x, y);
    const [dx, dy] = gradients(z, [x, y]);
    expect([valueOf(dx), valueOf(dy)]).toEqual([27, 3]);
  });

  test('may be z itself', () => {
    const x = leaf(2);
    const z = square(x);
    const [dz, dx] = gradients(z, [z, x]);
    expect([valueOf(dz), valueOf(dx)]).toEqual([1, 4]);
    expect(valueOf(gradients(x, [x])[0])).toBe(1);
  });

  test('may repeat', () => {
    const x = leaf(3);
    const [first, second] = gradients(square(x), [x, x]);
    expect([valueOf(first), valueOf(second)]).toEqual([6, 6]);
  });

  test('may be none', () => {
    expect(gradients(leaf(3), [])).toEqual([]);
  });

  test('are leaves of any kind', () => {
    const x = input([], { dtype: 'float64' });
    const w = leaf(2);
    const [dx, dw] = gradients(mul(x, w), [x, w]);
    const feeds = new Map([[x, 5]]);
    expect([valueOf(dx, feeds), valueOf(dw, feeds)]).toEqual([2, 5]);
  });

  test('keep the part of the graph that does not depend on them out of the work', () => {
    const x = leaf(2);
    const w = leaf(3);
    const [dx] = gradients(mul(x, exp(exp(w))), [x]);
    expect(countApplications([dx])).toBe(2);
    expect(countApplications([dx], 'exp')).toBe(2);
  });
});

describe('the seed', () => {
  const x = leaf([1, 2, 3]);

  test('says with what weights the elements of z count', () => {
    const seed = leaf([1, 10, 100]);
    const [dx] = gradients(square(x), [x], { seed });
    expect(valueOf(dx)).toEqual([2, 40, 600]);
  });

  test('of ones gives the gradient of the sum', () => {
    const ones = full([3], 1, 'float64');
    const [seeded] = gradients(tanh(x), [x], { seed: ones });
    const [summed] = gradients(sum(tanh(x)), [x]);
    expect(valueOf(seeded)).toEqual(valueOf(summed));
  });

  test('may scale a scalar', () => {
    const [dx] = gradients(sum(square(x)), [x], { seed: leaf(0.5) });
    expect(valueOf(dx)).toEqual([1, 2, 3]);
  });

  test('enters linearly, so that differentiating twice turns J^T u into J v', () => {
    const a = [
      [1, 2, -1],
      [0.5, 0, 3],
    ];
    const u = leaf([0, 0]);
    const v = leaf([1, -2, 0.5]);
    const y = sin(matmul(tensor(a, { dtype: 'float64' }), x));
    const [pulled] = gradients(y, [x], { seed: u });
    const [pushed] = gradients(sum(mul(pulled, v)), [u]);
    const expected = a.map((row) => {
      const angle = row[0] * 1 + row[1] * 2 + row[2] * 3;
      return Math.cos(angle) * (row[0] * 1 + row[1] * -2 + row[2] * 0.5);
    });
    expectClose(valueOf(pushed), expected);
  });

  test('must be there for what is no scalar, and fit', () => {
    expect(() => gradients(square(x), [x])).toThrow(ShapeError);
    expect(() => gradients(square(x), [x], { seed: leaf([1, 2]) })).toThrow(
      'gradients: the seed is float64[2], but z is float64[3]',
    );
    expect(() => gradients(square(x), [x], { seed: input([3]) })).toThrow(
      'gradients: the seed is float32[3], but z is float64[3]',
    );
  });
});

describe('a variable that is used many times', () => {
  test('collects one term from each use', () => {
    const x = leaf(2);
    let z: Variable = mul(x, 1);
    for (let factor = 2; factor <= 100; factor++) z = add(z, mul(x, factor));
    const [dx] = withRewriting('none', () => gradients(z, [x]));
    expect(valueOf(dx)).toBe(5050);
    expect(countApplications([dx], 'add')).toBe(99);
  });

  test('twice by one operation has two terms', () => {
    const x = leaf(3);
    const [dx] = withRewriting('none', () => gradients(mul(x, x), [x]));
    expect(getOperation(dx)?.operation.name).toBe('add');
    expect(getInputs(dx)).toEqual([x, x]);
    expect(valueOf(dx)).toBe(6);
  });

  test('by a difference with itself cancels', () => {
    const x = leaf([3, 4]);
    expect(valueOf(gradients(sum(sub(x, x)), [x])[0])).toEqual([0, 0]);
  });
});

describe('broadcasting is undone', () => {
  test.each<[number[], number[]]>([
    [[2, 3], [3]],
    [
      [2, 3],
      [2, 1],
    ],
    [[2, 3], []],
    [
      [2, 1],
      [1, 3],
    ],
    [[1], [3]],
    [
      [4, 1, 3],
      [2, 1],
    ],
    [
      [0, 3],
      [1, 3],
    ],
    [[1, 1], []],
  ])('for %j with %j', (a, b) => {
    const x = input(a, { dtype: 'float64' });
    const y = input(b, { dtype: 'float64' });
    const z = sum(mul(x, y));
    const [dx, dy] = gradients(z, [x, y]);
    expect(dx.shape).toEqual(a);
    expect(dy.shape).toEqual(b);
    const ones = (shape: number[]) =>
      new Float64Array(shape.reduce((size, extent) => size * extent, 1)).fill(1);
    const feeds = new Map<Variable, Float64Array>([
      [x, ones(a)],
      [y, ones(b)],
    ]);
    const size = mul(x, y).shape.reduce((total, extent) => total * extent, 1);
    const each = (shape: number[]) => Array.from(ones(shape), () => size / ones(shape).length);
    expectClose(valueOf(dx, feeds), each(a));
    expectClose(valueOf(dy, feeds), each(b));
  });
});

describe('dtypes', () => {
  test('a gradient has the dtype of its target, also where the path is wider', () => {
    const x = input([2]);
    const w = leaf([1, 2]);
    const [dx, dw] = gradients(sum(mul(x, w)), [x, w]);
    expect(dx.type).toBe('float32[2]');
    expect(dw.type).toBe('float64[2]');
  });

  test('a float64 gradient is accurate to float64', () => {
    const x = leaf(0.1);
    const [dx] = gradients(exp(mul(x, 0.3)), [x]);
    expectClose(valueOf(dx), 0.3 * Math.exp(0.1 * 0.3), 4e-16);
  });
});

test('gradients only adds: the graph that it differentiates stays as it was', () => {
  const x = leaf(2);
  const z = neg(square(x));
  const before = countApplications([z]);
  gradients(z, [x]);
  expect(countApplications([z])).toBe(before);
});
