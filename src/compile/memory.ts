/** The memory plan: buffers whose lifetimes do not meet share an address; a map may write over what it reads last. */
import { BYTES } from '../graph/index.ts';
import { type Buffer, buffersOf, type Kernel, type LoopKernel, type Place } from './program.ts';

/** Buffers start at multiples of this, so that SIMD loads stay within a cache line. */
const ALIGNMENT = 64;

/** The next multiple of the alignment. */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** What a buffer takes of the arena; nothing if it has a place elsewhere. */
export function arenaBytesOf({ length, dtype, place }: Buffer): number {
  return place.kind === 'arena' || place.kind === 'nowhere' ? alignUp(Math.max(1, length) * BYTES[dtype]) : 0;
}

/**
 * Places every buffer that has no place yet into the arena, by liveness and best fit.
 * @param inputs buffers that are filled before the first kernel
 * @param results buffers that must survive the last one
 * @returns the arena's size in bytes
 */
export function planMemory(
  buffers: readonly Buffer[],
  kernels: readonly Kernel[],
  inputs: readonly number[],
  results: ReadonlySet<number>,
): number {
  const lastUse = new Map<number, number>();
  const uses = kernels.map(buffersOf);
  uses.forEach(({ reads, writes }, position) => {
    for (const buffer of [...reads, ...writes]) lastUse.set(buffer, position);
  });
  for (const buffer of results) lastUse.set(buffer, kernels.length);

  const arena = new Arena();
  const size = (buffer: number): number => arenaBytesOf(buffers[buffer]);
  const placed = (buffer: number): boolean => buffers[buffer].place.kind !== 'nowhere';
  const place = (buffer: number, offset: number): void => {
    (buffers[buffer] as { place: Place }).place = { kind: 'arena', offset };
  };
  const inArena = (buffer: number): { offset: number } | undefined => {
    const { place: where } = buffers[buffer];
    return where.kind === 'arena' ? where : undefined;
  };

  const taken = new Set<number>();
  for (const buffer of inputs) {
    if (!placed(buffer)) place(buffer, arena.take(size(buffer)));
  }
  kernels.forEach((kernel, position) => {
    const { reads, writes } = uses[position];
    const dying = reads.filter((buffer) => lastUse.get(buffer) === position && inArena(buffer) !== undefined);
    for (const buffer of writes) {
      if (placed(buffer)) continue;
      const reused =
        kernel.kind === 'loop'
          ? dying.find(
              (old) =>
                !taken.has(old) && size(old) === size(buffer) && canOverwrite(kernel, old, buffer, buffers),
            )
          : undefined;
      if (reused !== undefined) {
        taken.add(reused);
        place(buffer, (inArena(reused) as { offset: number }).offset);
      } else place(buffer, arena.take(size(buffer)));
    }
    for (const buffer of [...dying, ...writes]) {
      const where = inArena(buffer);
      if (where === undefined || lastUse.get(buffer) !== position || taken.has(buffer)) continue;
      arena.release(where.offset, size(buffer));
      lastUse.delete(buffer); // it may be named twice
    }
  });
  return arena.size;
}

/** Whether a loop reads `old` only at the very element of `next` that it stores in the same step. */
function canOverwrite(kernel: LoopKernel, old: number, next: number, buffers: readonly Buffer[]): boolean {
  if (BYTES[buffers[old].dtype] !== BYTES[buffers[next].dtype] || kernel.reduced > 0) return false;
  const stores = kernel.stores
    .map(({ access }) => kernel.accesses[access])
    .filter(({ buffer }) => buffer === next);
  return kernel.accesses
    .filter(({ buffer }) => buffer === old)
    .every((read) =>
      stores.every(
        (store) =>
          store.offset === read.offset &&
          store.strides.every((stride, axis) => stride === read.strides[axis]),
      ),
    );
}

/** Free blocks of a growing range, kept in order of address. */
class Arena {
  size = 0;
  private readonly free: { offset: number; bytes: number }[] = [];

  /** The offset of a free block of at least `bytes`: the smallest that fits, or fresh memory at the end. */
  take(bytes: number): number {
    let best = -1;
    this.free.forEach((block, i) => {
      if (block.bytes >= bytes && (best < 0 || block.bytes < this.free[best].bytes)) best = i;
    });
    if (best >= 0) {
      const block = this.free[best];
      const { offset } = block;
      if (block.bytes === bytes) this.free.splice(best, 1);
      else {
        block.offset += bytes;
        block.bytes -= bytes;
      }
      return offset;
    }
    const last = this.free.at(-1);
    if (last !== undefined && last.offset + last.bytes === this.size) {
      this.free.pop();
      this.size = last.offset + bytes;
      return last.offset;
    }
    this.size += bytes;
    return this.size - bytes;
  }

  release(offset: number, bytes: number): void {
    let i = this.free.findIndex((block) => block.offset > offset);
    if (i < 0) i = this.free.length;
    this.free.splice(i, 0, { offset, bytes });
    const next = this.free[i + 1];
    if (next !== undefined && offset + bytes === next.offset) {
      this.free[i].bytes += next.bytes;
      this.free.splice(i + 1, 1);
    }
    const before = this.free[i - 1];
    if (before !== undefined && before.offset + before.bytes === offset) {
      before.bytes += this.free[i].bytes;
      this.free.splice(i, 1);
    }
  }
}
