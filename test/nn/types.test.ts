/** Literal shapes, checked by the compiler: this file's assertions are made by `tsc`. */
import { describe, expect, it } from 'vitest';
import {
  input,
  type Parameter,
  type Shape,
  type Tensor,
  type TensorLike,
  type Variable,
} from '../../src/graph/index.ts';
import { type Layer, linear, type Module, sequential } from '../../src/nn/index.ts';
import { relu } from '../../src/operations/activation.ts';
import { softmax } from '../../src/operations/loss.ts';
import { tanh } from '../../src/operations/trigonometric.ts';

/** Whether A and B are the same type, not merely assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where `value` has exactly the type T. */
function exactly<T>() {
  return <U>(_: U & (Same<T, U> extends true ? unknown : never)): void => {};
}

const x = input([32, 784]);
const narrow = input([32, 10]);
const layer = linear(784, 128);

describe('linear', () => {
  it('follows literal extents', () => {
    const y = layer(x);
    exactly<Variable<readonly [32, 128]>>()(y);
    exactly<Parameter<readonly [784, 128]>>()(layer.weight);
    exactly<Parameter<readonly [128]>>()(layer.bias);
    expect(y.shape).toEqual([32, 128]);
  });

  it('rejects a wrong extent, at compile time and at run time', () => {
    // @ts-expect-error the last extent is 10, not 784
    expect(() => layer(narrow)).toThrow(/maps rows of 784, got x of shape \[32, 10\]/);
    // @ts-expect-error a vector of the wrong length
    expect(() => layer(input([10]))).toThrow('last extent must be 784');
    // @ts-expect-error a scalar has no last extent
    expect(() => layer(input([]))).toThrow('last extent must be 784');
  });

  it('accepts number and unknown rank everywhere', () => {
    const n: number = 784;
    const rows: number = 32;
    const some: Variable = x;
    exactly<Variable<readonly [32, 128]>>()(linear(n, 128)(x));
    exactly<Variable<readonly [number, 128]>>()(layer(input([rows, 784])));
    exactly<Variable<readonly [number, 128]>>()(layer(input([rows, n])));
    exactly<Variable<readonly [32, number]>>()(linear(784, n)(x));
    exactly<Variable<Shape>>()(layer(some));
  });

  it('keeps further leading axes, and takes a vector', () => {
    exactly<Variable<readonly [128]>>()(layer(input([784])));
    exactly<Variable<readonly [2, 3, 128]>>()(layer(input([2, 3, 784])));
  });

  it('takes tensors', () => {
    const images = undefined as unknown as Tensor;
    const operand = images as TensorLike;
    const calls = [
      (): Variable => layer(images),
      (): Variable => layer(operand),
      (): Variable => layer([[1, 2]]),
    ];
    exactly<Variable<Shape>>()(layer(new Array<number>(784).fill(1)));
    expect(calls.length).toBe(3);
  });

  it('type-checks inside a generic function', () => {
    function hidden<N extends number>(rows: Variable<readonly [N, 784]>): Variable<readonly [N, 128]> {
      return relu(layer(rows));
    }
    exactly<Variable<readonly [32, 128]>>()(hidden(x));
  });

  it('knows whether it has a bias', () => {
    exactly<undefined>()(linear(2, 3, { bias: false }).bias);
    exactly<Parameter<readonly [3]>>()(linear(2, 3, { bias: true, seed: 1 }).bias);
  });
});

describe('sequential', () => {
  const model = sequential(linear(784, 128), relu, linear(128, 64), tanh, linear(64, 10));

  it('follows literal extents through linear and elementwise layers', () => {
    exactly<Variable<readonly [32, 10]>>()(model(x));
    exactly<Variable<readonly [32, 10]>>()(sequential(sequential(linear(784, 9)), linear(9, 10))(x));
    exactly<Parameter<readonly [784, 128]>>()(model.layers[0].weight);
  });

  it('rejects layers that do not fit', () => {
    // @ts-expect-error the first layer takes 784
    expect(() => model(narrow)).toThrow('last extent must be 784');
    const broken = sequential(linear(784, 128), relu, linear(64, 10));
    // @ts-expect-error the second layer takes 64, not 128
    expect(() => broken(x)).toThrow('last extent must be 64');
  });

  it('lets go of the shape where a layer says nothing of it', () => {
    const some: Variable = x;
    exactly<Variable<Shape>>()(model(some));
    exactly<Variable<Shape>>()(sequential(linear(784, 10), softmax)(x));
    exactly<Variable<Shape>>()(sequential((v: Variable) => v)(x));
    const many: Layer[] = [linear(784, 10)];
    exactly<Variable<Shape>>()(sequential(...many)(x));
  });

  it('is a module, as a linear layer is', () => {
    const modules: Module[] = [model, layer, linear(2, 3, { bias: false })];
    const layers: ((x: Variable) => Variable)[] = [model, layer, relu];
    const functions: ((x: TensorLike) => Variable)[] = [model, layer, sequential(...layers)];
    expect(modules.length + layers.length + functions.length).toBe(9);
  });
});
