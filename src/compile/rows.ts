/**
 * Loops cut into chunks. A large loop runs over a few rows of its outermost axis at a time, and loops that follow one another
 * over the same rows do so together: what one leaves for the next stays in the cache, and where nobody else reads it, it
 * takes no more memory than a chunk. Threads share out the chunks. Their size depends on the program alone, so nothing that
 * is computed depends on how many threads there are.
 */
import { BYTES } from '../graph/index.ts';
import { alignUp } from './lifetimes.ts';
import { type Buffer, buffersOf, type Kernel, type LoopKernel, type RowsKernel } from './program.ts';
import { windowOf } from './windows.ts';
import { workOf } from './work.ts';

/** A loop that takes less time than this (in nanoseconds, roughly) is not worth a second thread. */
const WORTHWHILE = 4000;

/** Rough times, in nanoseconds: of an addition among four lanes, and of a byte on its way to or from a near cache. */
const TIME_OF_ADDITION = 0.06;
const TIME_OF_BYTE = 0.1;

/** What the rows of a chunk should take in bytes where several loops pass over them: it fits a second-level cache. */
const CHUNK_BYTES = 128 * 1024;

/** Chunks to be shared out; a number that many numbers of threads divide. */
const CHUNKS = 24;

/** Loops join only where there are at least so many rows to share out. */
const FEWEST_ROWS = 8;

/** So many loops go together at most: each that joins is compared with all the others. */
const MOST_LOOPS = 64;

/** A chunk of single elements is a multiple of this, so that vectors fill it. */
const ELEMENTS = 64;

/**
 * Cuts the worthwhile loops among `kernels`, which are in their final order, into chunks.
 * @param kept buffers that are read after the last kernel
 */
export function cutIntoRows(
  kernels: readonly Kernel[],
  buffers: readonly Buffer[],
  kept: ReadonlySet<number>,
): Kernel[] {
  const out: Kernel[] = [];
  let group: Group | undefined;
  const close = (): void => {
    if (group !== undefined) out.push(...group.finish(buffers));
    group = undefined;
  };
  for (const kernel of kernels) {
    if (kernel.kind !== 'loop' || kernel.extents.includes(0)) {
      close();
      out.push(kernel);
      continue;
    }
    const joined = group?.join(kernel);
    if (joined === undefined) close();
    group = joined ?? Group.of(kernel);
  }
  close();
  return withPrivates(out, buffers, kept);
}

/** Loops one after another over the same rows. */
class Group {
  private readonly loops: readonly LoopKernel[];
  /** The numbers of rows into which all of them can be cut, in ascending order. */
  private readonly choices: readonly number[];

  private constructor(loops: readonly LoopKernel[], choices: readonly number[]) {
    this.loops = loops;
    this.choices = choices;
  }

  static of(loop: LoopKernel): Group {
    return new Group([loop], [...cutsOf(loop).keys()]);
  }

  /** The group with one more loop, if some cut keeps each row's numbers to itself. */
  join(loop: LoopKernel): Group | undefined {
    if (this.loops.length === MOST_LOOPS) return undefined;
    const cuts = cutsOf(loop);
    const loops = [...this.loops, loop];
    const choices = this.choices.filter(
      (rows) => rows >= FEWEST_ROWS && cuts.has(rows) && rowsAreApart(loops.map((each) => cut(each, rows))),
    );
    return choices.length > 0 ? new Group(loops, choices) : undefined;
  }

  finish(buffers: readonly Buffer[]): Kernel[] {
    const { loops } = this;
    const rows = this.choices.at(-1) ?? 1;
    const time = loops.reduce((total, loop) => total + timeOf(loop, buffers), 0);
    if (rows === 1 || time < WORTHWHILE) return [...loops];
    const members = loops.map((loop) => cut(loop, rows));
    const chunk = chunkOf(members, rows, buffers);
    if (chunk === rows) return [...loops];
    const waits = [...new Set(loops.flatMap((loop) => loop.waits ?? []))];
    return [
      { kind: 'rows', rows, chunk, loops: members, workspaceBytes: 0, ...(waits.length > 0 && { waits }) },
    ];
  }
}

/** A rough time of a loop, in nanoseconds. */
function timeOf(loop: LoopKernel, buffers: readonly Buffer[]): number {
  const { cost, bytes } = workOf(loop, buffers);
  return Math.max(cost * TIME_OF_ADDITION, bytes * TIME_OF_BYTE);
}

/** How many of the outermost axes melt into one of so many rows, by that number. */
function cutsOf({ extents, reduced, accesses, nodes }: LoopKernel): Map<number, number> {
  const cuts = new Map<number, number>();
  const walks = [
    ...accesses.map(({ strides }) => strides),
    ...nodes.flatMap((node) => (node.op === 'index' ? [node.strides] : [])),
  ];
  let rows = 1;
  for (let axes = 1; axes <= extents.length - reduced; axes++) {
    const [outer, inner] = [axes - 2, axes - 1];
    if (axes > 1 && walks.some((strides) => strides[outer] !== strides[inner] * extents[inner])) break;
    rows *= extents[inner];
    cuts.set(rows, axes);
  }
  return cuts;
}

