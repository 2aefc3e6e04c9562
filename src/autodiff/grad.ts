/** Derivatives of functions, in the style of JAX: thin doors to `gradients`. */
import {
  anything,
  at,
  checkOptions,
  DTypeError,
  isVariable,
  kindOf,
  leavesOf,
  mapTree,
  ShapeError,
  type TensorLike,
  Variable,
  variablesOf,
} from '../graph/index.ts';
import { identity } from '../operations/identity.ts';
import { gradients } from './backprop.ts';

/** What may be passed where a function of Variables expects `T`: also Tensors, numbers and nested arrays. */
export type Argument<T> = T extends Variable
  ? TensorLike
  : T extends readonly (infer Element)[]
    ? readonly Argument<Element>[] | T
    : T extends object
      ? { readonly [K in keyof T]: Argument<T[K]> }
      : T;

/** Arguments of a function of Variables, as `grad(f)` accepts them. */
export type Arguments<Args extends readonly unknown[]> = { [K in keyof Args]: Argument<Args[K]> };

/**
 * A function of Variables that takes Tensors, numbers and nested arrays in their place. Where it is passed on (grad of
 * grad), it is again a function of Variables: inference reads the last signature.
 */
export type TensorFunction<Args extends readonly unknown[], Result> = ((...args: Arguments<Args>) => Result) &
  ((...args: Args) => Result);

/** The type of a gradient: that of the argument, where the argument is known to be a Variable. */
export type GradientLike<T> = TensorLike extends T ? Variable : T;

export interface GradOptions<Index extends number = number> {
  /** Which argument to differentiate with respect to. Default 0. */
  argument?: Index;
}

/**
 * The value and the gradient of a scalar function, both as Variables.
 *
 * `valueAndGrad(f)(x, ...)` returns `[f(x, ...), df/dx]`; x may be a tensor or nested objects and arrays of them, and
 * the gradient has the same structure. Parts on which f does not depend get zeros.
 *
 * The argument enters f as a fresh node, so nested derivatives never confuse their perturbations.
 */
export function valueAndGrad<Args extends readonly any[], Index extends number = 0>(
  f: (...args: Args) => Variable,
  options: GradOptions<Index> = {},
): TensorFunction<Args, [value: Variable, gradient: GradientLike<Args[Index]>]> {
  checkOptions('grad', options, { argument: anything });
  const { argument = 0 } = options;
  const call = (...args: readonly unknown[]): [Variable, GradientLike<Args[Index]>] => {
    checkArgument('grad', argument, args);
    const fresh = args.map((arg, i) => {
      const variables = variablesOf(arg);
      return i === argument ? mapTree(variables, isVariable, (leaf) => identity(leaf)) : variables;
    });
    const value: unknown = f(...(fresh as unknown as Args));
    if (!(value instanceof Variable))
      throw new DTypeError(`grad: the function must return a Variable, not ${kindOf(value)}${at()}`);
    const targets = leavesOf(fresh[argument], isVariable);
    const found = gradients(value, targets, { disconnected: 'zero' });
    let next = 0;
    return [value, mapTree(fresh[argument], isVariable, () => found[next++])];
  };
  return call as TensorFunction<Args, [Variable, GradientLike<Args[Index]>]>;
}

/** The gradient of a scalar function, as {@link valueAndGrad} without the value: `grad(f)(x, ...)` is df/dx. */
export function grad<Args extends readonly any[], Index extends number = 0>(
  f: (...args: Args) => Variable,
  options: GradOptions<Index> = {},
): TensorFunction<Args, GradientLike<Args[Index]>> {
  const both = valueAndGrad(f, options);
  return ((...args: Args) => both(...args)[1]) as TensorFunction<Args, GradientLike<Args[Index]>>;
}

/** @throws ShapeError where there is no such argument */
export function checkArgument(operation: string, which: number, args: readonly unknown[]): void {
  if (!Number.isInteger(which) || which < 0 || which >= args.length) {
    throw new ShapeError(
      `${operation}: argument ${String(which)} of a call with ${args.length} arguments; give the place of one, counted ` +
        `from 0 (to differentiate in several, pass them as one list or object)${at()}`,
    );
  }
}
