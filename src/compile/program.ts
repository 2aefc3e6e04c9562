/**
 * A Program: what the compiler makes and a backend runs. It is plain data (structured-cloneable): it can be printed,
 * cached, and sent to a worker. All positions are in elements, all offsets of the arena in bytes.
 */
import type { Attributes, DType, Monoid, ScalarFunction, Shape, TypedArray } from '../graph/index.ts';

/** A block of memory. */
export interface Buffer {
  readonly dtype: DType;
  readonly length: number;
  /** Where it lies; arena offsets are set by the memory plan. */
  place: Place;
}

export type Place =
  /** Working memory, from `offset` bytes into the arena. */
  | { readonly kind: 'arena'; readonly offset: number }
  /** The storage of the n-th parameter. */
  | { readonly kind: 'parameter'; readonly index: number }
  /** The n-th constant, written once when the program is loaded. */
  | { readonly kind: 'constant'; readonly index: number }
  /** A buffer that the plan has not placed (nobody uses it). */
  | { readonly kind: 'nowhere' };

/** How a loop reads or writes a buffer: element `offset + sum_d i_d strides[d]` at iteration (i_0, i_1, ...). */
export interface Access {
  readonly buffer: number;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** One value of a loop's body, in terms of earlier ones (static single assignment). */
export type ScalarNode =
  | { readonly op: 'literal'; readonly dtype: DType; readonly value: number }
  | { readonly op: 'load'; readonly dtype: DType; readonly access: number }
  /** The affine value `offset + sum_d i_d strides[d]` of the iteration's own coordinates. */
  | {
      readonly op: 'index';
      readonly dtype: 'int32';
      readonly offset: number;
      readonly strides: readonly number[];
    }
  /** The result of a reduction of this kernel; only outside the reduced loops. */
  | { readonly op: 'accumulator'; readonly dtype: DType; readonly index: number }
  | { readonly op: 'cast'; readonly dtype: DType; readonly args: readonly [number] }
  | { readonly op: ScalarFunction; readonly dtype: DType; readonly args: readonly number[] };

/** Nested loops over `extents`: a map, or (with `reduced` > 0) reductions over the innermost axes and what follows. */
export interface LoopKernel {
  readonly kind: 'loop';
  readonly extents: readonly number[];
  /** How many of the innermost axes are reduced. */
  readonly reduced: number;
  readonly accesses: readonly Access[];
  readonly nodes: readonly ScalarNode[];
  /** Each combines the value of `node` over the reduced axes. */
  readonly accumulators: readonly { readonly monoid: Monoid; readonly node: number }[];
  readonly stores: readonly { readonly access: number; readonly node: number }[];
}

/** A matrix operand: `rows` and `columns` are the strides between rows and between columns. */
export interface MatrixAccess extends Access {
  readonly rows: number;
  readonly columns: number;
}

/** C = A B (or C += A B) for each index of the batch axes, over which the accesses' own strides run. */
export interface ProductKernel {
  readonly kind: 'product';
  readonly dtype: 'float32' | 'float64';
  readonly batch: Shape;
  readonly n: number;
  readonly m: number;
  readonly k: number;
  readonly a: MatrixAccess;
  readonly b: MatrixAccess;
  readonly c: MatrixAccess;
  readonly accumulate: boolean;
}

/** An operation's own loops over contiguous blocks. */
export interface RoutineKernel {
  readonly kind: 'routine';
  /** The user's line, for errors that only the numbers show. */
  readonly site: string;
  readonly operation: string;
  readonly attributes: Attributes;
  readonly inputs: readonly { readonly buffer: number; readonly shape: Shape }[];
  readonly outputs: readonly { readonly buffer: number; readonly shape: Shape }[];
}

export type Kernel = LoopKernel | ProductKernel | RoutineKernel;

export interface Program {
  readonly buffers: readonly Buffer[];
  /** In the order in which they run. */
  readonly kernels: readonly Kernel[];
  /** Buffers of the arguments, filled before a run. */
  readonly inputs: readonly number[];
  /** Buffers of the results, contiguous. */
  readonly outputs: readonly { readonly buffer: number; readonly shape: Shape; readonly dtype: DType }[];
  readonly parameters: readonly { readonly shape: Shape; readonly dtype: DType; readonly written: boolean }[];
  readonly constants: readonly TypedArray[];
  readonly arenaBytes: number;
}

/** The buffers that a kernel reads, and those that it writes. */
export function buffersOf(kernel: Kernel): { reads: number[]; writes: number[] } {
  switch (kernel.kind) {
    case 'loop': {
      const stored = new Set(kernel.stores.map(({ access }) => access));
      return {
        reads: kernel.accesses.filter((_, i) => !stored.has(i)).map(({ buffer }) => buffer),
        writes: kernel.stores.map(({ access }) => kernel.accesses[access].buffer),
      };
    }
    case 'product':
      return {
        reads: [kernel.a.buffer, kernel.b.buffer, ...(kernel.accumulate ? [kernel.c.buffer] : [])],
        writes: [kernel.c.buffer],
      };
    case 'routine':
      return {
        reads: kernel.inputs.map(({ buffer }) => buffer),
        writes: kernel.outputs.map(({ buffer }) => buffer),
      };
  }
}

/** The same kernels on other buffers. */
export function renameBuffers(kernels: readonly Kernel[], nameOf: (buffer: number) => number): Kernel[] {
  const rename = <T extends { readonly buffer: number }>(access: T): T => ({
    ...access,
    buffer: nameOf(access.buffer),
  });
  return kernels.map((kernel) => {
    switch (kernel.kind) {
      case 'loop':
        return { ...kernel, accesses: kernel.accesses.map(rename) };
      case 'product':
        return { ...kernel, a: rename(kernel.a), b: rename(kernel.b), c: rename(kernel.c) };
      case 'routine':
        return { ...kernel, inputs: kernel.inputs.map(rename), outputs: kernel.outputs.map(rename) };
    }
  });
}
