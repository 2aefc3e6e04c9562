/** What back-propagation costs: one bprop an edge, however many paths, and no stack to overflow. */
import { describe, expect, test } from 'vitest';
import {
  add,
  ancestors,
  apply,
  captureSite,
  countApplications,
  type Edge,
  gradients,
  input,
  leaf,
  matmul,
  mean,
  mul,
  numberOf,
  type Operation,
  parameter,
  relu,
  square,
  sum,
  tanh,
  tensor,
  type Variable,
  withRewriting,
  withSite,
} from '../examples/support.ts';

/** An operation of two inputs that keeps a record of the edges along which its bprop was called. */
function counted(): { call: (a: Variable, b: Variable) => Variable; edges: [Variable, number][] } {
  const edges: [Variable, number][] = [];
  const operation: Operation<Record<string, never>> = {
    name: 'counted',
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    bprop({ g, outputs, index }: Edge<Record<string, never>>) {
      edges.push([outputs[0], index]);
      return g;
    },
    computation: { kind: 'elementwise', formula: (k, [a, b]) => k.add(a, b) },
  };
  return { edges, call: (a, b) => apply(operation, [a, b], {}) };
}

/** Each rung reads the one below twice: 2^depth paths, 2 depth edges. */
function ladder(x: Variable, depth: number, rung: (a: Variable, b: Variable) => Variable): Variable {
  let z = x;
  for (let i = 0; i < depth; i++) z = rung(z, z);
  return z;
}

describe('bprop is called once per edge', () => {
  test('of a ladder with 2^20 paths', () => {
    const { call, edges } = counted();
    const x = leaf(1);
    const [dx] = gradients(ladder(x, 20, call), [x]);
    expect(edges).toHaveLength(40);
    expect(new Set(edges.map(([output, index]) => `${output.id}:${index}`)).size).toBe(40);
    expect(numberOf(dx)).toBe(2 ** 20);
  });

  test('that lies on a path from a target to z, and no other', () => {
    const { call, edges } = counted();
    const x = leaf(1);
    const w = leaf(2);
    const onPath = call(x, w);
    const besides = call(w, w);
    call(x, x);
    const z = call(onPath, besides);
    gradients(z, [x]);
    expect(edges).toEqual([
      [z, 0],
      [onPath, 0],
    ]);
  });

  test('once for all targets together', () => {
    const { call, edges } = counted();
    const leaves = [leaf(1), leaf(2), leaf(3)];
    const middle = call(leaves[0], leaves[1]);
    const z = call(middle, call(middle, leaves[2]));
    gradients(z, leaves);
    expect(edges).toHaveLength(6);
  });

  test('and never below a target', () => {
    const { call, edges } = counted();
    const x = leaf(1);
    const middle = ladder(x, 10, call);
    gradients(ladder(middle, 3, call), [middle]);
    expect(edges).toHaveLength(6);
  });
});

describe('size', () => {
  test('of the gradient of a diamond ladder is linear in its depth', () => {
    const sizes = [250, 500, 1000].map((depth) => {
      const x = leaf(1);
      const z = ladder(x, depth, (a, b) => tanh(add(a, b)));
      return countApplications(gradients(z, [x]));
    });
    expect(sizes[1] - sizes[0]).toBe(250 * Math.round((sizes[1] - sizes[0]) / 250));
    expect(sizes[2] - sizes[1]).toBe(2 * (sizes[1] - sizes[0]));
    expect(sizes[2]).toBeLessThan(10 * 1000);
  });

  /** A multi-layer perceptron, its loss and its parameters. */
  function perceptron(layers: number, width = 4): { loss: Variable; parameters: Variable[] } {
    const parameters: Variable[] = [];
    let h: Variable = input([8, width]);
    for (let i = 0; i < layers; i++) {
      const weights = parameter(tensor(new Float32Array(width * width), { shape: [width, width] }));
      const bias = parameter(tensor(new Float32Array(width)));
      parameters.push(weights, bias);
      h = relu(add(matmul(h, weights), bias));
    }
    return { loss: mean(square(h)), parameters };
  }

  test.each([1, 4, 16, 64])(
    'of loss and gradient of a perceptron with %d layers is a small multiple',
    (layers) => {
      const { loss, parameters } = perceptron(layers);
      const forward = countApplications([loss]);
      const both = countApplications([loss, ...gradients(loss, parameters)]);
      expect(both).toBeLessThanOrEqual(5 * forward);
    },
  );

  test('in matrix products: three times the forward pass, less the gradient of the data', () => {
    const { loss, parameters } = perceptron(10);
    const all = [loss, ...gradients(loss, parameters)];
    expect(countApplications([loss], 'matmul')).toBe(10);
    expect(countApplications(all, 'matmul')).toBe(10 + 2 * 10 - 1);
  });

  test('of each further derivative is bounded too', () => {
    const { loss, parameters } = perceptron(8);
    const first = gradients(loss, parameters);
    const product = first.map((g) => sum(mul(g, 0.5))).reduce((a, b) => add(a, b));
    const second = gradients(product, parameters, { disconnected: 'zero' });
    expect(countApplications(second)).toBeLessThanOrEqual(6 * countApplications([product]));
  });

  test('what the forward pass knows is used, not rebuilt: the gradient of tanh reads its output', () => {
    const x = leaf(0.5);
    const y = tanh(x);
    const [dx] = gradients(y, [x]);
    expect(ancestors([dx]).applications).toContain(y.source.kind === 'output' && y.source.application);
    expect(countApplications([dx, y], 'tanh')).toBe(1);
  });
});

test('a chain of 100,000 operations has a gradient', () => {
  const depth = 100_000;
  const x = leaf(1);
  let z: Variable = x;
  withSite(captureSite(), () => {
    for (let i = 0; i < depth; i++) z = mul(z, i % 2 === 0 ? 2 : 0.5);
  });
  const [dx] = withRewriting('none', () => gradients(z, [x]));
  expect(countApplications([z])).toBe(depth);
  expect(countApplications([dx])).toBe(depth - 1);
  expect(numberOf(dx)).toBe(1);
  expect(numberOf(gradients(z, [x])[0])).toBe(1);
});
