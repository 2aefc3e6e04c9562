/** A graph with some of its variables replaced. */

import { withSite } from './site.ts';
import { ancestors } from './traversal.ts';
import { applyOperation, type Variable } from './variable.ts';

/** Rebuilds the graph of `outputs` with each key of `replacements` replaced by its value. */
export function substitute(
  outputs: readonly Variable[],
  replacements: ReadonlyMap<Variable, Variable>,
): Variable[] {
  const current = new Map<Variable, Variable>(replacements);
  const lookUp = (variable: Variable): Variable => current.get(variable) ?? variable;
  for (const { operation, inputs, attributes, outputs: old, site } of ancestors(outputs).applications) {
    const next = inputs.map(lookUp);
    if (next.every((each, i) => each === inputs[i])) continue;
    const made = withSite(site, () => applyOperation(operation, next, attributes));
    old.forEach((output, i) => {
      if (!replacements.has(output)) current.set(output, made[i]);
    });
  }
  return outputs.map(lookUp);
}