/** The loop with its outermost axes melted into one of `rows`. */
function cut(loop: LoopKernel, rows: number): LoopKernel {
  const axes = cutsOf(loop).get(rows) as number;
  const melt = (strides: readonly number[]): number[] => strides.slice(axes - 1);
  return {
    ...loop,
    extents: [rows, ...loop.extents.slice(axes)],
    accesses: loop.accesses.map((access) => ({ ...access, strides: melt(access.strides) })),
    nodes: loop.nodes.map((node) => (node.op === 'index' ? { ...node, strides: melt(node.strides) } : node)),
  };
}

/** Whether what one loop writes and another uses belongs to the same row in both, so that they may go row by row. */
function rowsAreApart(loops: readonly LoopKernel[]): boolean {
  const windows = new Map<number, { readonly row: number; low: number; high: number; apart: boolean }>();
  const written = new Set<number>();
  for (const { accesses, extents, stores } of loops) {
    for (const { access } of stores) written.add(accesses[access].buffer);
    for (const access of accesses) {
      const [row] = access.strides;
      const { low, high } = windowOf(access, extents);
      const known = windows.get(access.buffer);
      if (known === undefined) windows.set(access.buffer, { row, low, high, apart: true });
      else {
        known.apart &&= known.row === row;
        known.low = Math.min(known.low, low);
        known.high = Math.max(known.high, high);
      }
    }
  }
  return [...written].every((buffer) => {
    const window = windows.get(buffer);
    return window?.apart && window.high - window.low < Math.abs(window.row);
  });
}

/** How many rows to take at a time. */
function chunkOf(loops: readonly LoopKernel[], rows: number, buffers: readonly Buffer[]): number {
  const even = Math.ceil(rows / CHUNKS);
  if (loops.every(({ extents }) => extents.length === 1)) {
    const elements = loops.length === 1 ? even : Math.min(even, CHUNK_BYTES / 16);
    return Math.min(rows, Math.ceil(elements / ELEMENTS) * ELEMENTS);
  }
  const wanted =
    loops.length === 1 ? even : Math.min(even, Math.ceil(CHUNK_BYTES / bytesOfRow(loops, buffers)));
  // Where the rows divide without a rest, there is one piece of code less.
  for (let chunk = wanted; chunk > wanted / 2; chunk--) if (rows % chunk === 0) return chunk;
  return wanted;
}

function bytesOfRow(loops: readonly LoopKernel[], buffers: readonly Buffer[]): number {
  const bytes = new Map<number, number>();
  for (const { accesses, extents } of loops)
    for (const access of accesses) {
      const { low, high } = windowOf(access, extents);
      const { dtype } = buffers[access.buffer];
      bytes.set(access.buffer, Math.max(bytes.get(access.buffer) ?? 0, (high - low + 1) * BYTES[dtype]));
    }
  return [...bytes.values()].reduce((total, each) => total + each, 0);
}

/**
 * Gives buffers that only one kernel uses, row by row, a place in the workspace of the thread that runs a chunk. What
 * lies there is written before it is read, in every chunk.
 */
function withPrivates(
  kernels: readonly Kernel[],
  buffers: readonly Buffer[],
  kept: ReadonlySet<number>,
): Kernel[] {
  /** The only kernel that uses a buffer, or undefined where there are several. */
  const users = new Map<number, Kernel | undefined>();
  for (const kernel of kernels) {
    const { reads, writes } = buffersOf(kernel);
    for (const buffer of [...reads, ...writes])
      users.set(buffer, !users.has(buffer) || users.get(buffer) === kernel ? kernel : undefined);
  }
  return kernels.map((kernel) => {
    if (kernel.kind !== 'rows') return kernel;
    let workspaceBytes = 0;
    for (const buffer of new Set(buffersOf(kernel).writes)) {
      const { dtype, place } = buffers[buffer];
      if (place.kind !== 'nowhere' || kept.has(buffer) || users.get(buffer) !== kernel) continue;
      const bytes = elementsOfChunk(kernel, buffer) * BYTES[dtype];
      // Rows beyond all caches are not worth a copy for each thread.
      if (bytes > 4 * CHUNK_BYTES) continue;
      buffers[buffer].place = { kind: 'workspace', offset: workspaceBytes };
      workspaceBytes = alignUp(workspaceBytes + bytes);
    }
    return { ...kernel, workspaceBytes };
  });
}

/** How many elements of a buffer the first chunk reaches. */
function elementsOfChunk({ loops, chunk }: RowsKernel, buffer: number): number {
  const used = loops.flatMap((loop) =>
    loop.accesses
      .filter((access) => access.buffer === buffer)
      .map((access) => {
        const { high } = windowOf(access, loop.extents);
        return high + 1 + (chunk - 1) * Math.max(0, access.strides[0]);
      }),
  );
  return Math.max(...used);
}
