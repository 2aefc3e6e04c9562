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
  /** In a block: `offset + t step` bytes into an operand of the kernel that runs the block for the t-th time. */
  | { readonly kind: 'outer'; readonly operand: number; readonly offset: number; readonly step: number }
  /**
   * `offset` bytes into the workspace of the thread that computes it: what the loops of one {@link RowsKernel} leave for one
   * another. There is room for one chunk; each begins where the buffer does.
   */
  | { readonly kind: 'workspace'; readonly offset: number }
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
  /**
   * The result of a reduction of this kernel; only outside the reduced loops. A sum of float32 is gathered in float64: as
   * float64, it is that total, which is not rounded.
   */
  | { readonly op: 'accumulator'; readonly dtype: DType; readonly index: number }
  | { readonly op: 'cast'; readonly dtype: DType; readonly args: readonly [number] }
  | { readonly op: ScalarFunction; readonly dtype: DType; readonly args: readonly number[] };

/** What kernels have in common. */
interface Timed {
  /** What it computes: positions in the list of applications that the compiler hands out beside the program. */
  readonly origins?: readonly number[];
  /** Buffers that must have been written before it runs, though it reads nothing of them. */
  readonly waits?: readonly number[];
}

/** Nested loops over `extents`: a map, or (with `reduced` > 0) reductions over the innermost axes and what follows. */
export interface LoopKernel extends Timed {
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

/**
 * Loops over the same rows (their axis 0, which none of them reduces), `chunk` of them at a time: all loops pass over the
 * first chunk, then all over the next. No loop uses what another one has written for a row of another chunk, so chunks
 * may run in any order and at once.
 */
export interface RowsKernel extends Timed {
  readonly kind: 'rows';
  readonly rows: number;
  readonly chunk: number;
  readonly loops: readonly LoopKernel[];
  /** What the buffers in the workspace take. */
  readonly workspaceBytes: number;
}

/** Whether a node is a total in float64 of terms in float32. */
export function isWideTotal({ nodes, accumulators }: LoopKernel, node: ScalarNode): boolean {
  return node.op === 'accumulator' && node.dtype !== nodes[accumulators[node.index].node].dtype;
}

/** A matrix operand: `rows` and `columns` are the strides between rows and between columns. */
export interface MatrixAccess extends Access {
  readonly rows: number;
  readonly columns: number;
}

/** The number `scale`, times the one at the scalar access `by` if there is one. A `scale` of 0 is 0 whatever that is. */
export interface Factor {
  readonly scale: number;
  readonly by?: Access;
}

/**
 * C = alpha A B + beta C for each index of the batch axes, over which the accesses' own strides run. C is read only where
 * the scale of beta is not 0.
 */
export interface ProductKernel extends Timed {
  readonly kind: 'product';
  readonly dtype: 'float32' | 'float64';
  readonly batch: Shape;
  readonly n: number;
  readonly m: number;
  readonly k: number;
  readonly a: MatrixAccess;
  readonly b: MatrixAccess;
  readonly c: MatrixAccess;
  /** Read, like that of beta, in the type of the product. */
  readonly alpha: Factor;
  readonly beta: Factor;
}

/** Contiguous elements of a buffer, from `offset` on. */
export interface Operand {
  readonly buffer: number;
  readonly offset: number;
  readonly shape: Shape;
}

/** An operation's own loops over contiguous blocks. */
export interface RoutineKernel extends Timed {
  readonly kind: 'routine';
  /** The user's line, for errors that only the numbers show. */
  readonly site: string;
  readonly operation: string;
  readonly attributes: Attributes;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
}

/** Kernels on buffers of their own. */
export interface Block {
  readonly buffers: readonly Buffer[];
  /** In the order in which they run. */
  readonly kernels: readonly Kernel[];
  /** Written once when the program is loaded. */
  readonly constants: readonly TypedArray[];
}

/** What kernels that run blocks have in common. */
interface Structured extends Timed {
  /** The buffers that the blocks' places name by their positions here. */
  readonly operands: readonly number[];
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** The buffer that is the blocks' arena. */
  readonly workspace: number;
}

/** A block run again and again. */
export interface RepeatKernel extends Structured {
  readonly kind: 'repeat';
  readonly block: Block;
  /** How often, at most; without limit if absent. */
  readonly rounds?: number;
  /** A bool that must be true before each round. */
  readonly condition?: Access;
}

/** The first block if a bool is true, else the second. */
export interface ChooseKernel extends Structured {
  readonly kind: 'choose';
  readonly condition: Access;
  readonly blocks: readonly [Block, Block];
}

export type Kernel = LoopKernel | RowsKernel | ProductKernel | RoutineKernel | RepeatKernel | ChooseKernel;

export interface Program extends Block {
  /** Buffers of the arguments, filled before a run. */
  readonly inputs: readonly number[];
  /** Buffers of the results, contiguous. */
  readonly outputs: readonly { readonly buffer: number; readonly shape: Shape; readonly dtype: DType }[];
  readonly parameters: readonly { readonly shape: Shape; readonly dtype: DType; readonly written: boolean }[];
  readonly arenaBytes: number;
  /** What each thread needs beside it. */
  readonly workspaceBytes: number;
}

/** The buffers that a kernel reads, and those that it writes. */
export function buffersOf(kernel: Kernel): { reads: number[]; writes: number[] } {
  switch (kernel.kind) {
    case 'loop': {
      const { accesses, stores } = kernel;
      const stored = new Array<boolean>(accesses.length).fill(false);
      for (const { access } of stores) stored[access] = true;
      const reads: number[] = [];
      accesses.forEach(({ buffer }, i) => {
        if (!stored[i]) reads.push(buffer);
      });
      return { reads, writes: stores.map(({ access }) => accesses[access].buffer) };
    }
    case 'rows': {
      const each = kernel.loops.map(buffersOf);
      return {
        reads: each.flatMap(({ reads }) => reads),
        writes: each.flatMap(({ writes }) => writes),
      };
    }
    case 'product': {
      const { a, b, c, alpha, beta } = kernel;
      const read = [a, b, ...(beta.scale === 0 ? [] : [c]), alpha.by, beta.by];
      return {
        reads: read.flatMap((access) => (access === undefined ? [] : [access.buffer])),
        writes: [c.buffer],
      };
    }
    case 'routine':
      return {
        reads: kernel.inputs.map(({ buffer }) => buffer),
        writes: kernel.outputs.map(({ buffer }) => buffer),
      };
    case 'repeat':
    case 'choose':
      return { reads: [...kernel.reads], writes: [...kernel.writes] };
  }
}

/** The blocks that a kernel runs. */
export function blocksOf(kernel: Kernel): readonly Block[] {
  return kernel.kind === 'repeat' ? [kernel.block] : kernel.kind === 'choose' ? kernel.blocks : [];
}

/** What each thread that runs these kernels needs of a workspace, in bytes. */
export function workspaceBytesOf(kernels: readonly Kernel[]): number {
  return kernels.reduce((most, kernel) => {
    const inside = blocksOf(kernel).map((block) => workspaceBytesOf(block.kernels));
    return Math.max(most, kernel.kind === 'rows' ? kernel.workspaceBytes : 0, ...inside);
  }, 0);
}

/** The same kernels on other buffers. */
export function renameBuffers(kernels: readonly Kernel[], nameOf: (buffer: number) => number): Kernel[] {
  const rename = <T extends { readonly buffer: number }>(access: T): T => ({
    ...access,
    buffer: nameOf(access.buffer),
  });
  const renameFactor = ({ scale, by }: Factor): Factor =>
    by === undefined ? { scale } : { scale, by: rename(by) };
  return kernels.map((each) => {
    const kernel = each.waits === undefined ? each : { ...each, waits: each.waits.map(nameOf) };
    switch (kernel.kind) {
      case 'loop':
        return { ...kernel, accesses: kernel.accesses.map(rename) };
      case 'rows':
        return { ...kernel, loops: renameBuffers(kernel.loops, nameOf) as LoopKernel[] };
      case 'product': {
        const { a, b, c, alpha, beta } = kernel;
        return {
          ...kernel,
          a: rename(a),
          b: rename(b),
          c: rename(c),
          alpha: renameFactor(alpha),
          beta: renameFactor(beta),
        };
      }
      case 'routine':
        return { ...kernel, inputs: kernel.inputs.map(rename), outputs: kernel.outputs.map(rename) };
      case 'repeat':
      case 'choose': {
        const { operands, reads, writes, workspace, condition } = kernel;
        return {
          ...kernel,
          operands: operands.map(nameOf),
          reads: reads.map(nameOf),
          writes: writes.map(nameOf),
          workspace: nameOf(workspace),
          ...(condition !== undefined && { condition: rename(condition) }),
        };
      }
    }
  });
}
