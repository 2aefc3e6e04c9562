/** Narrow places in a graph: where the product of Jacobians is best cut in two. */
import { isFloat, prune, sizeOf, type Variable } from '../graph/index.ts';
import { sizeOfAll } from './cost.ts';

/**
 * The smallest variable through which every path from `inputs` to `outputs` passes, if it has fewer elements than the
 * inputs and than the outputs. Linear in the number of edges: in topological order, a variable is on all paths if no edge
 * leads from before it to behind it. Integers and truth values have no derivatives to multiply: a path through one is left
 * to the modes that know what that means.
 */
export function bottleneckOf(
  inputs: readonly Variable[],
  outputs: readonly Variable[],
): Variable | undefined {
  const { applications, reached } = prune(outputs, inputs);
  const end = applications.length + 1;
  const place = new Map<Variable, number>(inputs.map((each) => [each, 0]));
  /** How many more edges pass over each place than over the one before it. */
  const passing = new Int32Array(end + 1);
  /** What is read of the variables at each place. */
  const read = new Map<number, Set<Variable>>();
  const edge = (from: Variable, to: number): void => {
    const start = place.get(from) ?? 0;
    passing[start + 1]++;
    passing[to]--;
    const variables = read.get(start) ?? new Set();
    read.set(start, variables.add(from));
  };
  applications.forEach((application, i) => {
    for (const input of application.inputs) if (reached.has(input)) edge(input, i + 1);
    for (const output of application.outputs) if (!place.has(output)) place.set(output, i + 1);
  });
  for (const output of outputs) if (reached.has(output)) edge(output, end);
  let least = Math.min(sizeOfAll(inputs), sizeOfAll(outputs));
  let found: Variable | undefined;
  for (let i = 1, over = passing[1]; i < end; i++, over += passing[i]) {
    const [variable, ...others] = read.get(i) ?? [];
    if (over > 0 || variable === undefined || others.length > 0) continue;
    if (!isFloat(variable.dtype) || sizeOf(variable.shape) >= least) continue;
    least = sizeOf(variable.shape);
    found = variable;
  }
  return found;
}
