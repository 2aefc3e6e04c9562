import { afterEach, describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { backward, evaluate, setBackend } from '../../src/engine/index.ts';
import { ChainruleError, constant, input, parameter, type Tensor, tensor } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';

const { add, mul, sum, tanh, matmul, square, squaredError } = registry;

afterEach(() => setBackend('wasm'));

describe('backward', () => {
  test.each(['wasm', 'reference'] as const)('%s: leaves what evaluate(gradients) gives', (name) => {
    setBackend(name);
    const w = parameter([
      [0.5, -1, 2],
      [1, 0.25, -0.5],
    ]);
    const b = parameter([0.1, 0.2, 0.3]);
    const x = constant(tensor([[1, 2]]));
    const J = squaredError(tanh(add(matmul(x, w), b)), constant(tensor([[1, 0, -1]])));
    const value = backward(J);
    const [again, dw, db] = evaluate([J, ...gradients(J, [w, b])] as const) as unknown as Tensor[];
    expect(value).toEqual(again);
    expect(w.grad).toEqual(dw);
    expect(b.grad).toEqual(db);
  });

  test('replaces gradients, or adds to them', () => {
    const w = parameter([1, 2]);
    const J = () => sum(square(w));
    backward(J());
    backward(J());
    expect(w.grad?.toArray()).toEqual([2, 4]);
    backward(J(), { accumulate: true });
    expect(w.grad?.toArray()).toEqual([4, 8]);
    const fresh = parameter([3]);
    backward(sum(fresh), { accumulate: true });
    expect(fresh.grad?.toArray()).toEqual([1]);
  });

  test('leaves what is not trainable alone', () => {
    const [w, frozen] = [parameter([1, 2]), parameter([3, 4], { trainable: false })];
    backward(sum(mul(w, frozen)));
    expect(w.grad?.toArray()).toEqual([3, 4]);
    expect(frozen.grad).toBeUndefined();
  });

  test('gives zeros to a parameter that no derivative reaches', () => {
    const [w, v] = [parameter([1, 2]), parameter([3, 4])];
    backward(sum(mul(w, registry.stopGradient(v))));
    expect(w.grad?.toArray()).toEqual([3, 4]);
    expect(v.grad?.toArray()).toEqual([0, 0]);
  });

  test('needs a parameter', () => {
    expect(() => backward(sum(constant(tensor([1, 2]))))).toThrow(ChainruleError);
    expect(() => backward(sum(constant(tensor([1, 2]))))).toThrow('no trainable parameter');
    expect(() => backward(sum(parameter([1], { trainable: false })))).toThrow('no trainable parameter');
  });

  test('needs values', () => {
    const x = input([2], { name: 'x' });
    expect(() => backward(sum(mul(parameter([1, 2]), x)))).toThrow('input x');
  });
});
