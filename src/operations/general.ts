/** Operations of one's own that are not elementwise: from loops over typed arrays, or from other operations. */
import {
  type Attributes,
  applyOperation,
  at,
  type Batch,
  type Block,
  ChainruleError,
  DTypeError,
  type Edge,
  formatShape,
  type Gradient,
  input,
  isTensorLike,
  type Kink,
  type Operation,
  type Push,
  ShapeError,
  sameShape,
  Tensor,
  type TensorLike,
  toVariable,
  undefinedGradient,
  Variable,
  type VariableType,
} from '../graph/index.ts';
import {
  checkedGradient,
  checkedList,
  checkedTangent,
  checkedTypes,
  unlessOfIntegers,
} from './checkedRules.ts';
import { type Declared, declare, type Sample } from './declare.ts';
import { leading } from './rules.ts';

/** What every definition says of itself. */
export interface Described {
  readonly name: string;
  /** One sentence and the equation, ending with a full stop. */
  readonly doc?: string;
  /** Values at which compiled kernels should be checked: zeros of both signs, infinities, NaN. */
  readonly special?: readonly number[];
  /** Why there is no derivative, as a clause after "because"; asking for one is then an error that says so. */
  readonly notDifferentiable?: string;
}

/** One output, or a list of them. */
export type Types = VariableType | readonly VariableType[];

/** The rules of an operation that is not elementwise. All but `bprop` (or `pullback`) may be left out. */
export interface Rules<A extends Attributes> extends Described {
  /** How many operands it takes; not checked if left out. */
  readonly arity?: number;
  /** Attributes (axes, options) with their defaults, plain data: the last argument of a call may replace some. */
  readonly attributes?: A;
  /**
   * The vector-Jacobian product for input `index`: a Variable of that input's shape (or of one it was broadcast to),
   * `zero`, `disconnected`, or `undefinedGradient(reason)`.
   */
  bprop?(edge: Edge<A>): Gradient;
  /** In place of `bprop`: the products for all inputs at once, where they share work. */
  pullback?(edge: Omit<Edge<A>, 'index'> & { readonly wanted: readonly boolean[] }): readonly Gradient[];
  /** The Jacobian-vector product, a tangent for each output; derived from `bprop` if left out. */
  jvp?(push: Push<A>): Gradient | readonly Gradient[];
  /**
   * The outputs for a whole batch; or `leading`, if the operation treats all axes but the last few alike, so that a batch
   * axis in front is one more of them. If left out, `vmap` applies the operation to each element in turn.
   */
  readonly batch?: 'leading' | ((batch: Batch<A>) => Variable | readonly Variable[]);
  /** Linear in all its float inputs together: its Jacobian-vector product is the operation itself. */
  readonly linear?: true;
  /** Where its derivatives hold by convention only. */
  kinks?(where: Pick<Edge<A>, 'inputs' | 'outputs' | 'attributes'>): readonly Kink[];
  /** Never merged with an equal application, for operations that read something beside their inputs. */
  readonly opaque?: boolean;
  /** What it does to dtypes, for listings and tests: `float` (default), `number`, `any`, or `float, int32 -> float`. */
  readonly dtypes?: string;
  /** Operands to be drawn, and attributes, to test it with. */
  readonly samples?: readonly (Pick<Sample, 'inputs'> & { readonly attributes?: Partial<A> })[];
}

/** An operation that computes its outputs by loops of its own. */
export interface RoutineDefinition<A extends Attributes, T extends Types> extends Rules<A> {
  /** The type of the output, or a list of them. @throws ShapeError or DTypeError where the inputs do not fit */
  infer(inputs: readonly Variable[], attributes: A): T;
  /** Fills the outputs' data (zeros at first) from the inputs', in row-major order. */
  compute(inputs: readonly Block[], outputs: readonly Block[], attributes: A): void;
}

/** An operation that is computed as a composition of others, with rules of its own. */
export interface CompositionDefinition<A extends Attributes> extends Rules<A> {
  expand(inputs: readonly Variable[], attributes: A): Variable;
}

/** The operands, then attributes that differ from their defaults. */
export type DefinedFunction<A extends Attributes, Result> = (
  ...args: readonly (TensorLike | Partial<A>)[]
) => Result;

/** A Variable for one type, a list for a list of them. */
export type Outputs<T extends Types> = T extends readonly VariableType[] ? Variable[] : Variable;

/** A definition of either kind, its parts not yet known to be there. */
export type GeneralRules = Partial<RoutineDefinition<Attributes, Types>> &
  Partial<CompositionDefinition<Attributes>> &
  Described;

export function defineGeneral(definition: GeneralRules): Declared<(...args: readonly unknown[]) => unknown> {
  const { name, doc = '', dtypes = 'float', notDifferentiable, special } = definition;
  if (definition.compute !== undefined && definition.infer === undefined) {
    throw new ChainruleError(
      `defineOperation: ${name}: compute needs infer, which gives the type of its output: ` +
        `infer: ([x]) => ({ shape: x.shape, dtype: x.dtype })${at()}`,
    );
  }
  const operation = generalOperation(definition);
  let listed: boolean | undefined;
  const call = (...args: readonly unknown[]): Variable | Variable[] => {
    const { operands, attributes } = argumentsOf(definition, args);
    listed ??= Array.isArray(definition.infer?.(operands, attributes));
    const outputs = applyOperation(operation, operands, attributes);
    return listed ? outputs : outputs[0];
  };
  const samples = (definition.samples ?? []).map(
    ({ inputs, attributes }): Sample => ({
      inputs,
      call: (...operands) => call(...operands, ...(attributes === undefined ? [] : [attributes])),
    }),
  );
  return declare(call)({ name, doc, dtypes, operation, samples, special, notDifferentiable });
}

