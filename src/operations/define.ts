/**
 * Operations of one's own. Two kinds: elementwise ones, from a scalar formula and its partial derivatives; and all others,
 * from loops over typed arrays or from a composition, with the rules stated.
 *
 * What comes out is what the library's own operations are, and is treated alike everywhere: differentiated in both
 * modes and to any order, batched, compiled, printed, checked.
 */
import {
  type Attributes,
  at,
  ChainruleError,
  type Gradient,
  type Kink,
  type ScalarLanguage,
  type TensorLike,
  undefinedGradient,
  type Variable,
} from '../graph/index.ts';
import type { Declared, Domain } from './declare.ts';
import {
  type Binary,
  elementwise,
  type Names,
  type Operands,
  type Unary,
  type Values,
} from './elementwise.ts';
import {
  type CompositionDefinition,
  type DefinedFunction,
  type Described,
  defineGeneral,
  type GeneralRules,
  type Outputs,
  type RoutineDefinition,
  type Types,
} from './general.ts';

/** The vector-Jacobian product for one operand of an elementwise operation, or one of the three words. */
export type Route = (names: Names) => Gradient;

/** The partial derivative with respect to one operand of an elementwise operation. */
export type PartialDerivative = (names: Names) => Variable;

/** An operation that computes each element from the elements at the same place. */
export interface ElementwiseDefinition extends Described {
  /** The equation in the scalar language k, which runs as it is and compiles to vector code; one parameter per operand. */
  formula<T>(k: ScalarLanguage<T>, ...operands: T[]): T;
  /** What the operands become. Default `float`: integers are converted. */
  readonly operands?: Operands;
  /** `bool` for a truth value. Default: the operands' dtype. */
  readonly result?: 'bool';
  /** Where the partials hold by convention only. */
  kinks?(values: Values): readonly Kink[];
  /** Where to test it: a domain for all operands, or one for each. */
  readonly samples?: Domain | readonly Domain[];
}

/** A function of as many operands as it has rules. */
export type ElementwiseFunction<Count extends number> = Count extends 1
  ? Unary
  : Count extends 2
    ? Binary
    : (...operands: TensorLike[]) => Variable;

/**
 * Defines an operation, and returns the function that applies it.
 *
 * Elementwise, from a formula and one partial derivative per operand:
 * ```ts
 * const softsign = defineOperation({
 *   name: 'softsign',
 *   formula: (k, x) => k.div(x, k.add(k.literal(1), k.abs(x))),
 *   partials: [({ y }) => square(sub(1, abs(y)))],
 * });
 * ```
 * or in general, from loops (`compute`) or other operations (`expand`) and a rule for back-propagation:
 * ```ts
 * const reversed = defineOperation({
 *   name: 'reversed',
 *   infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
 *   compute: ([x], [y]) => y.data.set(x.data.toReversed()),
 *   bprop: ({ g }) => flip(g),
 * });
 * ```
 * Rules are written with operations, so that they can be differentiated again.
 * @throws ChainruleError where a part is missing
 */
export function defineOperation<const P extends readonly PartialDerivative[]>(
  definition: ElementwiseDefinition & { readonly partials: P },
): Declared<ElementwiseFunction<P['length']>>;
export function defineOperation<const R extends readonly Route[]>(
  definition: ElementwiseDefinition & { readonly routes: R },
): Declared<ElementwiseFunction<R['length']>>;
export function defineOperation(
  definition: ElementwiseDefinition & { readonly notDifferentiable: string },
): Declared<(...operands: TensorLike[]) => Variable>;
export function defineOperation<T extends Types, A extends Attributes = Record<string, never>>(
  definition: RoutineDefinition<A, T>,
): Declared<DefinedFunction<A, Outputs<T>>>;
export function defineOperation<A extends Attributes = Record<string, never>>(
  definition: CompositionDefinition<A>,
): Declared<DefinedFunction<A, Variable>>;
export function defineOperation(definition: Described & Record<string, any>): Declared<any> {
  const { name } = definition;
  if (typeof name !== 'string' || name === '')
    throw new ChainruleError(`defineOperation: give it a name${at()}`);
  const ways = ['formula', 'compute', 'expand'].filter((way) => typeof definition[way] === 'function');
  if (ways.length !== 1) {
    const given = ways.length === 0 ? 'nothing says how it is computed' : `${ways.join(' and ')} are given`;
    throw new ChainruleError(
      `defineOperation: ${name}: ${given}; give one of formula (each element from those at its place), compute (loops) or ` +
        `expand (other operations)${at()}`,
    );
  }
  return ways[0] === 'formula'
    ? defineElementwise(definition as ElementwiseRules)
    : defineGeneral(definition as GeneralRules);
}

type ElementwiseRules = ElementwiseDefinition & {
  readonly partials?: readonly PartialDerivative[];
  readonly routes?: readonly Route[];
};

function defineElementwise(definition: ElementwiseRules): Declared<(...operands: TensorLike[]) => Variable> {
  const { name, doc = '', formula, partials, routes, notDifferentiable, samples } = definition;
  const arity = formula.length - 1;
  if (arity < 1 || arity > 3) {
    throw new ChainruleError(
      `defineOperation: ${name}: its formula takes ${formula.length} parameters, but it must take k and one to three ` +
        `operands, each by name: (k, x) => ...; with more operands use expand${at()}`,
    );
  }
  const rules = partials ?? routes;
  if ((rules === undefined) === (notDifferentiable === undefined)) {
    throw new ChainruleError(
      `defineOperation: ${name}: give either partials (one derivative per operand) or routes (one vector-Jacobian product ` +
        `per operand; routes: [() => zero] for a derivative that is zero), or say why it is notDifferentiable${at()}`,
    );
  }
  if (rules !== undefined && rules.length !== arity) {
    throw new ChainruleError(
      `defineOperation: ${name}: ${rules.length} ${partials === undefined ? 'routes' : 'partials'} for ${arity} ` +
        `operand${arity > 1 ? 's' : ''}; give one for each${at()}`,
    );
  }
  if (Array.isArray(samples) && samples.length !== arity) {
    throw new ChainruleError(
      `defineOperation: ${name}: domains of ${samples.length} operands among its samples, but it takes ${arity}${at()}`,
    );
  }
  const undefinedRoute = (): Gradient => undefinedGradient(notDifferentiable ?? '');
  return elementwise(name, arity, {
    ...definition,
    doc,
    routes: rules === undefined ? new Array<Route>(arity).fill(undefinedRoute) : routes,
  });
}
