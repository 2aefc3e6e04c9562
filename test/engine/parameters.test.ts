import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BACKENDS, compile, evaluate, setBackend, withUpdates } from '../../src/engine/index.ts';
import { parameter, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';

const { add, mul, sum } = registry;

beforeEach(() => setBackend('wasm'));
afterEach(() => setBackend('wasm'));

describe('parameters between compiled steps', () => {
  test('show their new values, and take values that are set', () => {
    const p = parameter([1, 2]);
    const step = compile((x: Variable) => withUpdates(sum(p), new Map([[p, add(p, x)]])));
    expect(step(tensor([10, 10])).item()).toBe(3);
    expect(p.value.toArray()).toEqual([11, 12]);
    p.set([100, 200]);
    expect(step(tensor([1, 1])).item()).toBe(300);
    expect(p.value.toArray()).toEqual([101, 201]);
  });

  test('have values that later steps do not change', () => {
    const p = parameter([1, 2]);
    const step = compile(() => withUpdates(sum(p), new Map([[p, mul(p, 2)]])));
    step();
    const kept = p.value;
    step();
    expect(kept.toArray()).toEqual([2, 4]);
    kept.data[0] = 99;
    expect(p.value.toArray()).toEqual([4, 8]);
  });

  test('are one for two compiled functions and for evaluate', () => {
    const p = parameter([1, 2]);
    const twice = compile(() => withUpdates(sum(p), new Map([[p, mul(p, 2)]])));
    const more = compile((x: Variable) => withUpdates(p, new Map([[p, add(p, x)]])));
    twice();
    more(tensor([0.5, 0.5]));
    expect(sum(p).evaluate().item()).toBe(7);
    twice();
    expect(evaluate([p, mul(p, 10)]).map((each) => each.toArray())).toEqual([
      [5, 9],
      [50, 90],
    ]);
    expect(more(tensor([0, 0])).toArray()).toEqual([5, 9]);
  });

  test('keep their values when memory grows', () => {
    const p = parameter([1, 2, 3]);
    const step = compile((x: Variable) => withUpdates(sum(x), new Map([[p, add(p, sum(x))]])));
    step(tensor([1]));
    const before = p.value;
    const large = compile((x: Variable) => sum(mul(add(x, 1), x)));
    expect(large(tensor(new Float32Array(6_000_000))).item()).toBe(0);
    expect(p.value).toEqual(before);
    step(tensor([2]));
    expect(p.value.toArray()).toEqual([4, 5, 6]);
  });

  test('of every dtype and of no elements', () => {
    const flags = parameter([true, false], { dtype: 'bool' });
    const bytes = parameter([250, 3], { dtype: 'uint8' });
    const none = parameter(tensor([], { shape: [0] }));
    const step = compile(() =>
      withUpdates(
        [flags, bytes, none],
        new Map<typeof flags, Variable>([
          [flags, registry.logicalNot(flags)],
          [bytes, add(bytes, 10)],
          [none, add(none, 1)],
        ]),
      ),
    );
    step();
    expect(flags.value.toArray()).toEqual([false, true]);
    expect(bytes.value.toArray()).toEqual([4, 13]);
    expect(none.value.toArray()).toEqual([]);
  });
});

describe('switching backends', () => {
  test('keeps parameters right, from each to each', () => {
    const p = parameter([1, 2]);
    const step = compile(() => withUpdates(sum(p), new Map([[p, add(mul(p, 2), 1)]])));
    let expected = [1, 2];
    for (const name of ['reference', 'wasm', 'wasm', 'reference', 'reference', 'wasm'] as const) {
      setBackend(name);
      expect(step().item()).toBe(expected[0] + expected[1]);
      expected = expected.map((each) => 2 * each + 1);
      for (const other of BACKENDS) {
        setBackend(other);
        expect(p.value.toArray()).toEqual(expected);
        expect(mul(p, 1).evaluate().toArray()).toEqual(expected);
      }
    }
    p.set([0, 0]);
    for (const name of BACKENDS) {
      setBackend(name);
      expect(sum(p).evaluate().item()).toBe(0);
    }
  });

  test('to one that does not exist is an error that lists those that do', () => {
    expect(() => setBackend('webgl' as never)).toThrow('use wasm or reference');
  });
});
