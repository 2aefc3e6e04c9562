/** What the graph needs to know of an operation (R3, R7). Declarations live in `src/operations`. */
import type { Computation } from './computation.ts';
import type { DType } from './dtype.ts';
import type { Gradient } from './gradient.ts';
import type { Shape } from './shape.ts';
import type { Variable } from './variable.ts';

/** Values an application carries beside its inputs (axes, slices): plain JSON, so that it can be compared. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Attributes as text: equal attributes, and only those, give equal texts (NaN, infinities and -0 told apart). */
export function attributeKey(attributes: Attributes): string {
  return JSON.stringify(attributes, (_, value) => {
    if (typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))) return value;
    return `number ${Object.is(value, -0) ? '-0' : value}`;
  });
}

export interface VariableType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** The edge on which back-propagation stands: `op.bprop(inputs, X, G)` with X = `inputs[index]` (eq. 6.54). */
export interface Edge<A> {
  readonly inputs: readonly Variable[];
  readonly outputs: readonly Variable[];
  readonly attributes: A;
  /** Which input the gradient is asked for. */
  readonly index: number;
  /** The incoming gradient of the first output, as an expression. */
  readonly g: Variable;
  /** The incoming gradients of all outputs. */
  readonly gradients: readonly Gradient[];
}

export interface Operation<A = any> {
  readonly name: string;
  /** Shapes and dtypes of the outputs. @throws ShapeError or DTypeError where the inputs do not fit. */
  infer(inputs: readonly Variable[], attributes: A): readonly VariableType[];
  /**
   * The vector-Jacobian product for one input, all inputs taken as distinct (R8). It may have the shape of the
   * output where the input was broadcast: the driver sums it down.
   */
  bprop(edge: Edge<A>): Gradient;
  readonly computation: Computation<A>;
  /** Never merged with an equal application and never folded (random numbers, checkpoints). */
  readonly opaque?: boolean;
}
