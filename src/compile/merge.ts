/**
 * Loops over the same elements become one: a map after a map, a map after the reduction it reads (its epilogue), and
 * reductions of one extent. What the second loop reads of the first stays in a register.
 */
import { Expression } from './expression.ts';
import { type Access, buffersOf, type Kernel, type LoopKernel, type ScalarNode } from './program.ts';

/** A merged body beyond this many nodes would not stay in registers anyway. */
const LARGEST_BODY = 256;

/** How far back a loop looks for another one that reads the same memory. */
const WINDOW = 16;

/**
 * Merges loops wherever order and extents allow.
 * @param results buffers whose contents must survive
 */
export function mergeLoops(kernels: readonly Kernel[], results: ReadonlySet<number>): Kernel[] {
  const merged: Kernel[] = [];
  /** Position in `merged` of the last kernel that writes each buffer. */
  const writer = new Map<number, number>();
  for (const kernel of kernels) {
    const { reads, writes } = buffersOf(kernel);
    let position = -1;
    if (kernel.kind === 'loop' && !writes.some((buffer) => writer.has(buffer))) {
      const latest = Math.max(-1, ...reads.map((buffer) => writer.get(buffer) ?? -1));
      position = findPartner(merged, kernel, latest);
      if (position >= 0) merged[position] = fuse(merged[position] as LoopKernel, kernel);
    }
    if (position < 0) position = merged.push(kernel) - 1;
    for (const buffer of writes) writer.set(buffer, position);
  }
  const read = new Set(merged.flatMap((kernel) => buffersOf(kernel).reads));
  return merged.map((kernel) =>
    kernel.kind === 'loop'
      ? withoutDeadCode(kernel, (buffer) => read.has(buffer) || results.has(buffer))
      : kernel,
  );
}

/**
 * The position of a loop that `kernel` can join, or -1: the one it reads from last, or one behind that which reads
 * the same memory.
 */
function findPartner(merged: readonly Kernel[], kernel: LoopKernel, latest: number): number {
  if (latest >= 0 && canFuse(merged[latest], kernel)) return latest;
  for (
    let position = merged.length - 1;
    position > latest && position >= merged.length - WINDOW;
    position--
  ) {
    const other = merged[position];
    if (
      other.kind === 'loop' &&
      other.reduced === kernel.reduced &&
      sharesLoad(other, kernel) &&
      canFuse(other, kernel)
    ) {
      return position;
    }
  }
  return -1;
}

function sharesLoad(a: LoopKernel, b: LoopKernel): boolean {
  const walks = (kernel: LoopKernel): Set<number> =>
    new Set(
      kernel.accesses
        .filter(({ strides }) => strides.some((stride) => stride !== 0))
        .map(({ buffer }) => buffer),
    );
  const first = walks(a);
  return [...walks(b)].some((buffer) => first.has(buffer));
}

function canFuse(first: Kernel, second: LoopKernel): first is LoopKernel {
  if (first.kind !== 'loop' || first.nodes.length + second.nodes.length > LARGEST_BODY) return false;
  const kept = first.extents.length - first.reduced;
  const sameReduction = second.reduced === first.reduced && sameExtents(first.extents, second.extents);
  const epilogue = second.reduced === 0 && sameExtents(first.extents.slice(0, kept), second.extents);
  if (!sameReduction && !epilogue) return false;
  const written = new Map(
    first.stores.map(({ access }) => [first.accesses[access].buffer, first.accesses[access]]),
  );
  return second.accesses.every((access) => {
    const store = written.get(access.buffer);
    if (store === undefined) return true;
    return second.reduced === 0 && samePlace(store, widen(access, first.extents.length));
  });
}

