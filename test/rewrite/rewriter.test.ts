import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import {
  ancestors,
  apply,
  captureSite,
  constant,
  type DType,
  input,
  type Operation,
  print,
  scalar,
  type Tensor,
  tensor,
  type Variable,
  validate,
  withSite,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { rewrite } from '../../src/rewrite/rewriter.ts';
import { graphOfRecipe, recipes } from '../support/randomGraph.ts';

const { add, mul, sub, div, sin, exp, sum, cast, concat, maxWithIndex, reshape, broadcastTo } = registry;

const namesIn = (outputs: readonly Variable[]): string[] =>
  ancestors(outputs).applications.map(({ operation }) => operation.name);
const count = (outputs: readonly Variable[], name: string): number =>
  namesIn(outputs).filter((each) => each === name).length;
const vector = (): Variable => input([3], { name: 'x' });

/** The value of an output that has become a constant, seen through views. */
function folded(variable: Variable): { value: number; dtype: DType } | undefined {
  let v = variable;
  while (v.source.kind === 'output' && v.source.application.operation.computation.kind === 'view')
    v = v.source.application.inputs[0];
  return v.source.kind === 'constant' ? { value: v.source.tensor.data[0], dtype: v.dtype } : undefined;
}

describe('equal applications merge', () => {
  test('of the same inputs', () => {
    const x = vector();
    const [a, b] = rewrite([sin(x), sin(x)]);
    expect(a).toBe(b);
  });

  test('all the way down', () => {
    const x = vector();
    const tower = (): Variable => exp(mul(sin(x), add(x, 2)));
    const [y] = rewrite([add(tower(), tower())]);
    expect(namesIn([y]).sort()).toEqual(['add', 'add', 'exp', 'mul', 'sin']);
  });

  test('once their constants have merged', () => {
    const x = vector();
    const [a, b] = rewrite([mul(x, scalar(3, 'float32')), mul(x, scalar(3, 'float32'))]);
    expect(a).toBe(b);
  });

  test('once numbers are folded', () => {
    const x = vector();
    const [a, b] = rewrite([mul(x, add(scalar(1, 'float32'), 2)), mul(x, 3)]);
    expect(a).toBe(b);
  });

  test('across gradients', () => {
    const x = vector();
    const J = sum(exp(sin(x)));
    const [dx] = gradients(J, [x]);
    const [again] = gradients(J, [x]);
    const simple = rewrite([J, dx, again]);
    expect(simple[1]).toBe(simple[2]);
    expect(count(simple, 'exp')).toBe(1);
  });

  test('with all their outputs', () => {
    const x = vector();
    const [a, b] = [maxWithIndex(x), maxWithIndex(x)];
    const simple = rewrite([...a, ...b]);
    expect(simple[0]).toBe(simple[2]);
    expect(simple[1]).toBe(simple[3]);
    expect(simple[0]).not.toBe(simple[1]);
  });
});

describe('what differs is kept apart', () => {
  test.each<[string, (x: Variable) => [Variable, Variable]]>([
    ['axes', (x) => [sum(x, 0), sum(x, 1)]],
    ['dtypes', (x) => [cast(x, 'float64'), cast(x, 'int32')]],
    ['shapes', (x) => [reshape(x, [9]), reshape(x, [1, 9])]],
    ['the order of operands', (x) => [sub(x, sin(x)), sub(sin(x), x)]],
    ['numbers of different dtypes', (x) => [add(cast(x, 'int32'), 1), add(x, 1)]],
    ['constant tensors', (x) => [add(x, constant(tensor([1, 2, 3]))), add(x, constant(tensor([1, 2, 4])))]],
    ['the sign of zero', (x) => [add(x, constant(tensor(0))), add(x, constant(tensor(-0)))]],
    ['zero and NaN', (x) => [add(x, NaN), add(x, 0)]],
    ['infinities', (x) => [add(x, Infinity), add(x, -Infinity)]],
  ])('%s', (_, build) => {
    const [a, b] = rewrite(build(input([3, 3])));
    expect(a).not.toBe(b);
  });

  test('NaN is NaN', () => {
    const x = vector();
    const [a, b] = rewrite([add(x, NaN), add(x, NaN)]);
    expect(a).toBe(b);
  });

  test('applications of opaque operations', () => {
    const noise: Operation<Record<string, never>> = {
      name: 'noise',
      infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
      bprop: ({ g }) => g,
      computation: { kind: 'elementwise', formula: (_, [x]) => x },
      opaque: true,
    };
    const x = vector();
    const [a, b] = rewrite([apply(noise, [x], {}), apply(noise, [x], {})]);
    expect(a).not.toBe(b);
    const [kept] = rewrite([apply(noise, [scalar(2, 'float32')], {})]);
    expect(namesIn([kept])).toEqual(['noise']);
  });

  test('operations of the same name', () => {
    const made = (factor: number): Operation<Record<string, never>> => ({
      name: 'scale',
      infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
      bprop: ({ g }) => g,
      computation: { kind: 'elementwise', formula: (k, [x]) => k.mul(x, k.literal(factor)) },
    });
    const x = vector();
    const [a, b] = rewrite([apply(made(2), [x], {}), apply(made(3), [x], {})]);
    expect(a).not.toBe(b);
  });
});

describe('folding', () => {
  test('rounds once, to the dtype', () => {
    const third = div(scalar(1, 'float32'), 3);
    expect(folded(rewrite([third])[0])).toEqual({ value: Math.fround(1 / 3), dtype: 'float32' });
    const double = div(scalar(1, 'float64'), 3);
    expect(folded(rewrite([double])[0])).toEqual({ value: 1 / 3, dtype: 'float64' });
  });

  test('keeps the sign of zero', () => {
    expect(folded(rewrite([registry.neg(scalar(0, 'float32'))])[0])?.value).toBe(-0);
  });

  test('wraps integers and truncates casts', () => {
    const sumOf = add(scalar(2 ** 31 - 1, 'int32'), 1);
    expect(folded(rewrite([sumOf])[0])).toEqual({ value: -(2 ** 31), dtype: 'int32' });
    const whole = cast(scalar(-2.75, 'float32'), 'int32');
    expect(folded(rewrite([whole])[0])).toEqual({ value: -2, dtype: 'int32' });
  });

  test('sees through broadcasts, and keeps the shape', () => {
    const ones = broadcastTo(scalar(1, 'float32'), [2, 3]);
    const [y] = rewrite([add(ones, broadcastTo(scalar(2, 'float32'), [3]))]);
    expect(folded(y)?.value).toBe(3);
    expect(y.shape).toEqual([2, 3]);
  });

  test('never takes a product with an unknown for zero: NaN and infinity times 0 are NaN', () => {
    const x = vector();
    const [y] = rewrite([mul(x, 0)]);
    expect(folded(y)).toBeUndefined();
    const [value] = runReference([y], new Map([[x, tensor([NaN, Infinity, 2])]]));
    expect(value.toArray()).toEqual([NaN, NaN, 0]);
  });

  test('does not fold tensors of several numbers, or reductions', () => {
    const known = constant(tensor([1, 2]));
    expect(namesIn(rewrite([add(known, 1)]))).toEqual(['add']);
    expect(namesIn(rewrite([sum(broadcastTo(scalar(1, 'float32'), [4]))]))).toContain('sum');
  });
});

describe('dead code', () => {
  test('is left behind', () => {
    const x = vector();
    exp(x);
    const [y] = rewrite([add(x, 1)]);
    expect(namesIn([y])).toEqual(['add']);
  });

  test('goes with what folding made superfluous', () => {
    const x = vector();
    const [y] = rewrite([add(x, exp(add(scalar(1, 'float32'), 1)))]);
    expect(namesIn([y])).toEqual(['add']);
    expect(print(y)).not.toContain('exp');
  });
});

describe('expansion', () => {
  const compositions = (outputs: readonly Variable[]): string[] =>
    ancestors(outputs)
      .applications.filter(({ operation }) => operation.computation.kind === 'composition')
      .map(({ operation }) => operation.name);

  test('replaces compositions, nested ones and those in gradients too', () => {
    const x = input([4, 5]);
    const J = registry.crossEntropy(x, constant(tensor([0, 1, 2, 3], { dtype: 'int32' })));
    const outputs = [J, ...gradients(J, [x]), registry.cumsum(x, 0), registry.softmax(x)];
    expect(compositions(outputs).length).toBeGreaterThan(0);
    const expanded = rewrite(outputs, { expand: true });
    expect(compositions(expanded)).toEqual([]);
    validate(expanded);
  });

  test('is left undone unless asked for', () => {
    const y = registry.softmax(input([4, 5]));
    expect(compositions(rewrite([y]))).toEqual(compositions([y]));
  });

  test('merges what two compositions have in common', () => {
    const x = input([4, 5]);
    const softmax = rewrite([registry.softmax(x)], { expand: true });
    const both = rewrite([registry.softmax(x), registry.softmax(x)], { expand: true });
    expect(namesIn(both)).toEqual(namesIn(softmax));
  });
});

describe('whole graphs', () => {
  /** Builds without noting a place for each operation, which takes most of the time. */
  const quickly = <T>(build: () => T): T => withSite(captureSite(), build);

  test('100,000 operations deep', () => {
    const y = quickly(() => {
      let v: Variable = vector();
      for (let i = 0; i < 100_000; i++) v = i % 2 === 0 ? sin(v) : mul(v, scalar(2, 'float32'));
      return v;
    });
    const [simple] = rewrite([y]);
    expect(namesIn([simple]).length).toBe(100_000);
  });

  test('10,000 operations deep, twice: one remains', () => {
    const x = vector();
    const chain = (): Variable => {
      let y: Variable = x;
      for (let i = 0; i < 10_000; i++) y = sin(y);
      return y;
    };
    const [a, b] = rewrite(quickly(() => [chain(), chain()]));
    expect(a).toBe(b);
  });

  test('a ladder of diamonds that are equal on both sides has one rung a level', () => {
    let y: Variable = vector();
    for (let i = 0; i < 60; i++) y = add(sin(y), sin(y));
    expect(namesIn(rewrite([y])).length).toBe(120);
  });

  const graphs = fc.property(recipes('every', 12, 'small'), fc.boolean(), (recipe, expand) => {
    const { nodes, inputs, feeds } = graphOfRecipe(recipe, 'float64');
    const outputs = [...nodes, ...gradients(sum(nodes[nodes.length - 1]), inputs, { disconnected: 'zero' })];
    const once = rewrite(outputs, { expand });
    validate(once);
    expect(once.map(({ type }) => type)).toEqual(outputs.map(({ type }) => type));
    // Nothing is left to do.
    expect(rewrite(once, { expand })).toEqual(once);
    const before = runReference(outputs, feeds as Map<Variable, Tensor>);
    const after = runReference(once, feeds as Map<Variable, Tensor>);
    after.forEach((value, i) => {
      value.data.forEach((each, k) => {
        const expected = before[i].data[k];
        // Expanding a composition computes the same by the same steps.
        if (!Object.is(each, expected)) expect(each).toBeCloseTo(expected, 12);
      });
    });
  });

  test('evaluate as before; a second pass changes nothing', () => {
    fc.assert(graphs, { numRuns: 60, seed: 1 });
  });

  test('keep duplicates, leaves and order of the outputs', () => {
    const x = vector();
    const y = concat([x, x], 0);
    const simple = rewrite([x, y, x, y, scalar(1, 'float32')]);
    expect(simple[0]).toBe(x);
    expect(simple[2]).toBe(x);
    expect(simple[1]).toBe(simple[3]);
    expect(simple[4].source.kind).toBe('constant');
  });
});
