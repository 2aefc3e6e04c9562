/**
 * How an operation's numbers come about, in terms that no backend owns. A backend that understands these nine
 * words can run every operation.
 */
import type { Attributes } from './attributes.ts';
import type { DType, TypedArray } from './dtype.ts';
import type { Shape } from './shape.ts';

/**
 * The scalar language: a formula written against it can be computed (T = number), or turned into kernel code
 * (T = an expression), without being written twice.
 */
export interface ScalarLanguage<T> {
  /** A constant in the dtype of the formula's operands. */
  literal(value: number): T;
  /** The coordinate of the element along `axis` of the output. */
  index(axis: number): T;
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  div(a: T, b: T): T;
  neg(x: T): T;
  abs(x: T): T;
  sqrt(x: T): T;
  floor(x: T): T;
  ceil(x: T): T;
  /** To the nearest integer, ties to even. */
  round(x: T): T;
  /** NaN if either is NaN. */
  min(a: T, b: T): T;
  /** NaN if either is NaN. */
  max(a: T, b: T): T;
  exp(x: T): T;
  expm1(x: T): T;
  log(x: T): T;
  log1p(x: T): T;
  sin(x: T): T;
  cos(x: T): T;
  tan(x: T): T;
  asin(x: T): T;
  acos(x: T): T;
  atan(x: T): T;
  sinh(x: T): T;
  cosh(x: T): T;
  tanh(x: T): T;
  sigmoid(x: T): T;
  erf(x: T): T;
  pow(a: T, b: T): T;
  eq(a: T, b: T): T;
  ne(a: T, b: T): T;
  lt(a: T, b: T): T;
  le(a: T, b: T): T;
  and(a: T, b: T): T;
  or(a: T, b: T): T;
  not(a: T): T;
  /** `a` where the bool `condition` holds, else `b`. */
  select(condition: T, a: T, b: T): T;
  cast(x: T, dtype: DType): T;
}

/** The names of the scalar language's functions of values. */
export type ScalarFunction = Exclude<keyof ScalarLanguage<unknown>, 'literal' | 'index' | 'cast'>;

/** An associative way to combine elements, with a neutral element. */
export type Monoid = 'sum' | 'prod' | 'max' | 'min' | 'any' | 'all';

/** An affine index map: element (i0, i1, ...) stands at `offset + sum_k i_k * strides[k]`, in elements. */
export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Numbers in row-major order, for routines. */
export interface Block {
  readonly shape: Shape;
  readonly data: TypedArray;
}

/** One input copied into a strided region of the output. */
export interface Region {
  readonly input: number;
  readonly offset: number;
  readonly strides: readonly number[];
}

/**
 * A function of its own as a graph: `outputs` depend on nothing but `inputs`, placeholders that occur nowhere else, and
 * on scalar constants.
 */
export interface Body<V> {
  readonly inputs: readonly V[];
  readonly outputs: readonly V[];
}

/** What is left of an operation where not all of its results are read. */
export interface Narrowed<V> {
  /** The inputs that it still reads, by position. */
  readonly inputs: readonly number[];
  /** Applied to those inputs, gives the results; undefined for those that are not read. */
  apply(inputs: readonly V[]): readonly (V | undefined)[];
}

/**
 * A body run again and again. The body's inputs, and those of the operation, are in this order: `carries` values that
 * each round hands on to the next; `slices`, which the operation has for all rounds along axis 0 and the body one by
 * one; and what is the same in each round. The outputs: the carries, for the next round and after the last; then what
 * the operation stacks along axis 0, round by round.
 */
export interface Iteration<V> {
  readonly kind: 'iteration';
  readonly body: Body<V>;
  readonly carries: number;
  readonly slices: number;
  /** The rounds go on while the first carry, a bool, is true; nothing is sliced or stacked. */
  readonly conditional: boolean;
  narrow(used: readonly boolean[], attributes: Attributes): Narrowed<V>;
}

/** What an iteration's attributes say. */
export interface Rounds {
  /** How many; at most so many of a conditional iteration, or without limit if absent. */
  readonly length?: number;
  /** Round t sees, and stacks, element `length - 1 - t`. */
  readonly reverse?: boolean;
}

/**
 * One of two bodies: the first if the first input (a bool scalar) is true. Both bodies see the other inputs, all of
 * them. The outputs: `shared` that both bodies compute; then those that only the first body computes, then those of
 * only the second, which have no meaning where the other body ran.
 */
export interface Choice<V> {
  readonly kind: 'choice';
  readonly bodies: readonly [Body<V>, Body<V>];
  readonly shared: number;
  narrow(used: readonly boolean[], attributes: Attributes): Narrowed<V>;
}

/** What a composition consists of: an expression for each output. */
export function expansionOf<A, V>(
  { expand }: Extract<Computation<A, V>, { kind: 'composition' }>,
  inputs: readonly V[],
  attributes: A,
): readonly V[] {
  const expanded = expand(inputs, attributes);
  return Array.isArray(expanded) ? expanded : [expanded as V];
}

export type Computation<A, V = unknown> =
  /** One scalar formula per element of the broadcast shape. */
  | { readonly kind: 'elementwise'; formula<T>(k: ScalarLanguage<T>, inputs: readonly T[], attributes: A): T }
  /** Elements along `attributes.axes` combined. */
  | { readonly kind: 'reduction'; readonly monoid: Monoid }
  /**
   * No computation: another way to index the first input's elements; undefined where that takes a copy first. Other inputs
   * are not read, but must be known before.
   */
  | { readonly kind: 'view'; view(input: View, output: Shape, attributes: A): View | undefined }
  /** Inputs laid into regions of the output; what no region covers is `fill`. */
  | {
      readonly kind: 'assembly';
      regions(inputs: readonly Shape[], output: Shape, attributes: A): readonly Region[];
      fill(attributes: A): number | undefined;
    }
  /** Matrix product of the last two axes, for each index of the equal leading axes. */
  | { readonly kind: 'product' }
  /** A composition of other operations: an expression, or one for each output. */
  | { readonly kind: 'composition'; expand(inputs: readonly V[], attributes: A): V | readonly V[] }
  /** Loops of its own, in terms of typed arrays. */
  | {
      readonly kind: 'routine';
      run(inputs: readonly Block[], outputs: readonly Block[], attributes: A): void;
    }
  | Iteration<V>
  | Choice<V>;
