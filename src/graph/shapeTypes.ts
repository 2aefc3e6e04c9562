/**
 * Shapes at the type level. A literal tuple such as `[32, 784]` is checked by the compiler; `number` is accepted
 * wherever an extent is unknown, and `Shape` wherever the rank is. Nothing here multiplies numbers.
 */
import type { Shape } from './shape.ts';

/** The type of a shape mismatch: it appears in the compiler's message, and no value has it. */
export interface ShapeMismatch<Message extends string, A extends Shape, B extends Shape> {
  readonly mismatch: Message;
  readonly left: A;
  readonly right: B;
}

/** Whether the rank of a shape is known to the compiler. */
type KnownRank<S extends Shape> = number extends S['length'] ? false : true;

/** One broadcast extent, or never where the two can not meet. */
type BroadcastExtent<A extends number, B extends number> = number extends A
  ? B extends 1
    ? number
    : B
  : number extends B
    ? A extends 1
      ? number
      : A
    : A extends B
      ? A
      : A extends 1
        ? B
        : B extends 1
          ? A
          : never;

type BroadcastFromEnd<A extends Shape, B extends Shape, Out extends Shape> = A extends readonly [
  ...infer A0 extends Shape,
  infer ALast extends number,
]
  ? B extends readonly [...infer B0 extends Shape, infer BLast extends number]
    ? [BroadcastExtent<ALast, BLast>] extends [never]
      ? never
      : BroadcastFromEnd<A0, B0, readonly [BroadcastExtent<ALast, BLast>, ...Out]>
    : readonly [...A, ...Out]
  : readonly [...B, ...Out];

/** The broadcast shape of two shapes; `never` where they can not broadcast; `Shape` where a rank is unknown. */
export type Broadcast<A extends Shape, B extends Shape> =
  KnownRank<A> extends true
    ? KnownRank<B> extends true
      ? BroadcastFromEnd<A, B, readonly []>
      : Shape
    : Shape;

type Agree<A extends number, B extends number> = number extends A
  ? true
  : number extends B
    ? true
    : A extends B
      ? true
      : false;

/** The shape of `matmul` for two matrices of known rank; `never` where the inner extents differ; else `Shape`. */
export type MatmulShape<A extends Shape, B extends Shape> =
  KnownRank<A> extends true
    ? KnownRank<B> extends true
      ? A extends readonly [infer N extends number, infer K extends number]
        ? B extends readonly [infer L extends number, infer M extends number]
          ? Agree<K, L> extends true
            ? readonly [N, M]
            : never
          : Shape
        : Shape
      : Shape
    : Shape;
