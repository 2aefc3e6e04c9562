import { describe, expect, test } from 'vitest';
import { runReference } from '../../../src/backends/reference/run.ts';
import {
  apply,
  captureSite,
  constant,
  EvaluationError,
  input,
  type Operation,
  parameter,
  type TensorOptions,
  tensor,
  type Variable,
  withSite,
} from '../../../src/graph/index.ts';
import { registry } from '../../../src/operations/index.ts';

const { add, mul, sub, div, exp, sum, max, prod, any, matmul, transpose, flip, slice, concat, pad } =
  registry;

const value = (x: Variable): unknown => runReference([x])[0].toArray();
const c = (data: any, options?: TensorOptions): Variable => constant(tensor(data, options));
const matrix = c([
  [1, 2, 3],
  [4, 5, 6],
]);

describe('by hand', () => {
  test('elementwise, with broadcasting', () => {
    expect(value(add(matrix, c([10, 20, 30])))).toEqual([
      [11, 22, 33],
      [14, 25, 36],
    ]);
    expect(value(sub(c([[1], [2]]), c([1, 2])))).toEqual([
      [0, -1],
      [1, 0],
    ]);
    expect(value(registry.iota([2, 3], 1))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  test('reductions', () => {
    expect(value(sum(matrix))).toBe(21);
    expect(value(sum(matrix, 0))).toEqual([5, 7, 9]);
    expect(value(max(matrix, 1, { keepDims: true }))).toEqual([[3], [6]]);
    expect(value(prod(c([[2, 3, -1]]), 1))).toEqual([-6]);
    expect(value(any(c([[false, true]]), 0))).toEqual([false, true]);
    expect(value(sum(c([], { shape: [2, 0] }), 1))).toEqual([0, 0]);
    expect(value(prod(c([], { shape: [0] })))).toBe(1);
  });

  test('views and assemblies', () => {
    expect(value(transpose(matrix))).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(value(flip(slice(matrix, [0, 1], [2, 3]), 0))).toEqual([
      [5, 6],
      [2, 3],
    ]);
    expect(value(concat([c([1]), c([2, 3])], 0))).toEqual([1, 2, 3]);
    expect(value(pad(c([1, 2]), [1], [2], { value: 7 }))).toEqual([7, 1, 2, 7, 7]);
  });

  test('products, with batches and in integers', () => {
    expect(value(matmul(matrix, transpose(matrix)))).toEqual([
      [14, 32],
      [32, 77],
    ]);
    const batches = c([[[1, 0]], [[0, 2]]]);
    expect(value(matmul(batches, c([[1], [10]])))).toEqual([[[1]], [[20]]]);
    const large = c([[2 ** 30, 3]], { dtype: 'int32' });
    expect(value(matmul(large, c([[4], [5]], { dtype: 'int32' })))).toEqual([[15]]);
  });

  test('compositions', () => {
    expect(value(registry.cumsum(c([1, 2, 3])))).toEqual([1, 3, 6]);
  });
});

describe('rounding', () => {
  test('is once per element, from float64', () => {
    const third = div(c(1), 3);
    expect(value(third)).toBe(Math.fround(1 / 3));
    // In float32 steps the large terms would swallow the small one.
    expect(value(sum(c([2 ** 24, 1, -(2 ** 24)])))).toBe(1);
  });

  test('wraps integers', () => {
    expect(value(mul(c(2 ** 30, { dtype: 'int32' }), 4))).toBe(0);
    expect(value(add(c(250, { dtype: 'uint8' }), 10))).toBe(4);
  });

  test('keeps special values', () => {
    expect(value(mul(c([NaN, Infinity, -0]), 0))).toEqual([NaN, NaN, -0]);
    expect(value(max(c([1, NaN])))).toBeNaN();
  });
});

describe('what is computed', () => {
  test('is only what the outputs need', () => {
    const failing: Operation<Record<string, never>> = {
      name: 'failing',
      infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
      bprop: ({ g }) => g,
      computation: {
        kind: 'routine',
        run() {
          throw new Error('computed');
        },
      },
    };
    const bad = apply(failing, [matrix], {});
    add(bad, 1);
    expect(value(sum(matrix))).toBe(21);
    expect(() => value(exp(bad))).toThrow('computed');
  });

  test('is computed from what is fed', () => {
    const x = input([2], { name: 'x' });
    const [y] = runReference([mul(x, 2)], new Map([[x, [1, 2]]]));
    expect(y.toArray()).toEqual([2, 4]);
    expect(() => runReference([x])).toThrow(EvaluationError);
  });

  test("is the caller's to change", () => {
    const p = parameter([1, 2]);
    const [first] = runReference([p]);
    first.data[0] = 99;
    expect(p.value.toArray()).toEqual([1, 2]);
    const held = tensor([1, 2]);
    runReference([constant(held)])[0].data[0] = 99;
    expect(held.toArray()).toEqual([1, 2]);
  });

  test('survives a graph of 20,000 operations', () => {
    const y = withSite(captureSite(), () => {
      let v = c(0, { dtype: 'float64' });
      for (let i = 0; i < 20_000; i++) v = add(v, 1);
      return v;
    });
    expect(value(y)).toBe(20_000);
  });
});
