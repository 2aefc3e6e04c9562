/** A loop without the results that nobody reads, and without the carries and inputs that only they needed. */
import { ancestors, type Body, type Iteration, type Variable } from '../graph/index.ts';

export interface NarrowPlan {
  readonly body: Body<Variable>;
  readonly carries: number;
  readonly slices: number;
  /** The inputs that are left, by position; those of the body come first. */
  readonly inputs: readonly number[];
  /** The results of the whole loop, of those inputs and of what the smaller loop gives. */
  results(inputs: readonly Variable[], made: readonly Variable[]): (Variable | undefined)[];
}

export function planNarrow(
  { body: { inputs, outputs }, carries, slices, conditional }: Iteration<Variable>,
  used: readonly boolean[],
): NarrowPlan {
  // A carry that never changes is an input like any other.
  const changes = (i: number): boolean => outputs[i] !== inputs[i] || (conditional && i === 0);
  const needed = outputs.map((_, i) => used[i] || (conditional && i === 0));
  let read = new Set<Variable>();
  for (let grown = true; grown; ) {
    read = new Set(ancestors(outputs.filter((_, i) => needed[i])).leaves);
    grown = false;
    for (let i = 0; i < carries; i++) {
      if (needed[i] || !changes(i) || !read.has(inputs[i])) continue;
      needed[i] = true;
      grown = true;
    }
  }
  const made = indices(outputs).filter((i) => needed[i] && (i >= carries || changes(i)));
  const carried = made.filter((i) => i < carries);
  const constants = indices(inputs).filter(
    (i) => i < carries && !changes(i) && (used[i] || read.has(inputs[i])),
  );
  const others = indices(inputs).filter((i) => i >= carries && read.has(inputs[i]));
  const sliced = others.filter((i) => i < carries + slices);
  const kept = [...carried, ...sliced, ...others.slice(sliced.length), ...constants];
  return {
    body: { inputs: kept.map((i) => inputs[i]), outputs: made.map((i) => outputs[i]) },
    carries: carried.length,
    slices: sliced.length,
    inputs: kept,
    results: (given, results) =>
      outputs.map((_, i) => {
        if (!used[i]) return undefined;
        return made.includes(i) ? results[made.indexOf(i)] : given[kept.indexOf(i)];
      }),
  };
}

function indices(list: readonly unknown[]): number[] {
  return list.map((_, i) => i);
}