/** The operands as Variables, and the attributes: the defaults, with those given last in place of some. */
function argumentsOf(
  { name, arity, attributes }: GeneralRules,
  args: readonly unknown[],
): { operands: Variable[]; attributes: Attributes } {
  const last = args.at(-1);
  const isOwn = attributes !== undefined && typeof last === 'object' && last !== null && !isTensorLike(last);
  const own = isOwn ? (last as Attributes) : undefined;
  const given = own === undefined ? args : args.slice(0, -1);
  for (const key of Object.keys(own ?? {})) {
    if (key in (attributes as Attributes)) continue;
    throw new ChainruleError(
      `${name}: there is no attribute ${key}; use ${Object.keys(attributes as Attributes).join(', ')}${at()}`,
    );
  }
  if (arity !== undefined && given.length !== arity) {
    throw new ChainruleError(
      `${name}: takes ${arity} operand${arity === 1 ? '' : 's'}, not ${given.length}${at()}`,
    );
  }
  const strong = given.find((each) => each instanceof Variable || each instanceof Tensor);
  const operands = given.map((each) => {
    if (isTensorLike(each)) return toVariable(each, (strong as Variable | Tensor | undefined)?.dtype);
    throw new DTypeError(
      `${name}: an operand is ${each === null ? 'null' : typeof each}; give Variables, Tensors, numbers or nested arrays ` +
        `of numbers${at()}`,
    );
  });
  return { operands, attributes: { ...attributes, ...own } };
}

/** The Operation of a definition: its rules, with what they answer checked. */
function generalOperation(definition: GeneralRules): Operation<Attributes> {
  const { name, notDifferentiable, kinks, opaque } = definition;
  const rules = notDifferentiable === undefined ? differentiation(definition) : refusal(notDifferentiable);
  return {
    name,
    infer: inferenceOf(definition),
    ...rules,
    batch: batchingOf(definition),
    kinks,
    computation: computationOf(definition),
    opaque,
  };
}

type DerivativeRules = Pick<Operation<Attributes>, 'bprop' | 'pullback' | 'jvp' | 'linear'>;

function refusal(reason: string): DerivativeRules {
  return {
    bprop: () => undefinedGradient(reason),
    jvp: ({ outputs }) => outputs.map(() => undefinedGradient(reason)),
  };
}

function differentiation({ name, bprop, pullback, jvp, linear }: GeneralRules): DerivativeRules {
  const pushForward: DerivativeRules['jvp'] =
    jvp &&
    ((push) =>
      checkedList(name, 'jvp', jvp(push), push.outputs.length, 'output').map((answer, i) =>
        checkedTangent(name, push.outputs[i], answer),
      ));
  if (bprop !== undefined) {
    const one: DerivativeRules['bprop'] = (edge) => {
      const answer = checkedGradient(name, 'bprop', edge.inputs[edge.index], bprop(edge));
      return unlessOfIntegers(name, edge.outputs, edge.gradients, answer);
    };
    return { bprop: one, jvp: pushForward, linear };
  }
  if (pullback === undefined) {
    throw new ChainruleError(
      `defineOperation: ${name}: give bprop, its vector-Jacobian product (or pullback, for all inputs at once), or say ` +
        `why it is notDifferentiable${at()}`,
    );
  }
  const all: NonNullable<DerivativeRules['pullback']> = (edge) =>
    checkedList(name, 'pullback', pullback(edge), edge.inputs.length, 'input').map((given, i) => {
      const answer = checkedGradient(name, 'pullback', edge.inputs[i], given);
      return unlessOfIntegers(name, edge.outputs, edge.gradients, answer);
    });
  const one: DerivativeRules['bprop'] = ({ index, ...edge }) =>
    all({ ...edge, wanted: edge.inputs.map((_, i) => i === index) })[index];
  return { bprop: one, pullback: all, jvp: pushForward, linear };
}

function batchingOf({ batch }: GeneralRules): Operation<Attributes>['batch'] {
  if (batch === undefined || batch === 'leading') return batch && leading;
  return (given) => {
    const made = batch(given);
    return Array.isArray(made) ? made : [made];
  };
}

/** The types that a definition's own rule gives, or those of what it expands to. */
function inferenceOf({ name, infer, expand }: GeneralRules): Operation<Attributes>['infer'] {
  if (infer !== undefined) return (inputs, attributes) => checkedTypes(name, infer(inputs, attributes));
  return (inputs, attributes) => {
    const stands = inputs.map(({ shape, dtype }) => input(shape, { dtype }));
    const made = expand?.(stands, attributes);
    if (made instanceof Variable) return [made];
    throw new ChainruleError(`${name}: its expand must return a Variable${at()}`);
  };
}

function computationOf({ name, compute, infer, expand }: GeneralRules): Operation<Attributes>['computation'] {
  if (compute !== undefined) return { kind: 'routine', run: compute };
  return {
    kind: 'composition',
    expand(inputs, attributes) {
      const made = expand?.(inputs, attributes) as Variable;
      const [type] = infer === undefined ? [made] : checkedTypes(name, infer(inputs, attributes));
      if (made.dtype === type.dtype && sameShape(made.shape, type.shape)) return made;
      throw new ShapeError(
        `${name}: its expand gives ${made.type}, but its infer ${type.dtype}${formatShape(type.shape)}${at()}`,
      );
    },
  };
}
