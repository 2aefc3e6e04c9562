/**
 * Gradients that `where` has masked. A rule that multiplies the zeros of a mask by an infinite or undefined partial would
 * make NaN of a branch that was never taken, so the rule is applied inside the mask and the mask put around its answer:
 * a rule is linear in the gradient, so that changes nothing else.
 */
import { type Application, type Shape, sameShape, type Variable } from '../graph/index.ts';
import { add } from '../operations/arithmetic.ts';
import { sumTo } from '../operations/broadcasting.ts';
import { logicalAnd, logicalNot, where } from '../operations/logic.ts';
import { uniformValue } from '../operations/uniform.ts';

/** `where(condition, inside, 0)`. */
export interface Masked {
  readonly condition: Variable;
  readonly inside: Variable;
}

const whereOperation = where.declaration.operation;

/** The parts of a masked gradient; undefined where no mask is seen. */
export function maskOf(g: Variable): Masked | undefined {
  const { source } = g;
  if (source.kind !== 'output' || source.application.operation !== whereOperation) return undefined;
  const [condition, a, b] = source.application.inputs;
  if (uniformValue(b) === 0 && sameShape(a.shape, g.shape)) return { condition, inside: a };
  if (uniformValue(a) === 0 && sameShape(b.shape, g.shape))
    return { condition: logicalNot(condition), inside: b };
  return undefined;
}

/** Whether a rule's answer to a masked gradient is masked alike: element by element, or by one condition for all. */
export function keepsMask({ operation, outputs }: Application, { condition }: Masked): boolean {
  if (outputs.length > 1 || operation.pullback !== undefined) return false;
  return condition.rank === 0 || operation.computation.kind === 'elementwise';
}

/** Whether the answer to what is inside has an element for each that the mask stands over. */
export function fitsMask({ condition, inside }: Masked, term: Variable): boolean {
  return condition.rank === 0 || sameShape(term.shape, inside.shape);
}

/** `sumTo` of a gradient; under its mask, where that is the same for all that is added. */
export function sumMasked(g: Variable, shape: Shape): Variable {
  const mask = maskOf(g);
  if (sameShape(g.shape, shape) || mask === undefined || !stretches(mask.condition.shape, shape))
    return sumTo(g, shape);
  return where(mask.condition, sumTo(mask.inside, shape), 0);
}

function stretches(from: Shape, to: Shape): boolean {
  const lead = to.length - from.length;
  return lead >= 0 && from.every((extent, axis) => extent === 1 || extent === to[lead + axis]);
}

/** `term` under the mask; two masks are one, so that a chain of them stays one layer deep. */
export function underMask({ condition }: Masked, term: Variable): Variable {
  const own = maskOf(term);
  if (own === undefined) return where(condition, term, 0);
  return own.condition === condition ? term : where(logicalAnd(condition, own.condition), own.inside, 0);
}

/** The sum of two gradients; under one mask, where both are under the same. */
export function addMasked(a: Variable, b: Variable): Variable {
  const [first, second] = [maskOf(a), maskOf(b)];
  if (first === undefined || second?.condition !== first.condition) return add(a, b);
  return where(first.condition, add(first.inside, second.inside), 0);
}
