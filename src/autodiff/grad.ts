/** Derivatives of functions, in the style of JAX: thin doors to `gradients`. */
import {
  at,
  DTypeError,
  isVariable,
  leavesOf,
  mapTree,
  ShapeError,
  Variable,
  variablesOf,
} from '../graph/index.ts';
import { identity } from '../operations/identity.ts';
import { gradients } from './backprop.ts';

/** What may be passed where a function of Variables expects `T`: also Tensors, numbers and nested arrays. */
export type Argument<T> = T extends Variable
  ? import('../graph/index.ts').TensorLike
  : T extends readonly (infer Element)[]
    ? readonly Argument<Element>[] | T
    : T extends object
      ? { readonly [K in keyof T]: Argument<T[K]> }
      : T;

/** Arguments of a function of Variables, as `grad(f)` accepts them. */
export type Arguments<Args extends readonly unknown[]> = { [K in keyof Args]: Argument<Args[K]> };

export interface GradOptions {
  /** Which argument to differentiate with respect to. Default 0. */
  argument?: number;
}

/**
 * The value and the gradient of a scalar function, both as Variables.
 *
 * `valueAndGrad(f)(x, ...)` returns `[f(x, ...), df/dx]`; x may be a tensor or nested objects and arrays of them, and
 * the gradient has the same structure. Parts on which f does not depend get zeros.
 *
 * The argument enters f as a fresh node, so nested derivatives never confuse their perturbations.
 */
export function valueAndGrad<Args extends readonly any[]>(
  f: (...args: Args) => Variable,
  { argument = 0 }: GradOptions = {},
): (...args: Arguments<Args>) => [value: Variable, gradient: Args[0]] {
  return (...args) => {
    if (argument < 0 || argument >= args.length) {
      throw new ShapeError(`grad: argument ${argument} of a call with ${args.length} arguments${at()}`);
    }
    const fresh = args.map((arg, i) => {
      const variables = variablesOf(arg);
      return i === argument ? mapTree(variables, isVariable, (leaf) => identity(leaf)) : variables;
    });
    const value: unknown = f(...(fresh as unknown as Args));
    if (!(value instanceof Variable))
      throw new DTypeError(`grad: the function must return a Variable, not ${typeof value}${at()}`);
    const targets = leavesOf(fresh[argument], isVariable);
    const found = gradients(value, targets, { disconnected: 'zero' });
    let next = 0;
    return [value, mapTree(fresh[argument], isVariable, () => found[next++])];
  };
}

/** The gradient of a scalar function, as {@link valueAndGrad} without the value: `grad(f)(x, ...)` is df/dx. */
export function grad<Args extends readonly any[]>(
  f: (...args: Args) => Variable,
  options: GradOptions = {},
): (...args: Arguments<Args>) => Args[0] {
  const both = valueAndGrad(f, options);
  return (...args) => both(...args)[1];
}
