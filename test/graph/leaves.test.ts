import { describe, expect, test } from 'vitest';
import {
  add,
  constant,
  DTypeError,
  EvaluationError,
  input,
  mul,
  Parameter,
  parameter,
  parametersOf,
  ShapeError,
  scalar,
  tensor,
  toVariable,
  Variable,
  valueOf,
} from '../examples/support.ts';

describe('inputs', () => {
  test('carry shape, dtype and name', () => {
    const x = input([2, 3], { dtype: 'float64', name: 'x' });
    expect(x.shape).toEqual([2, 3]);
    expect(x.rank).toBe(2);
    expect(x.type).toBe('float64[2, 3]');
    expect(String(x)).toBe('input x float64[2, 3]');
    expect(input([]).dtype).toBe('float32');
  });

  test('take their numbers at evaluation, as tensors, nested or typed arrays', () => {
    const x = input([2]);
    const doubled = mul(2, x);
    expect(valueOf(doubled, new Map([[x, tensor([1, 2])]]))).toEqual([2, 4]);
    expect(valueOf(doubled, new Map([[x, [3, 4]]]))).toEqual([6, 8]);
    expect(valueOf(doubled, new Map([[x, new Float64Array([5, 6])]]))).toEqual([10, 12]);
  });

  test('without a value say so, and where they were made', () => {
    const x = input([2], { name: 'x' });
    expect(() => valueOf(add(x, 1))).toThrow(EvaluationError);
    expect(() => valueOf(add(x, 1))).toThrow(
      /^evaluate: input x float32\[2\] \(made at leaves\.test\.ts:\d+\) has no value\. Feed it: /,
    );
  });

  test('refuse another shape or dtype', () => {
    const x = input([2], { name: 'x' });
    const y = mul(2, x);
    expect(() => valueOf(y, new Map([[x, [1, 2, 3]]]))).toThrow(ShapeError);
    expect(() => valueOf(y, new Map([[x, [1, 2, 3]]]))).toThrow(
      'feed of input x float32[2]: expected float32[2], got float32[3]',
    );
    const int = tensor([1, 2], { dtype: 'int32' });
    expect(() => valueOf(y, new Map([[x, int]]))).toThrow(DTypeError);
    expect(() => valueOf(y, new Map([[x, int]]))).toThrow('expected float32[2], got int32[2]');
  });

  test('that are not needed need no value', () => {
    const x = input([]);
    const y = input([]);
    mul(x, y);
    expect(valueOf(add(x, 1), new Map([[x, 1]]))).toBe(2);
  });
});

describe('constants', () => {
  test('hold a tensor or make one', () => {
    const c = constant([1, 2], { dtype: 'int32' });
    expect(String(c)).toBe('constant int32[2]');
    expect(valueOf(c)).toEqual([1, 2]);
    expect(constant(tensor([[1]])).shape).toEqual([1, 1]);
    expect(scalar(2.5, 'float64').type).toBe('float64[]');
  });

  test('every operand becomes a Variable', () => {
    const x = input([2]);
    expect(toVariable(x)).toBe(x);
    expect(toVariable(3).type).toBe('float32[]');
    expect(toVariable(3, 'float64').type).toBe('float64[]');
    expect(toVariable(3, 'int32').type).toBe('int32[]');
    expect(toVariable(0.5, 'int32').type).toBe('float32[]');
    expect(toVariable(true).type).toBe('bool[]');
    expect(toVariable([1, 2]).type).toBe('float32[2]');
    expect(toVariable(new Int32Array(4)).type).toBe('int32[4]');
    expect(toVariable(tensor([true])).type).toBe('bool[1]');
  });
});

describe('parameters', () => {
  test('copy their initial numbers', () => {
    const data = new Float32Array([1, 2]);
    const w = parameter(tensor(data));
    data[0] = 100;
    expect(w.value.toArray()).toEqual([1, 2]);
  });

  test('give their numbers as a copy', () => {
    const w = parameter([1, 2]);
    const before = w.value;
    before.data[0] = 100;
    expect(w.value.toArray()).toEqual([1, 2]);
    w.set([3, 4]);
    expect(before.data[1]).toBe(2);
    expect(w.value.toArray()).toEqual([3, 4]);
  });

  test('are variables with options', () => {
    const w = parameter([1, 2], { name: 'w', dtype: 'float64' });
    expect(w).toBeInstanceOf(Parameter);
    expect(w).toBeInstanceOf(Variable);
    expect(String(w)).toBe('parameter w float64[2]');
    expect(w.trainable).toBe(true);
    expect(w.grad).toBeUndefined();
    expect(String(parameter([1]))).toBe('parameter float32[1]');
    expect(parameter([1], { trainable: false }).trainable).toBe(false);
  });

  test('expressions see new numbers', () => {
    const w = parameter([1, 2]);
    const y = mul(w, w);
    expect(valueOf(y)).toEqual([1, 4]);
    w.set(tensor([3, 4]));
    expect(valueOf(y)).toEqual([9, 16]);
  });

  test('set takes nested arrays in the parameter dtype, and typed arrays in its shape', () => {
    const w = parameter([[1, 2]], { dtype: 'float64' });
    w.set([[0.1, 0.2]]);
    expect(w.value.toArray()).toEqual([[0.1, 0.2]]);
    w.set(new Float64Array([5, 6]));
    expect(w.value.toArray()).toEqual([[5, 6]]);
  });

  test('set keeps shape and dtype', () => {
    const w = parameter([1, 2], { name: 'w' });
    expect(() => w.set([1, 2, 3])).toThrow(ShapeError);
    expect(() => w.set([1, 2, 3])).toThrow('set w: expected float32[2], got float32[3]');
    expect(() => w.set(tensor([1, 2], { dtype: 'float64' }))).toThrow(DTypeError);
    expect(() => w.set(tensor([1, 2], { dtype: 'float64' }))).toThrow(
      'set w: expected float32[2], got float64[2]',
    );
    expect(() => parameter(1).set([1])).toThrow('set parameter: expected float32[], got float32[1]');
    expect(w.value.toArray()).toEqual([1, 2]);
  });

  test('parametersOf finds the trainable ones that matter, in the order in which they are met', () => {
    const a = parameter(1, { name: 'a' });
    const b = parameter(2, { name: 'b' });
    const frozen = parameter(3, { name: 'frozen', trainable: false });
    parameter(4, { name: 'unused' });
    const z = add(mul(b, frozen), mul(a, b));
    expect(parametersOf([z])).toEqual([b, a]);
  });
});
