/** When two graphs compute the same function. */
import { attributeKey, operationNumber } from './attributes.ts';
import { ancestors, inOrderOfCreation } from './traversal.ts';
import type { Variable } from './variable.ts';

/** Whether a leaf's number is part of the structure itself: scalar constants are. */
function isLiteral(leaf: Variable): boolean {
  return leaf.source.kind === 'constant' && leaf.rank === 0;
}

/**
 * A text that two graphs share exactly if they compute the same function of their leaves, in the same order, and those
 * leaves.
 * @param inputs leaves to come first, in this order, whether the outputs need them or not
 */
export function structureOf(
  outputs: readonly Variable[],
  inputs: readonly Variable[] = [],
): { key: string; leaves: Variable[] } {
  const { applications, leaves } = ancestors(outputs);
  const names = new Map<Variable, string>();
  const parts: string[] = [];
  const open: Variable[] = [];
  for (const leaf of [...inputs, ...leaves]) {
    if (names.has(leaf)) continue;
    if (isLiteral(leaf) && leaf.source.kind === 'constant') {
      const value = leaf.source.tensor.data[0];
      names.set(leaf, `${leaf.dtype}:${Object.is(value, -0) ? '-0' : value}`);
    } else {
      names.set(leaf, `i${open.length}`);
      parts.push(leaf.type);
      open.push(leaf);
    }
  }
  let count = 0;
  for (const { operation, inputs: read, attributes, outputs: made, site } of inOrderOfCreation(
    applications,
  )) {
    // A routine's errors name the line, so two lines are two programs.
    if (operation.computation.kind === 'routine') parts.push(site.toString());
    parts.push(
      `${operationNumber(operation)}(${read.map((each) => names.get(each)).join()})${attributeKey(attributes)}`,
    );
    for (const output of made) names.set(output, `v${count++}`);
  }
  parts.push(outputs.map((output) => names.get(output)).join());
  return { key: parts.join(';'), leaves: open };
}
