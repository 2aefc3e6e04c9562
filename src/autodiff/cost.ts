/** What a graph costs, counted from its shapes: the measure by which modes of differentiation are compared. */
import {
  type Application,
  ancestors,
  expansionOf,
  input,
  type Rounds,
  sizeOf,
  type Variable,
  withSite,
} from '../graph/index.ts';
import { functionsOf } from '../operations/formula.ts';

/**
 * How many scalar operations it takes to compute `outputs`, every application counted once: a model that depends on
 * shapes alone, not on a machine.
 *
 * - an elementwise operation: the functions of its formula, for each element (an `exp` counts as much as a `+`);
 * - a matrix product [n, k] x [k, m]: 2 n m k, a multiplication and an addition each;
 * - a reduction: one for each element that it reads;
 * - joining and padding: one for each element copied; re-indexing (reshape, transpose, slice, ...) is free;
 * - a composition: what it is composed of;
 * - a routine: one for each element that it reads or writes;
 * - a loop: its body, as often as it runs (once, or up to its limit, where only the numbers can tell); a choice: the
 *   dearer of its branches.
 */
export function operationCount(outputs: Variable | readonly Variable[]): number {
  const list = Array.isArray(outputs) ? (outputs as readonly Variable[]) : [outputs as Variable];
  return costOf(ancestors(list).applications);
}

/** The operations of these applications together. Bodies nest a few deep at most, so they may recurse. */
export function costOf(applications: Iterable<Application>): number {
  let total = 0;
  for (const application of applications) total += costOfOne(application);
  return total;
}

function costOfOne({ operation, inputs, outputs, attributes, site }: Application): number {
  const { computation } = operation;
  switch (computation.kind) {
    case 'view':
      return 0;
    case 'elementwise':
      return functionsOf(computation.formula, inputs.length, attributes).length * sizeOfAll(outputs);
    case 'product':
      return 2 * sizeOfAll(outputs) * (inputs[0].shape.at(-1) ?? 1);
    case 'reduction':
      return sizeOfAll(inputs);
    case 'assembly':
      return sizeOfAll(outputs);
    case 'composition': {
      const stands = inputs.map((each) => input(each.shape, { dtype: each.dtype }));
      return operationCount(withSite(site, () => expansionOf(computation, stands, attributes)));
    }
    case 'iteration':
      return operationCount(computation.body.outputs) * ((attributes as Rounds).length ?? 1);
    case 'choice':
      return Math.max(...computation.bodies.map((body) => operationCount(body.outputs)));
    case 'routine':
      return sizeOfAll(inputs) + sizeOfAll(outputs);
  }
}

/** How many elements some variables have together. */
export function sizeOfAll(variables: readonly Variable[]): number {
  return variables.reduce((total, { shape }) => total + sizeOf(shape), 0);
}
