/** Reductions that stand beside what they reduce, as a sum does that its own terms are divided by. */
import {
  type Application,
  getOperation,
  reducedShape,
  type Shape,
  sameShape,
  type Variable,
} from '../../graph/index.ts';
import type { ReductionAttributes } from '../../operations/broadcasting.ts';
import { madeBy, operationOf } from '../axes.ts';

/**
 * Whether a reduction of `shape` over `axes`, itself of shape `reduced`, meets in broadcasting those elements that it has
 * been made of: the reduced axes are kept, or put back, or there are none behind them that would take their place.
 */
export function standsBeside(reduced: Shape, shape: Shape, axes: readonly number[]): boolean {
  const padded = [...new Array<number>(Math.max(0, shape.length - reduced.length)).fill(1), ...reduced];
  return sameShape(padded, reducedShape(shape, axes, true));
}

/** The reduction that made `v`, if it stands beside its operand. */
export function reductionBeside(v: Variable): Application | undefined {
  const reshaped = madeBy(v, operationOf('reshape'));
  const application = getOperation(reshaped?.inputs[0] ?? v);
  if (application === undefined || application.operation.computation.kind === 'view') return undefined;
  const { axes } = application.attributes as Partial<ReductionAttributes>;
  if (axes === undefined || application.inputs.length === 0) return undefined;
  return standsBeside(v.shape, application.inputs[0].shape, axes) ? application : undefined;
}
