import { describe, expect, test } from 'vitest';
import {
  add,
  ancestors,
  apply,
  captureSite,
  getConsumers,
  getInputs,
  getOperation,
  graphOf,
  input,
  maxWithIndex,
  mul,
  neg,
  type Operation,
  parametersOf,
  print,
  prune,
  type Variable,
  validate,
  withSite,
} from '../examples/support.ts';

const names = (list: readonly { operation: Operation }[]) => list.map(({ operation }) => operation.name);

describe('one variable', () => {
  test('knows its operation and its parents', () => {
    const x = input([2]);
    const y = input([2]);
    const z = mul(x, y);
    expect(getOperation(z)?.operation.name).toBe('mul');
    expect(getOperation(z)?.outputs).toEqual([z]);
    expect(getInputs(z)).toEqual([x, y]);
  });

  test('has neither where it is a leaf', () => {
    const x = input([2]);
    expect(getOperation(x)).toBeUndefined();
    expect(getInputs(x)).toEqual([]);
  });

  test('may be one of several outputs of the same application', () => {
    const [value, index] = maxWithIndex(input([2, 3]));
    expect(getOperation(value)).toBe(getOperation(index));
    expect(getOperation(value)?.outputs).toEqual([value, index]);
  });
});

describe('a graph', () => {
  test('has its leaves as they are met and its applications in topological order', () => {
    const x = input([], { name: 'x' });
    const y = input([], { name: 'y' });
    const product = mul(x, y);
    const minus = neg(y);
    const z = add(minus, product);
    const graph = graphOf([z]);
    expect(graph.outputs).toEqual([z]);
    expect(graph.leaves).toEqual([y, x]);
    expect(graph.applications).toEqual([getOperation(minus), getOperation(product), getOperation(z)]);
  });

  test('has consumers only within itself', () => {
    const x = input([]);
    const inside = neg(x);
    const outside = mul(x, 2);
    const graph = graphOf([inside]);
    expect(names(getConsumers(x, graph))).toEqual(['neg']);
    expect(getConsumers(inside, graph)).toEqual([]);
    expect(names(getConsumers(x, graphOf([inside, outside])))).toEqual(['neg', 'mul']);
  });

  test('lists once an application that reads a variable twice', () => {
    const x = input([]);
    expect(getConsumers(x, graphOf([mul(x, x)]))).toHaveLength(1);
  });

  test('visits shared parts once', () => {
    let x: Variable = input([]);
    for (let i = 0; i < 60; i++) x = add(x, x);
    expect(ancestors([x]).applications).toHaveLength(60);
  });

  test('may have several outputs, some within others', () => {
    const x = input([]);
    const y = neg(x);
    const z = neg(y);
    expect(names(ancestors([z, y, x]).applications)).toEqual(['neg', 'neg']);
    expect(ancestors([x]).leaves).toEqual([x]);
    expect(ancestors([]).applications).toEqual([]);
  });
});

describe('pruning (algorithm 6.5)', () => {
  test('keeps what lies on a path from a target to an output', () => {
    const x = input([], { name: 'x' });
    const y = input([], { name: 'y' });
    const onPath = neg(x);
    const besides = neg(y);
    const z = add(onPath, besides);
    neg(onPath);
    const { applications, reached } = prune([z], [x]);
    expect(applications).toEqual([getOperation(onPath), getOperation(z)]);
    expect(reached).toEqual(new Set([x, onPath, z]));
    expect(prune([z], [x, y]).applications).toHaveLength(3);
  });

  test('starts at targets that are themselves results', () => {
    const x = input([]);
    const middle = neg(x);
    const z = neg(middle);
    expect(prune([z], [middle]).applications).toEqual([getOperation(z)]);
  });

  test('leaves nothing where there is no path', () => {
    const x = input([]);
    const { applications, reached } = prune([neg(x)], [input([])]);
    expect(applications).toEqual([]);
    expect(reached.has(x)).toBe(false);
  });
});

/** The cheapest operation there is, so that deep graphs are built in a moment. */
const step: Operation<Record<string, never>> = {
  name: 'step',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop: ({ g }) => g,
  computation: { kind: 'view', view: (view) => view },
};

test('nothing recurses: a graph 100,000 operations deep is a normal one', () => {
  const depth = 100_000;
  const x = input([]);
  let z: Variable = x;
  withSite(captureSite(), () => {
    for (let i = 0; i < depth; i++) z = apply(step, [z], {});
  });
  expect(ancestors([z]).applications).toHaveLength(depth);
  expect(graphOf([z]).consumers.size).toBe(depth);
  expect(prune([z], [x]).applications).toHaveLength(depth);
  expect(parametersOf([z])).toEqual([]);
  expect(() => validate([z])).not.toThrow();
  expect(print(z).split('\n')).toHaveLength(depth + 2);
});
