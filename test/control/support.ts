/** What the tests of loops and branches share. */
import { expect } from 'vitest';
import { compileGraph } from '../../src/compile/compile.ts';
import { type Block, blocksOf, type Kernel, type Program } from '../../src/compile/program.ts';
import {
  add,
  ancestors,
  type BackendName,
  evaluate,
  matmul,
  mul,
  type Parameter,
  parameter,
  setBackend,
  sigmoid,
  slice,
  square,
  squeeze,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  type Variable,
} from '../../src/index.ts';
import { derivative } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';

export const BACKENDS: readonly BackendName[] = ['reference', 'wasm'];

/** Random float64 parameters, the same ones on every run. */
export function randomParameters(seed: number): (shape: readonly number[], scale?: number) => Parameter {
  const random = uniform(seed);
  return (shape, scale = 1) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const data = Float64Array.from({ length: size }, () => scale * (2 * random() - 1));
    return parameter(tensor(data, { shape }));
  };
}

/** The numbers of several variables, computed together. */
export function numbersOf(outputs: readonly Variable[], backend: BackendName = 'wasm'): number[][] {
  setBackend(backend);
  try {
    return (evaluate(outputs) as Tensor[]).map(({ data }) => [...data]);
  } finally {
    setBackend('wasm');
  }
}

/** Expects the same numbers, up to `tolerance` relative to the largest of each list. */
export function expectSame(
  found: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  tolerance = 1e-12,
): void {
  expect(found.map((each) => each.length)).toEqual(expected.map((each) => each.length));
  found.forEach((list, k) => {
    const size = Math.max(...expected[k].map(Math.abs), 1e-300);
    list.forEach((value, i) => {
      const error = Math.abs(value - expected[k][i]) / size;
      expect(error, `list ${k}, element ${i}: ${value} against ${expected[k][i]}`).toBeLessThanOrEqual(
        tolerance,
      );
    });
  });
}

/** Both backends give the numbers of `expected`, which are computed by the reference. */
export function expectEqualGraphs(
  found: readonly Variable[],
  expected: readonly Variable[],
  tolerance = 1e-12,
): void {
  const numbers = numbersOf(expected, 'reference');
  for (const backend of BACKENDS) expectSame(numbersOf(found, backend), numbers, tolerance);
}

/** Element t along axis 0. */
export function element(x: Variable, t: number): Variable {
  return squeeze(slice(x, [t], [t + 1]), 0);
}

/** The gradient of the scalar J with respect to `leaf` by differences. */
export function differencesOf(J: Variable, leaf: Parameter): number[] {
  const { data, shape } = leaf.value;
  const slopes = [...data].map((value, i) =>
    derivative((moved) => {
      const next = data.slice();
      next[i] = moved;
      leaf.set(tensor(next, { shape }));
      return J.evaluate().item();
    }, value),
  );
  leaf.set(tensor(data, { shape }));
  return slopes;
}

/** The compiled program of `outputs`, with all leaves that are no parameters as inputs. */
export function programOf(outputs: readonly Variable[]): Program {
  const inputs = ancestors(outputs).leaves.filter(({ source }) => source.kind === 'input');
  return compileGraph({ outputs, inputs }).program;
}

/** All kernels, those inside loops and branches too. */
export function allKernels(block: Block): Kernel[] {
  return block.kernels.flatMap((kernel) => [kernel, ...blocksOf(kernel).flatMap(allKernels)]);
}

/** How many applications compute `outputs`; of one operation, if its name is given. */
export function countApplications(outputs: readonly Variable[], name?: string): number {
  return ancestors(outputs).applications.filter(
    ({ operation }) => name === undefined || operation.name === name,
  ).length;
}

/** A step of a recurrent network with two carries, weights from outside, and something for every rule to do. */
export function cell(W: Variable, U: Variable, b: Variable) {
  return ({ h, c }: { h: Variable; c: Variable }, x: Variable) => {
    const z = add(add(matmul(x, W), matmul(h, U)), b);
    const gate = sigmoid(slice(z, [0, 0], [2, 3]));
    const next = add(mul(gate, c), mul(sub(1, gate), tanh(slice(z, [0, 3], [2, 6]))));
    const state = { h: tanh(next), c: next };
    return [state, { y: mul(state.h, gate), size: sum(square(next), 1) }] as const;
  };
}

export function recurrent(length: number, seed = 1) {
  const random = randomParameters(seed);
  const parts = {
    x: random([length, 2, 4]),
    W: random([4, 6]),
    U: random([3, 6]),
    b: random([6]),
    h: random([2, 3]),
    c: random([2, 3]),
  };
  const step = cell(parts.W, parts.U, parts.b);
  return { ...parts, all: Object.values(parts), step };
}

/** The same steps one after another, as one graph. */
export function unrolled<C>(
  f: (carry: C, x: Variable) => readonly [C, Record<string, Variable>],
  init: C,
  x: Variable,
  { reverse = false } = {},
): { last: C; ys: Record<string, Variable>[] } {
  let carry = init;
  const ys: Record<string, Variable>[] = [];
  for (let round = 0; round < x.shape[0]; round++) {
    const t = reverse ? x.shape[0] - 1 - round : round;
    const [next, y] = f(carry, element(x, t));
    carry = next;
    ys[t] = y;
  }
  return { last: carry, ys };
}

/** A float64 parameter with these numbers. */
export function f64(data: Parameters<typeof tensor>[0]): Parameter {
  return parameter(tensor(data, { dtype: 'float64' }));
}
