import { describe, expect, test } from 'vitest';
import {
  cast,
  concat,
  constant,
  gradients,
  input,
  matmul,
  maxWithIndex,
  mul,
  parameter,
  print,
  relu,
  scalar,
  slice,
  square,
  sum,
  tensor,
} from '../examples/support.ts';

describe('a printed graph', () => {
  test('has one line an application, in the order of computation', () => {
    const x = input([3], { name: 'x' });
    expect(print(sum(square(x)))).toMatchInlineSnapshot(`
      "%0 = input x : float32[3]
      %1 = square(%0) : float32[3]
      %2 = sum(%1, axes=[0]) : float32[]
      return %2"
    `);
  });

  test('shows scalar constants in place and other constants with their first numbers', () => {
    const x = input([2, 5]);
    const c = constant([
      [1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10],
    ]);
    expect(print(mul(mul(x, 0.5), c))).toMatchInlineSnapshot(`
      "%0 = input : float32[2, 5]
      %1 = constant [1, 2, 3, 4, 5, 6, 7, 8, ...] as [2, 5] : float32[2, 5]
      %2 = mul(%0, 0.5) : float32[2, 5]
      %3 = mul(%2, %1) : float32[2, 5]
      return %3"
    `);
  });

  test('names parameters and shows attributes', () => {
    const w = parameter([[1, 2, 3]], { name: 'w', dtype: 'float64' });
    const part = slice(w, [0, 1], [1, 3]);
    expect(
      print(sum(cast(concat([part, part], 1), 'float32'), 1, { keepDims: true })),
    ).toMatchInlineSnapshot(`
      "%0 = parameter w : float64[1, 3]
      %1 = slice(%0, starts=[0,1], counts=[1,2], steps=[1,1]) : float64[1, 2]
      %2 = concat(%1, %1, axis=1) : float64[1, 4]
      %3 = cast(%2, dtype=float32) : float32[1, 4]
      %4 = sum(%3, axes=[1], keepDims=true) : float32[1, 1]
      return %4"
    `);
  });

  test('names every output of an application', () => {
    const [value, index] = maxWithIndex(input([2, 3]), 1);
    expect(print([index, value])).toMatchInlineSnapshot(`
      "%0 = input : float32[2, 3]
      %1, %2 = maxWithIndex(%0, axes=[1]) : float32[2], int32[2]
      return %2, %1"
    `);
  });

  test('may have leaves as outputs', () => {
    const one = scalar(1, 'float64');
    const yes = constant(tensor(true));
    expect(print([one, yes, parameter(2)])).toMatchInlineSnapshot(`
      "%0 = constant [1] : float64[]
      %1 = constant [1] : bool[]
      %2 = parameter : float32[]
      return %0, %1, %2"
    `);
  });

  test('shows derivatives in the same language', () => {
    const x = input([4, 3], { name: 'x' });
    const w = input([3, 2], { name: 'w' });
    const z = sum(relu(matmul(x, w)));
    expect(print(gradients(z, [w]))).toMatchInlineSnapshot(`
      "%0 = input x : float32[4, 3]
      %1 = input w : float32[3, 2]
      %2 = transpose(%0, permutation=[1,0]) : float32[3, 4]
      %3 = matmul(%0, %1) : float32[4, 2]
      %4 = greater(%3, 0) : bool[4, 2]
      %5 = where(%4, 1, 0) : float32[4, 2]
      %6 = matmul(%2, %5) : float32[3, 2]
      return %6"
    `);
  });

  test('names the line of each operation on demand, also of those that a derivative added', () => {
    const x = input([], { name: 'x' });
    const y = square(x);
    const text = print(gradients(y, [x]), { sites: true });
    expect(text.replaceAll(/:\d+$/gm, ':<line>')).toMatchInlineSnapshot(`
      "%0 = input x : float32[]
      %1 = mul(2, %0) : float32[]  # printing.test.ts:<line>
      return %1"
    `);
  });
});

describe('the short description of a variable', () => {
  test('names its origin and its type', () => {
    const x = input([2, 3], { name: 'x' });
    expect(`${x}`).toBe('input x float32[2, 3]');
    expect(String(input([], { dtype: 'bool' }))).toBe('input bool[]');
    expect(String(matmul(x, input([3, 4])))).toBe('matmul float32[2, 4]');
    expect(String(scalar(1, 'int32'))).toBe('constant int32[]');
  });
});
