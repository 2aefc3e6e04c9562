/**
 * The graph itself: variables, operations, and the applications that join them. The three know one another, so
 * they stand together. Operations are declared in `src/operations`.
 */

import type { Attributes } from './attributes.ts';
import type { Computation } from './computation.ts';
import type { DType } from './dtype.ts';
import { EvaluationError } from './errors.ts';
import type { Disconnected, UndefinedGradient, Zero } from './gradient.ts';
import { formatShape, type Shape } from './shape.ts';
import { at, captureSite, type Site, withSite } from './site.ts';
import type { Tensor } from './tensor.ts';

/** One use of an operation. The graph is bipartite: variables feed applications, applications make variables. */
export interface Application {
  readonly operation: Operation;
  readonly inputs: readonly Variable[];
  readonly attributes: Attributes;
  readonly outputs: readonly Variable[];
  /** The user's line that asked for it. */
  readonly site: Site;
  /**
   * Where it stands in the order in which the graph was written: behind all that it reads. What is put in the place of
   * another application keeps that one's.
   */
  readonly order: number;
}

/** Where a variable comes from. */
export type Source =
  | { readonly kind: 'input'; readonly name: string | undefined; readonly site: Site }
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  | { readonly kind: 'parameter' }
  | { readonly kind: 'output'; readonly application: Application; readonly index: number };

let created = 0;

/**
 * A symbol: a tensor-valued expression. It knows its shape and dtype, and never caches a value.
 *
 * Every operation is also a method: `x.mul(y).sum()` (see `operations/methods.ts`).
 */
export class Variable<S extends Shape = Shape> {
  /** Order of creation: inputs of an application always have smaller ids than its outputs. */
  readonly id: number;
  readonly shape: S;
  readonly dtype: DType;
  readonly source: Source;