function sameExtents(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

function samePlace(a: Access, b: Access): boolean {
  return a.buffer === b.buffer && a.offset === b.offset && sameExtents(a.strides, b.strides);
}

/** The access of a map, in an iteration with reduced axes appended. */
function widen(access: Access, rank: number): Access {
  const missing = rank - access.strides.length;
  return missing === 0
    ? access
    : { ...access, strides: [...access.strides, ...new Array<number>(missing).fill(0)] };
}

/** Numbers accesses, equal ones once. */
class AccessTable {
  readonly accesses: Access[] = [];
  private readonly numbers = new Map<string, number>();

  add(access: Access): number {
    const key = `${access.buffer} ${access.offset} ${access.strides.join()}`;
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.accesses.push(access) - 1;
      this.numbers.set(key, number);
    }
    return number;
  }
}

/** One loop that does what `first` and then `second` did. */
function fuse(first: LoopKernel, second: LoopKernel): LoopKernel {
  const rank = first.extents.length;
  const table = new AccessTable();
  const body = new Expression();
  const accumulators: LoopKernel['accumulators'][number][] = [];
  const stores: LoopKernel['stores'][number][] = [];
  /** The node that holds what was just stored, by the number of the store's access. */
  const stored = new Map<number, number>();
  for (const kernel of [first, second]) {
    const numbers: number[] = [];
    const base = accumulators.length;
    const access = (i: number): number => table.add(widen(kernel.accesses[i], rank));
    for (const node of kernel.nodes) {
      if (node.op === 'load') {
        const number = access(node.access);
        numbers.push(stored.get(number) ?? body.push({ ...node, access: number }));
      } else if (node.op === 'accumulator') numbers.push(body.push({ ...node, index: base + node.index }));
      else numbers.push(body.push(renumber(node, numbers, rank)));
    }
    for (const { monoid, node } of kernel.accumulators) accumulators.push({ monoid, node: numbers[node] });
    for (const store of kernel.stores) {
      const number = access(store.access);
      stores.push({ access: number, node: numbers[store.node] });
      stored.set(number, numbers[store.node]);
    }
  }
  return {
    kind: 'loop',
    extents: first.extents,
    reduced: first.reduced,
    accesses: table.accesses,
    nodes: body.nodes,
    accumulators,
    stores,
  };
}

/** A node with its arguments renumbered, and its coordinates extended over appended axes. */
function renumber(node: ScalarNode, numbers: readonly number[], rank: number): ScalarNode {
  if (node.op === 'index') {
    const missing = rank - node.strides.length;
    return { ...node, strides: [...node.strides, ...new Array<number>(missing).fill(0)] };
  }
  if ('args' in node) return { ...node, args: node.args.map((arg) => numbers[arg]) } as ScalarNode;
  return node;
}

/** The loop without stores to buffers that nobody needs, and without what only they needed. */
function withoutDeadCode(kernel: LoopKernel, needed: (buffer: number) => boolean): LoopKernel {
  const stores = kernel.stores.filter(({ access }) => needed(kernel.accesses[access].buffer));
  const live = new Set<number>();
  const liveAccumulators = new Set<number>();
  const pending = stores.map(({ node }) => node);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (live.has(node)) continue;
    live.add(node);
    const found = kernel.nodes[node];
    if ('args' in found) pending.push(...found.args);
    if (found.op === 'accumulator' && !liveAccumulators.has(found.index)) {
      liveAccumulators.add(found.index);
      pending.push(kernel.accumulators[found.index].node);
    }
  }
  const rank = kernel.extents.length;
  const table = new AccessTable();
  const order = [...liveAccumulators].sort((a, b) => a - b);
  const nodes: ScalarNode[] = [];
  const numbers: number[] = [];
  kernel.nodes.forEach((node, i) => {
    if (!live.has(i)) return;
    const next =
      node.op === 'load'
        ? { ...node, access: table.add(kernel.accesses[node.access]) }
        : node.op === 'accumulator'
          ? { ...node, index: order.indexOf(node.index) }
          : renumber(node, numbers, rank);
    numbers[i] = nodes.push(next) - 1;
  });
  return {
    ...kernel,
    nodes,
    stores: stores.map(({ access, node }) => ({
      access: table.add(kernel.accesses[access]),
      node: numbers[node],
    })),
    accumulators: order.map((i) => ({
      ...kernel.accumulators[i],
      node: numbers[kernel.accumulators[i].node],
    })),
    accesses: table.accesses,
  };
}
