import { afterEach, describe, expect, test, vi } from 'vitest';
import { compile, evaluate, setBackend, withUpdates } from '../../src/engine/index.ts';
import {
  DTypeError,
  EvaluationError,
  input,
  type Parameter,
  parameter,
  ShapeError,
  Tensor,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';

const { add, mul, sum, exp, matmul, cast } = registry;

afterEach(() => setBackend('wasm'));

describe('a compiled function', () => {
  test('is traced once for each signature: shapes, dtypes and nesting', () => {
    const f = vi.fn((x: any) => (Array.isArray(x) ? sum(x[0]) : sum(x)));
    const run = compile(f);
    const calls = (value: unknown): number => {
      (run as (x: unknown) => unknown)(value);
      return f.mock.calls.length;
    };
    expect(calls(tensor([1, 2]))).toBe(1);
    expect(calls(tensor([3, 4]))).toBe(1);
    expect(calls(tensor([3, 4, 5]))).toBe(2);
    expect(calls(tensor([[1, 2]]))).toBe(3);
    expect(calls(tensor([1, 2], { dtype: 'float64' }))).toBe(4);
    expect(calls([tensor([1, 2])])).toBe(5);
    expect(calls([tensor([1, 2]), tensor([1, 2])])).toBe(6);
    for (const value of [tensor([1, 2]), tensor([[1, 2]]), [tensor([1, 2])]]) expect(calls(value)).toBe(6);
  });

  test('is traced again for another backend, and not again on the way back', () => {
    const f = vi.fn((x: Variable) => exp(x));
    const run = compile(f);
    const [first] = [run(tensor([1]))];
    setBackend('reference');
    expect(run(tensor([1])).item()).toBeCloseTo(first.item(), 6);
    setBackend('wasm');
    run(tensor([1]));
    expect(f).toHaveBeenCalledTimes(2);
  });

  test('takes and gives nested objects', () => {
    const run = compile(({ x, more }: { x: Variable; more: { list: Variable[] } }, scale: Variable) => ({
      scaled: mul(x, scale),
      deep: { total: add(more.list[0], more.list[1]), pair: [x, x] },
    }));
    const result = run({ x: tensor([1, 2]), more: { list: [tensor([3]), tensor([4])] } }, tensor(10));
    expect(result.scaled.toArray()).toEqual([10, 20]);
    expect(result.deep.total.toArray()).toEqual([7]);
    expect(result.deep.pair.map((each) => each.toArray())).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test('tells objects apart by their keys', () => {
    const run = compile((x: any) => ('a' in x ? mul(x.a, 2) : mul(x.b, 3)));
    expect(run({ a: tensor(1) }).item()).toBe(2);
    expect(run({ b: tensor(1) }).item()).toBe(3);
  });

  test('takes numbers, truth values, nested arrays and typed arrays', () => {
    const run = compile((x: Variable) => add(x, 1));
    expect(run(2 as any).toArray()).toBe(3);
    expect(run([1, 2] as any).toArray()).toEqual([2, 3]);
    expect(run([[1], [2]] as any).shape).toEqual([2, 1]);
    expect(run(new Float64Array([1, 2]) as any)).toEqual(new Tensor([2], 'float64', Float64Array.of(2, 3)));
    expect(run(true as any).toArray()).toBe(2);
  });

  test('without arguments', () => {
    const p = parameter([1, 2]);
    const run = compile(() => sum(p));
    expect(run().item()).toBe(3);
    p.set([5, 6]);
    expect(run().item()).toBe(11);
  });

  test('leaves its arguments as they are, and its results to the caller', () => {
    const run = compile((x: Variable) => mul(x, 2));
    const x = tensor([1, 2]);
    const first = run(x);
    const second = run(tensor([5, 6]));
    expect(x.toArray()).toEqual([1, 2]);
    expect(first.toArray()).toEqual([2, 4]);
    first.data[0] = 99;
    expect(second.toArray()).toEqual([10, 12]);
    expect(run(x).toArray()).toEqual([2, 4]);
  });

  test('that failed while being traced is traced anew', () => {
    let broken = true;
    const run = compile((x: Variable) => {
      if (broken) throw new Error('not yet');
      return add(x, 1);
    });
    expect(() => run(tensor(1))).toThrow('not yet');
    broken = false;
    expect(run(tensor(1)).item()).toBe(2);
  });
});

describe('errors of compile', () => {
  test('a Variable is not a number', () => {
    const run = compile((x: Variable) => add(x, 1));
    const x = input([2], { name: 'x' });
    expect(() => run(x as any)).toThrow(DTypeError);
    expect(() => run(x as any)).toThrow(/argument 0 is a Variable \(input x float32\[2\]\)/);
    const nested = compile((x: { list: Variable[] }) => x.list[0]);
    expect(() => nested({ list: [x] } as any)).toThrow('argument 0.list[0] is a Variable');
  });

  test('a result that is no Variable is named', () => {
    expect(() => compile(() => 'text')()).toThrow(DTypeError);
    expect(() => compile(() => ({ loss: null }))()).toThrow(/null at \.loss/);
  });

  test('a placeholder has no value while the function is traced', () => {
    const run = compile((x: Variable) => {
      x.evaluate();
      return x;
    });
    expect(() => run(tensor([1]))).toThrow(EvaluationError);
    expect(() => run(tensor([1]))).toThrow(/being traced, values do not exist yet/);
    const later = compile((x: Variable) => {
      evaluate([exp(mul(x, 2))]);
      return x;
    });
    expect(() => later(tensor([1]))).toThrow(EvaluationError);
  });

  test('what does not depend on a placeholder has a value all the time', () => {
    const p = parameter(3);
    const run = compile((x: Variable) => mul(x, p.value.item() > 2 ? exp(add(p, -3)).evaluate().item() : 0));
    expect(run(tensor(5)).item()).toBe(5);
  });

  test.each(['wasm', 'reference'] as const)('%s: an input from outside has no value', (name) => {
    setBackend(name);
    const x = input([2], { name: 'outside' });
    expect(() => compile(() => exp(x))()).toThrow(EvaluationError);
    expect(() => compile(() => exp(x))()).toThrow('input outside float32[2]');
  });
});

describe('withUpdates', () => {
  const p = parameter([1, 2], { name: 'p' });

  test('wants values of the type of their parameters', () => {
    expect(() => withUpdates(p, new Map([[p, sum(p)]]))).toThrow(ShapeError);
    expect(() => withUpdates(p, new Map([[p, sum(p)]]))).toThrow(/parameter p float32\[2\] is float32\[\]/);
    expect(() => withUpdates(p, new Map([[p, cast(p, 'float64')]]))).toThrow(DTypeError);
    expect(() => withUpdates(p, new Map([[p, cast(p, 'float64')]]))).toThrow('float64[2]');
  });

  test('wants parameters', () => {
    const x = input([2], { name: 'x' });
    expect(() => withUpdates(p, new Map([[x as unknown as Parameter, p]]))).toThrow(DTypeError);
    expect(() => withUpdates(p, new Map([[x as unknown as Parameter, p]]))).toThrow('input x');
  });

  test('merges several maps, the last one winning', () => {
    const [a, b] = [parameter([1]), parameter([2])];
    const run = compile(() =>
      withUpdates(
        [a, b],
        new Map([
          [a, add(a, 1)],
          [b, add(b, 1)],
        ]),
        new Map([[b, mul(b, 10)]]),
      ),
    );
    run();
    expect([a.value.item(), b.value.item()]).toEqual([2, 20]);
  });

  test('keeps the structure of the result', () => {
    const q = parameter([1, 2]);
    const run = compile((x: Variable) =>
      withUpdates({ sum: sum(matmul(q, x)), parts: [q] }, new Map([[q, add(q, x)]])),
    );
    const { sum: total, parts } = run(tensor([10, 20]));
    expect(total.item()).toBe(50);
    expect(parts[0].toArray()).toEqual([1, 2]);
    expect(q.value.toArray()).toEqual([11, 22]);
  });

  test('updates in every call, and in no call that fails', () => {
    const count = parameter(0);
    const run = compile((x: Variable) => withUpdates(x, new Map([[count, add(count, 1)]])));
    for (let i = 0; i < 5; i++) run(tensor([i]));
    expect(() => run(input([1]) as any)).toThrow();
    expect(count.value.item()).toBe(5);
  });
});

test.each([10, 100_000])('what a call returns is its caller’s own, %d numbers of any type', (length) => {
  for (const dtype of ['float32', 'float64', 'int32', 'uint8', 'bool'] as const) {
    const run = compile((x: Variable) => cast(mul(x, 1), dtype));
    const [first, second] = [1, 0].map((value) =>
      run(tensor(new Float32Array(length).fill(value), { shape: [length] })),
    );
    expect([first.data.every((each) => each === 1), second.data.every((each) => each === 0)]).toEqual([
      true,
      true,
    ]);
    // No memory is held beside the numbers, and it can be handed on.
    expect(first.data.byteLength).toBe(first.data.buffer.byteLength);
    expect(structuredClone(first.data, { transfer: [first.data.buffer as ArrayBuffer] })[length - 1]).toBe(1);
  }
});