  constructor(shape: S, dtype: DType, source: Source) {
    this.id = created++;
    this.shape = shape;
    this.dtype = dtype;
    this.source = source;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** `float32[32, 10]`. */
  get type(): string {
    return `${this.dtype}${formatShape(this.shape)}`;
  }

  /** A short description for messages: `matmul float32[32, 10]`, `input x float32[3]`. */
  toString(): string {
    const { source } = this;
    if (source.kind === 'output') return `${source.application.operation.name} ${this.type}`;
    const name = source.kind === 'input' ? source.name : undefined;
    return `${source.kind}${name === undefined ? '' : ` ${name}`} ${this.type}`;
  }

  /**
   * A Variable is not a number. `x > 0`, `x + 1` and `Math.exp(x)` arrive here and would otherwise be silently NaN.
   * @throws EvaluationError always, except for string templates.
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw new EvaluationError(
      `${this.toString()} is an expression, not a number: JavaScript's operators cannot compute with it. Use the operations ` +
        `(x.add(1), greater(x, 0)), where(condition, a, b) to choose between values, or x.evaluate().item() ` +
        `for the number${at()}`,
    );
  }
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

/** What a forward-mode rule sees: the tangents of the inputs, where they are not zero. */
export interface Push<A> {
  readonly inputs: readonly Variable[];
  readonly outputs: readonly Variable[];
  readonly attributes: A;
  /** Of the inputs' types; undefined where the input does not move. At least one is there. */
  readonly tangents: readonly (Variable | undefined)[];
}

/** What a batching rule sees: some inputs carry a batch axis in front, which the operation knows nothing of. */
export interface Batch<A> {
  readonly operation: Operation<A>;
  readonly inputs: readonly Variable[];
  /** Which inputs carry the batch axis. At least one does. */
  readonly mapped: readonly boolean[];
  readonly attributes: A;
  /** The extent of the batch axis. */
  readonly size: number;
}

/** Points at which an operation has no derivative, or more than one, and what its rules take it to be. */
export interface Kink {
  /** bool, of any shape: where such a point is met. */
  readonly where: Variable;
  /** What stands there: `corner at 0`, `jump at whole numbers`, `tie`. */
  readonly point: string;
  /** What the rules take for the derivative: `0`, `shared evenly`, `infinite`. */
  readonly convention: string;
}

export interface Operation<A = any> {
  readonly name: string;
  /** Shapes and dtypes of the outputs. @throws ShapeError or DTypeError where the inputs do not fit. */
  infer(inputs: readonly Variable[], attributes: A): readonly VariableType[];
  /**
   * The vector-Jacobian product for one input, all inputs taken as distinct. It may have the shape of the
   * output where the input was broadcast: the driver sums it down.
   */
  bprop(edge: Edge<A>): Gradient;
  /**
   * The products of {@link bprop} for all inputs at once, for rules that share work between them. Inputs that are not
   * `wanted` may be answered `zero`.
   */
  pullback?(edge: Omit<Edge<A>, 'index'> & { readonly wanted: readonly boolean[] }): readonly Gradient[];
  /** Linear in all its float inputs together: its Jacobian-vector product is the operation itself. */
  readonly linear?: true;
  /** Of two inputs and one output: f(a, b) = f(b, a) to the last bit, and where one is NaN the other is too. */
  readonly commutative?: true;
  /** The Jacobian-vector product, a tangent for each output. Absent where it is derived (autodiff/forward.ts). */
  jvp?(push: Push<A>): readonly Gradient[];
  /** The operation for each index of the batch axis, which leads every output. Absent where it is derived (autodiff/vmap.ts). */
  batch?(batch: Batch<A>): readonly Variable[];
  /** Where its derivatives do not exist, or only by convention, as expressions; absent for an operation that is smooth. */
  kinks?(at: Pick<Edge<A>, 'inputs' | 'outputs' | 'attributes'>): readonly Kink[];
  readonly computation: Computation<A, Variable>;
  /** Never merged with an equal application and never folded (random numbers, checkpoints). */
  readonly opaque?: boolean;
  /**
   * Of the exit of a region: how many of its inputs, from the first, are the region's results. The others are what the
   * region depends on, and its rule for the gradient goes back through what lies between.
   */
  regionResults?(attributes: A): number;
}

/** What a derivative rule answers: an expression, or one of the three words of `gradient.ts`. */
export type Gradient = Variable | Zero | Disconnected | UndefinedGradient;

let inheritedOrder: number | undefined;

/** Runs `body`; whatever it builds has the site and the order of `application`, in whose place it is put. */
export function inPlaceOf<T>({ site, order }: Application, body: () => T): T {
  const outer = inheritedOrder;
  inheritedOrder = order;
  try {
    return withSite(site, body);
  } finally {
    inheritedOrder = outer;
  }
}

/** The order of an application made now. */
function orderBehind(inputs: readonly Variable[]): number {
  if (inheritedOrder === undefined) return created;
  let order = inheritedOrder;
  for (const { source } of inputs)
    if (source.kind === 'output') order = Math.max(order, source.application.order);
  return order;
}

/**
 * Applies `operation` and returns its output variables: the only way a graph grows.
 * @throws ShapeError or DTypeError where the inputs do not fit.
 */
export function applyOperation<A>(
  operation: Operation<A>,
  inputs: readonly Variable[],
  attributes: A,
): Variable[] {
  const site = captureSite();
  const types = operation.infer(inputs, attributes);
  const outputs: Variable[] = [];
  const application: Application = {
    operation,
    inputs,
    attributes: attributes as Attributes,
    outputs,
    site,
    order: orderBehind(inputs),
  };
  for (let index = 0; index < types.length; index++) {
    outputs.push(
      new Variable(types[index].shape, types[index].dtype, { kind: 'output', application, index }),
    );
  }
  return outputs;
}

/** As {@link applyOperation}, for operations with a single output. */
export function apply<A>(operation: Operation<A>, inputs: readonly Variable[], attributes: A): Variable {
  return applyOperation(operation, inputs, attributes)[0];
}
