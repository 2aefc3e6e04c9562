/**
 * Gradients that `where` has masked. A rule that multiplies the zeros of a mask by an infinite or undefined partial would
 * make NaN of a branch that was never taken, so the rule is applied inside the mask and the mask put around its answer:
 * a rule is linear in the gradient, so that changes nothing else.
 */
import { type Application, sameShape, type Variable } from '../graph/index.ts';
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
export function keepsMask({ operation, outputs }: Application, { condition, inside }: Masked): boolean {
  if (outputs.length > 1 || operation.pullback !== undefined) return false;
  if (condition.rank === 0) return true;
  return operation.computation.kind === 'elementwise' && sameShape(condition.shape, inside.shape);
}

/** `term` under the mask; two masks are one, so that a chain of them stays one layer deep. */
export function underMask({ condition }: Masked, term: Variable): Variable {
  const own = maskOf(term);
  return own === undefined
    ? where(condition, term, 0)
    : where(logicalAnd(condition, own.condition), own.inside, 0);
}
