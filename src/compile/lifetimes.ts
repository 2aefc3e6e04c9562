/** When each buffer of the arena holds something, and how much must be held at one time. */
import { BYTES } from '../graph/index.ts';
import {
  type Access,
  type Buffer,
  buffersOf,
  type Kernel,
  type LoopKernel,
  type Program,
  type RowsKernel,
} from './program.ts';
import { windowOf } from './windows.ts';

/** Buffers start at multiples of this, so that SIMD loads stay within a cache line. */
const ALIGNMENT = 64;

/** The next multiple of the alignment. */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** What a buffer takes of the arena, in bytes; nothing if it has a place elsewhere. */
export function arenaBytesOf({ length, dtype, place }: Buffer): number {
  if (place.kind !== 'arena' && place.kind !== 'nowhere') return 0;
  return alignUp(Math.max(1, length) * BYTES[dtype]);
}

/**
 * Memory that is needed from step `first` to step `last`, both included. Inputs are filled in step 0, kernel k runs in step
 * k + 1, and results are read in the step after the last kernel.
 */
export interface LiveRange {
  /** The buffers that hold it, one after another: each but the first is stored over the one before it. */
  readonly buffers: readonly number[];
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/**
 * The ranges in which buffers of the arena are alive: inputs from the start, results to the end, all others from their first
 * write to their last use. A loop stores a result over an operand that it uses last, wherever it can, and the two are one
 * range.
 * @param inputs buffers that are filled before the first kernel
 * @param results buffers that must survive the last one
 */
export function liveRanges(
  buffers: readonly Buffer[],
  kernels: readonly Kernel[],
  inputs: readonly number[],
  results: Iterable<number>,
): LiveRange[] {
  const uses = kernels.map(buffersOf);
  const first = new Map(inputs.map((buffer) => [buffer, 0]));
  const last = new Map(first);
  uses.forEach(({ reads, writes }, position) => {
    for (const buffer of writes) if (!first.has(buffer)) first.set(buffer, position + 1);
    for (const buffer of [...reads, ...writes]) last.set(buffer, position + 1);
  });
  for (const buffer of results) last.set(buffer, kernels.length + 1);

  type Growing = LiveRange & { readonly buffers: number[]; last: number };
  const ranges: Growing[] = [];
  const rangeOf = new Map<number, Growing>();
  for (const [buffer, step] of first) {
    const bytes = arenaBytesOf(buffers[buffer]);
    if (bytes === 0) continue;
    const kernel = kernels[step - 1];
    const end = last.get(buffer) as number;
    /** The range of an operand that ends here, over which nothing is stored yet. */
    const endingAt = (operand: number): Growing | undefined => {
      const range = rangeOf.get(operand);
      const ends = range?.buffers.at(-1) === operand && range.last === step && first.get(operand) !== step;
      return ends ? range : undefined;
    };
    // The operands that one result could be stored over, another one either could as well, all of them, or none (sizes and
    // strides must agree), so taking the first is no loss to others.
    const old =
      kernel?.kind === 'loop' || kernel?.kind === 'rows'
        ? uses[step - 1].reads.find(
            (operand) => endingAt(operand)?.bytes === bytes && canOverwrite(kernel, operand, buffer, buffers),
          )
        : undefined;
    const range = old === undefined ? undefined : rangeOf.get(old);
    if (range === undefined) {
      const fresh = { buffers: [buffer], bytes, first: step, last: end };
      ranges.push(fresh);
      rangeOf.set(buffer, fresh);
    } else {
      range.buffers.push(buffer);
      range.last = end;
      rangeOf.set(buffer, range);
    }
  }
  return ranges;
}

/**
 * Whether `next` may be stored over `old`: a loop reads `old` only at the very element of `next` that it stores in the same
 * step; of loops that go row by row, those which read a row of `old` come before the one that stores this row of `next`.
 */
function canOverwrite(
  kernel: LoopKernel | RowsKernel,
  old: number,
  next: number,
  buffers: readonly Buffer[],
): boolean {
  if (BYTES[buffers[old].dtype] !== BYTES[buffers[next].dtype]) return false;
  const loops = kernel.kind === 'rows' ? kernel.loops : [kernel];
  return loops.every((reader, i) =>
    reader.accesses.every(
      (read) =>
        read.buffer !== old ||
        loops.every((writer, j) =>
          writer.stores.every(({ access }) => {
            const store = writer.accesses[access];
            if (store.buffer !== next) return true;
            if (i === j) return writer.reduced === 0 && areSame(read, store);
            return (
              i < j && read.strides[0] === store.strides[0] && isRow(read, reader) && isRow(store, writer)
            );
          }),
        ),
    ),
  );
}

function areSame(a: Access, b: Access): boolean {
  return a.offset === b.offset && a.strides.every((stride, axis) => stride === b.strides[axis]);
}

/** Whether what a loop uses of a buffer for row r lies between r and r + 1 times the step from row to row. */
function isRow(access: Access, { extents }: LoopKernel): boolean {
  const { low, high } = windowOf(access, extents);
  return low >= 0 && high < access.strides[0];
}

/** The largest number of bytes that ranges hold in one step. */
export function mostAlive(ranges: readonly LiveRange[]): number {
  const changes: number[] = [];
  for (const { bytes, first, last } of ranges) {
    changes[first] = (changes[first] ?? 0) + bytes;
    changes[last + 1] = (changes[last + 1] ?? 0) - bytes;
  }
  let [alive, most] = [0, 0];
  for (const change of changes) {
    alive += change ?? 0;
    most = Math.max(most, alive);
  }
  return most;
}

/**
 * The least working memory in which the kernels of a program could run in their order, in bytes: the most that is alive while
 * one of them runs, a result and the operand that it may be stored over counted once. `arenaBytes` of a program is at least as
 * large; it is larger where buffers that never meet leave gaps between others.
 *
 * Blocks that a kernel runs count by the memory that they were given, which is one buffer of the program.
 */
export function livenessBound({
  buffers,
  kernels,
  inputs,
  outputs,
}: Pick<Program, 'buffers' | 'kernels' | 'inputs' | 'outputs'>): number {
  const results = outputs.map(({ buffer }) => buffer);
  return mostAlive(liveRanges(buffers, kernels, inputs, results));
}
