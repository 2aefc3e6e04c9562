import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { backward, evaluate, getBackend, setBackend } from '../../src/engine/index.ts';
import {
  constant,
  DTypeError,
  EvaluationError,
  input,
  parameter,
  ShapeError,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';

const { add, mul, sum, exp, sin, matmul, square, slice, relu } = registry;

beforeEach(() => setBackend('wasm'));
afterEach(() => {
  vi.restoreAllMocks();
  setBackend('wasm');
});

describe('evaluate', () => {
  test('keeps nested structure', () => {
    const x = input([2]);
    const { a, list } = evaluate({ a: sum(x), list: [x, mul(x, 2)] }, new Map([[x, tensor([1, 2])]]));
    expect(a.item()).toBe(3);
    expect(list.map((each) => each.toArray())).toEqual([
      [1, 2],
      [2, 4],
    ]);
  });

  test('needs values only for what the outputs depend on', () => {
    const [x, y] = [input([2]), input([2])];
    add(x, y);
    expect(
      exp(x)
        .evaluate(new Map([[x, tensor([0, 0])]]))
        .toArray(),
    ).toEqual([1, 1]);
  });

  test('takes feeds as tensors, arrays, numbers and typed arrays, brought to the dtype of the input', () => {
    const [x, n, z] = [input([2]), input([], { dtype: 'int32' }), input([2], { dtype: 'float64' })];
    const values = evaluate(
      [x, n, z],
      new Map<Variable, any>([
        [x, [1, 2]],
        [n, 3],
        [z, Float64Array.of(4, 5)],
      ]),
    );
    expect(values.map((value) => value.toArray())).toEqual([[1, 2], 3, [4, 5]]);
    expect(values.map(({ dtype }) => dtype)).toEqual(['float32', 'int32', 'float64']);
  });

  test.each(['wasm', 'reference'] as const)('%s: says which input has no value, or a wrong one', (name) => {
    setBackend(name);
    const x = input([2, 3], { name: 'x' });
    const run = (value?: any): unknown =>
      exp(x).evaluate(value === undefined ? undefined : new Map([[x, value]]));
    expect(() => run()).toThrow(EvaluationError);
    expect(() => run()).toThrow(/input x float32\[2, 3\].*evaluate\.test\.ts:\d+.*has no value/);
    expect(() => run(tensor([1, 2]))).toThrow(ShapeError);
    expect(() => run(tensor([1, 2]))).toThrow('expected float32[2, 3], got float32[2]');
    expect(() =>
      run(
        tensor(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          { dtype: 'float64' },
        ),
      ),
    ).toThrow(DTypeError);
  });

  test('sees the present values of parameters', () => {
    const p = parameter([1, 2]);
    const y = mul(p, 10);
    expect(y.evaluate().toArray()).toEqual([10, 20]);
    p.set([3, 4]);
    expect(y.evaluate().toArray()).toEqual([30, 40]);
  });

  test('lets numbers steer the program', () => {
    let x: Variable = parameter(100);
    let steps = 0;
    while (x.evaluate().item() > 1) {
      x = mul(x, 0.5);
      steps++;
    }
    expect(steps).toBe(7);
    const [dx] = gradients(square(x), [x]);
    expect(dx.evaluate().item()).toBeCloseTo(2 * 100 * 0.5 ** 7, 5);
  });
});

describe('graphs of one structure share a program', () => {
  const compiled = (run: () => void): number => {
    const spy = vi.spyOn(getBackend(), 'prepare');
    run();
    return spy.mock.calls.length;
  };

  test('when built anew in each round, with other inputs and other parameters', () => {
    expect(
      compiled(() => {
        for (let i = 0; i < 20; i++) {
          const [x, p] = [input([3, 7]), parameter([[i], [i], [i]])];
          const feeds = new Map([[x, tensor(new Float32Array(21).fill(1), { shape: [3, 7] })]]);
          expect(sum(mul(x, p)).evaluate(feeds).item()).toBe(21 * i);
        }
      }),
    ).toBe(1);
  });

  test('when they are gradients, back-propagated in a loop', () => {
    const w = parameter([[0.5, -0.25, 1.5, 2.5, 3.5]]);
    expect(
      compiled(() => {
        for (let i = 0; i < 20; i++) {
          const x = constant(tensor([[i], [1]]));
          backward(sum(square(relu(matmul(x, w)))));
          const [first] = w.grad!.toArray() as number[][];
          expect(first[0]).toBeCloseTo(2 * 0.5 * (i * i + 1), 3);
          w.set(w.value);
        }
      }),
    ).toBe(1);
  });

  test.each<[string, (i: number) => Variable]>([
    ['a number', (i) => add(parameter([1, 2, 3]), i)],
    ['the sign of a zero', (i) => add(parameter([1, 2, 4]), constant(tensor(i === 0 ? 0 : -0)))],
    ['an attribute', (i) => slice(parameter([1, 2, 3]), [i], [3])],
    ['a shape', (i) => exp(parameter([1, 2, 3].slice(i)))],
    ['a dtype', (i) => exp(parameter([1, 2, 3], { dtype: i === 0 ? 'float32' : 'float64' }))],
    ['an operation', (i) => (i === 0 ? exp : sin)(parameter([1, 2, 3]))],
    [
      'the order of operands',
      (i) => {
        const [a, b] = [parameter([1, 2, 3]), exp(parameter([1, 2, 3]))];
        return i === 0 ? registry.sub(a, b) : registry.sub(b, a);
      },
    ],
    [
      'which leaves are one',
      (i) => {
        const p = parameter([1, 2, 3]);
        return mul(p, i === 0 ? p : parameter([7, 8, 9]));
      },
    ],
  ])('but not where they differ in %s', (_, build) => {
    const values = [0, 1].map((i) => build(i));
    const found = values.map((value) => value.evaluate());
    setBackend('reference');
    values.forEach((value, i) => {
      const expected = value.evaluate();
      expect(found[i].shape).toEqual(expected.shape);
      expect(found[i].dtype).toBe(expected.dtype);
      expected.data.forEach((each, k) => {
        expect(found[i].data[k]).toBeCloseTo(each, 4);
      });
    });
  });

  test('until many others came between', () => {
    const first = (): void => void exp(parameter([1, 2, 3, 4, 5, 6, 7])).evaluate();
    first();
    expect(compiled(first)).toBe(0);
    vi.restoreAllMocks();
    for (let i = 0; i < 200; i++) add(parameter([1]), i).evaluate();
    expect(compiled(first)).toBe(1);
  });
});
