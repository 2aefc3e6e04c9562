/** One of two functions, as the numbers say. */

import type { Arguments } from '../autodiff/index.ts';
import {
  at,
  creationMark,
  DTypeError,
  input,
  isVariable,
  mapTree,
  ShapeError,
  sameShape,
  type TensorLike,
  toVariable,
  type Variable,
  variablesOf,
} from '../graph/index.ts';
import { type Flat, flatten } from './carry.ts';
import { makeChoice } from './choice.ts';
import { type Branch, both } from './choiceRequest.ts';

/** The same structure of Variables, be they parameters or not. */
export type Chosen<T> =
  T extends Variable<infer S>
    ? Variable<S>
    : T extends readonly unknown[] | Readonly<Record<string, unknown>>
      ? { -readonly [K in keyof T]: Chosen<T[K]> }
      : T;

/**
 * `ifTrue(...operands)` where `predicate` holds, else `ifFalse(...operands)`. Only the branch taken is computed, and only
 * its derivative: what the other one would give, an infinity or NaN, cannot leak.
 *
 * ```ts
 * cond(greater(x, 0), () => log(x), () => zeros);
 * ```
 * Both functions are called once, on symbols, and must return tensors in the same structure, of the same shapes and dtypes.
 * They may use any Variables from outside: those are computed before, whichever branch is taken.
 *
 * To choose element by element, use `where`, which computes both. A `vmap` over the predicate makes a `where` of this.
 * @param predicate a bool scalar
 * @param operands tensors, or nested arrays and objects of them
 * @throws DTypeError or ShapeError where the predicate is not a bool scalar, or the results of the branches differ in type
 */
export function cond<Args extends readonly any[], T>(
  predicate: TensorLike,
  ifTrue: (...operands: Args) => T,
  ifFalse: (...operands: NoInfer<Args>) => NoInfer<Chosen<T>>,
  ...operands: Arguments<Args>
): Chosen<T> {
  const condition = predicateOf('cond', predicate);
  const given: Variable[] = [];
  const structures = operands.map((operand) =>
    mapTree(variablesOf(operand), isVariable, (leaf) => given.push(leaf) - 1),
  );
  const since = creationMark();
  const placeholders = both(() => given.map(({ shape, dtype }) => input(shape, { dtype })));
  const isPlace = (value: unknown): value is number => typeof value === 'number';
  const traced = both((b) => {
    const stands = structures.map((each) => mapTree(each, isPlace, (place) => placeholders[b][place]));
    const result: unknown = (b === 0 ? ifTrue : ifFalse)(...(stands as unknown as Args));
    return flatten(result, 'result');
  });
  const results = alike(traced);
  const { shared } = makeChoice({
    predicate: condition,
    operands: given,
    branches: both((b): Branch => ({ placeholders: placeholders[b], shared: results[b], own: [] })),
    since,
  });
  return traced[0].fill(shared) as Chosen<T>;
}

/** @throws DTypeError or ShapeError unless it is a bool scalar */
export function predicateOf(operation: string, value: unknown): Variable {
  const predicate = toVariable(value as TensorLike);
  if (predicate.dtype !== 'bool') {
    throw new DTypeError(
      `${operation}: the condition is ${predicate.type}, not a bool; compare it (greater(x, 0))${at()}`,
    );
  }
  if (predicate.rank > 0) {
    throw new ShapeError(
      `${operation}: the condition is ${predicate.type}, not a scalar; reduce it (any, all), or choose element by element with where${at()}`,
    );
  }
  return predicate;
}

/** The leaves of both results, plain numbers in the dtype that the other branch gives. */
function alike([a, b]: readonly [Flat, Flat]): [Variable[], Variable[]] {
  if (a.paths.join() !== b.paths.join()) {
    const list = ({ paths }: Flat): string => (paths.length === 0 ? 'nothing' : paths.join(', '));
    throw new ShapeError(
      `cond: the first branch returns ${list(a)}, the second ${list(b)}; both must return the same structure${at()}`,
    );
  }
  const pairs = a.leaves.map((leaf, i): [Variable, Variable] => {
    const other = b.leaves[i];
    const first = toVariable(leaf, isVariable(other) ? other.dtype : undefined);
    const second = toVariable(other, first.dtype);
    if (first.dtype === second.dtype && sameShape(first.shape, second.shape)) return [first, second];
    const sameDType = first.dtype === second.dtype;
    throw new (sameDType ? ShapeError : DTypeError)(
      `cond: ${a.paths[i]} is ${first.type} in the first branch and ${second.type} in the second; ` +
        `${sameDType ? 'reshape or broadcast' : 'cast'} one of them${at()}`,
    );
  });
  return [pairs.map(([first]) => first), pairs.map(([, second]) => second)];
}
