/** How axes of a variable correspond to those of what it is made of: the arithmetic behind rules about shapes. */
import {
  type Application,
  apply,
  getOperation,
  type Operation,
  reducedShape,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
  type Variable,
  type View,
} from '../graph/index.ts';
import { type OperationName, registry } from '../operations/index.ts';
import { reshape, reshapeView } from '../operations/movement.ts';

/** The operation behind a name of the registry that stands for a single one. */
export function operationOf(name: OperationName): Operation {
  return registry[name].declaration.operation as Operation;
}

/** The application that made `variable`, if it is one of `operation`. */
export function madeBy(variable: Variable, operation: Operation): Application | undefined {
  const application = getOperation(variable);
  return application?.operation === operation ? application : undefined;
}

const broadcastOperation = operationOf('broadcastTo');
const reshapeOperation = operationOf('reshape');

/** What lies beneath the broadcasts that made `variable`. */
export function beneathBroadcasts(variable: Variable): Variable {
  let v = variable;
  for (let made = madeBy(v, broadcastOperation); made !== undefined; made = madeBy(v, broadcastOperation))
    v = made.inputs[0];
  return v;
}

/** Whether `longer` is `shape` behind axes of extent 1, which broadcasting puts there by itself. */
export function addsLeadingOnes(shape: Shape, longer: Shape): boolean {
  const lead = longer.length - shape.length;
  return lead >= 0 && sameShape(longer.slice(lead), shape) && longer.slice(0, lead).every((n) => n === 1);
}

/** What broadcasting alone makes `variable` from: beneath one broadcast, or without axes of extent 1 in front. */
export function beneathOneBroadcast(variable: Variable): Variable | undefined {
  const broadcast = madeBy(variable, broadcastOperation);
  if (broadcast !== undefined) return broadcast.inputs[0];
  const reshaped = madeBy(variable, reshapeOperation);
  if (reshaped === undefined) return undefined;
  const [x] = reshaped.inputs;
  return addsLeadingOnes(x.shape, variable.shape) ? x : undefined;
}

/** The reduction of `x` over `axes`, in a shape that has the same elements. */
export function reduceTo(operation: Operation, x: Variable, axes: readonly number[], shape: Shape): Variable {
  if (axes.length === 0) return reshape(x, shape);
  const keepDims = !sameShape(reducedShape(x.shape, axes, false), shape);
  return reshape(apply(operation, [x], { axes: [...axes], keepDims }), shape);
}

/** Runs of axes of two shapes that hold the same elements: a reshape regroups within a run, never across. */
export interface Run {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** The shortest runs in which two shapes of equal, positive size correspond. Axes of extent 1 belong to no run. */
export function runsOf(from: Shape, to: Shape): Run[] {
  const longer = (shape: Shape): number[] => shape.flatMap((extent, axis) => (extent === 1 ? [] : [axis]));
  const [left, right] = [longer(from), longer(to)];
  const runs: Run[] = [];
  let [i, j] = [0, 0];
  while (i < left.length) {
    const run: { from: number[]; to: number[] } = { from: [left[i]], to: [right[j]] };
    let [a, b] = [from[left[i++]], to[right[j++]]];
    while (a !== b) {
      if (a < b) {
        run.from.push(left[i]);
        a *= from[left[i++]];
      } else {
        run.to.push(right[j]);
        b *= to[right[j++]];
      }
    }
    runs.push(run);
  }
  return runs;
}

/** Whether `variable` takes another shape without a copy: where its elements lie is known down to what has memory. */
export function reshapesFreely(variable: Variable, shape: Shape): boolean {
  const views: Application[] = [];
  let v = variable;
  for (let made = getOperation(v); made?.operation.computation.kind === 'view'; made = getOperation(v)) {
    views.push(made);
    v = made.inputs[0];
  }
  let view: View | undefined = { shape: v.shape, strides: stridesOf(v.shape), offset: 0 };
  for (const { operation, outputs, attributes } of views.reverse()) {
    const { computation } = operation;
    if (computation.kind !== 'view') return false;
    view = computation.view(view, outputs[0].shape, attributes);
    if (view === undefined) return false;
  }
  return reshapeView(view, shape) !== undefined;
}

/** How many elements a reduction over `axes` combines to one. */
export function countAlong(shape: Shape, axes: readonly number[]): number {
  return sizeOf(axes.map((axis) => shape[axis]));
}
