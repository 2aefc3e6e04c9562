/**
 * Closure conversion: a traced graph becomes a body that depends on nothing but its inputs. What it has used from
 * outside becomes more inputs (Landin's closures made explicit, as in Johnsson, "Lambda lifting", 1985).
 */
import { ancestors, type Body, input, rebuild, structureOf, type Variable } from '../graph/index.ts';
import { uniformValue } from '../operations/uniform.ts';
import { stabilize } from '../rewrite/passes.ts';

export interface Closed {
  /** Its inputs are the placeholders, then one for each captured variable. */
  readonly body: Body<Variable>;
  readonly captured: readonly Variable[];
}

/** A fresh placeholder of the type of `variable`. */
export function placeholderLike({ shape, dtype }: Variable): Variable {
  return input(shape, { dtype });
}

/**
 * The body of a loop: whatever does not depend on `placeholders` is computed outside, once.
 * @param placeholders fresh ones, made before anything that depends on them
 */
export function closeLoopBody(placeholders: readonly Variable[], outputs: readonly Variable[]): Closed {
  const since = Math.min(...placeholders.map(({ id }) => id));
  const inner = new Set(placeholders);
  const moving = ancestors(outputs, (each) => each.id < since).applications.filter((application) => {
    const moves = application.inputs.some((each) => inner.has(each));
    if (moves) for (const output of application.outputs) inner.add(output);
    return moves;
  });
  // A region stays whole: its gradient is found by way of its inside, down to what it names as its sources.
  for (const { operation, inputs, attributes } of moving) {
    const results = operation.regionResults?.(attributes) ?? 0;
    if (results === 0) continue;
    const sources = new Set(inputs.slice(results));
    for (const inside of ancestors(inputs.slice(0, results), (each) => sources.has(each)).applications)
      for (const output of inside.outputs) inner.add(output);
  }
  return close(placeholders, outputs, (variable) => !inner.has(variable));
}

/** The body of a branch: everything made since variable number `since` is computed inside, where it is wanted. */
export function closeBranchBody(
  placeholders: readonly Variable[],
  outputs: readonly Variable[],
  since: number,
): Closed {
  const own = new Set(placeholders);
  return close(
    placeholders,
    outputs,
    (variable) => !own.has(variable) && (variable.source.kind !== 'output' || variable.id < since),
  );
}

function close(
  placeholders: readonly Variable[],
  outputs: readonly Variable[],
  isOuter: (variable: Variable) => boolean,
): Closed {
  const { leaves } = ancestors(outputs, isOuter);
  const captured = leaves.filter((leaf) => isOuter(leaf) && !isFree(leaf));
  const stands = captured.map(placeholderLike);
  const replaced = new Map(captured.map((each, i) => [each, stands[i]]));
  return {
    body: { inputs: [...placeholders, ...stands], outputs: stabilize(rebuild(outputs, replaced)) },
    captured,
  };
}

/** What costs nothing to form again inside: one number everywhere, or a formula of coordinates. */
function isFree(variable: Variable): boolean {
  if (uniformValue(variable) !== undefined) return true;
  const { source } = variable;
  return (
    source.kind === 'output' &&
    source.application.inputs.length === 0 &&
    source.application.operation.opaque !== true
  );
}

/** Bodies are kept for this many structures, the least recently used going first. */
const KEPT = 512;

const interned = new Map<string, unknown>();

/**
 * What `make` gives, once for all bodies of the same structure: equal loops are then the same operation, they merge,
 * and a graph that is built anew in each round of a loop finds its program again.
 * @param kind tells apart what is made of equal bodies
 */
export function intern<T>(kind: string, bodies: readonly Body<Variable>[], make: () => T): T {
  const key = [kind, ...bodies.map(({ inputs, outputs }) => structureOf(outputs, inputs).key)].join('|');
  const made = (interned.get(key) as T | undefined) ?? make();
  interned.delete(key);
  interned.set(key, made);
  if (interned.size > KEPT) interned.delete(interned.keys().next().value as string);
  return made;
}
