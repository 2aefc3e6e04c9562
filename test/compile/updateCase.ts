/** Steps that update parameters, run on both backends and by the book. */
import { expect } from 'vitest';
import { compile, setBackend, withUpdates } from '../../src/engine/index.ts';
import { input, type Parameter, type Tensor, tensor, type Variable } from '../../src/graph/index.ts';
import { disagreement } from '../support/kernels.ts';
import { runByTheBook } from './support.ts';

export type Pairs = readonly (readonly [Parameter, Variable])[];

export interface Case {
  parameters: Parameter[];
  /** The outputs and the updates; called once for each backend. */
  build(x: Variable): { outputs: readonly Variable[]; updates: Pairs };
}

/** Runs a step twice on each backend from the same start, and by the book: all must agree. Returns the numbers. */
export function runEverywhere(
  { parameters, build }: Case,
  x: Tensor,
): { outputs: Tensor[]; values: Tensor[] } {
  const start = parameters.map(({ value }) => value);
  const reset = (): void => {
    parameters.forEach((each, i) => {
      each.set(start[i]);
    });
  };
  const run = (name: 'wasm' | 'reference'): { outputs: Tensor[]; values: Tensor[] }[] => {
    reset();
    setBackend(name);
    const step = compile((given: Variable) => {
      const { outputs, updates } = build(given);
      return withUpdates(outputs as Variable[], new Map(updates));
    });
    return [0, 1].map(() => ({
      outputs: step(x) as unknown as Tensor[],
      values: parameters.map(({ value }) => value),
    }));
  };
  const expected = run('reference');
  const found = run('wasm');
  reset();
  const placeholder = input(x.shape, { dtype: x.dtype });
  const { outputs, updates } = build(placeholder);
  const book = runByTheBook(
    { outputs, inputs: [placeholder], updates: new Map(updates) },
    new Map([[placeholder, x]]),
  );
  found.push({
    outputs: book.outputs,
    values: parameters.map((each, i) => book.parameters.get(each) ?? start[i]),
  });
  expected.push(expected[0]);
  found.forEach((round, i) => {
    for (const what of ['outputs', 'values'] as const) {
      round[what].forEach((value, k) => {
        const failure = disagreement(expected[i][what][k], value, { ulps: 16, magnitude: 10 });
        expect(failure, `${what} ${k} of round ${i}`).toBeUndefined();
      });
    }
  });
  return found[0];
}

/** Runs one step of updates that need no input, and gives the parameters' new values. */
export function updated(parameters: Parameter[], build: () => Pairs): unknown[] {
  const updates = (): { outputs: readonly Variable[]; updates: Pairs } => ({ outputs: [], updates: build() });
  return runEverywhere({ parameters, build: updates }, tensor(0)).values.map((value) => value.toArray());
}
