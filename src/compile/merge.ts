/**
 * Loops over the same elements become one: a map after a map, a map after the reduction it reads (its epilogue), and
 * reductions of one extent. What the second loop reads of the first stays in a register.
 */
import type { Monoid } from '../graph/index.ts';
import { Expression, withArguments } from './expression.ts';
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
  const merged: (Fusion | Exclude<Kernel, LoopKernel>)[] = [];
  /** Position in `merged` of the last kernel that writes each buffer. */
  const writer = new Map<number, number>();
  for (const kernel of kernels) {
    const { reads, writes } = buffersOf(kernel);
    let position = -1;
    if (kernel.kind === 'loop') {
      if (!writes.some((buffer) => writer.has(buffer))) {
        let latest = -1;
        for (const buffer of reads) latest = Math.max(latest, writer.get(buffer) ?? -1);
        position = findPartner(merged, kernel, latest, (buffer) => writer.get(buffer) ?? -1);
      }
      if (position >= 0) (merged[position] as Fusion).append(kernel);
      else position = merged.push(new Fusion(kernel)) - 1;
    } else position = merged.push(kernel) - 1;
    for (const buffer of writes) writer.set(buffer, position);
  }
  const fused = merged.map((each) => (each instanceof Fusion ? each.kernel() : each));
  const read = new Set(fused.flatMap((kernel) => buffersOf(kernel).reads));
  return fused.map((kernel) =>
    kernel.kind === 'loop'
      ? withoutDeadCode(kernel, (buffer) => read.has(buffer) || results.has(buffer))
      : kernel,
  );
}

/**
 * The position of a loop that `kernel` can join, or -1: the one it reads from last, or one behind that which reads
 * the same memory. A loop that waits joins only one that waits too, behind all that it waits for: in a loop of the forward
 * pass it would be done too soon.
 */
function findPartner(
  merged: readonly unknown[],
  kernel: LoopKernel,
  latest: number,
  writerOf: (buffer: number) => number,
): number {
  const over = Math.max(-1, ...(kernel.waits ?? []).map(writerOf));
  const accepts = (position: number): boolean => {
    const other = merged[position];
    if (!(other instanceof Fusion) || position <= over || (kernel.waits !== undefined && !other.waiting))
      return false;
    return position === latest
      ? other.accepts(kernel)
      : other.reduced === kernel.reduced && other.sharesLoad(kernel) && other.accepts(kernel);
  };
  if (accepts(latest)) return latest;
  const first = Math.max(latest + 1, merged.length - WINDOW);
  for (let position = merged.length - 1; position >= first; position--)
    if (accepts(position)) return position;
  return -1;
}

export function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

/** Whether an access moves along with the loop, rather than reading one element again and again. */
export function walks({ strides }: Access): boolean {
  return strides.some((stride) => stride !== 0);
}

/** Strides of a map, in an iteration with reduced axes appended. */
function widen(strides: readonly number[], rank: number): readonly number[] {
  return strides.length === rank
    ? strides
    : [...strides, ...new Array<number>(rank - strides.length).fill(0)];
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

/** A loop that others join: it does what they did, one after another. */
class Fusion {
  readonly extents: readonly number[];
  readonly reduced: number;
  private readonly table = new AccessTable();
  private readonly body = new Expression();
  private readonly accumulators: LoopKernel['accumulators'][number][] = [];
  private readonly stores: LoopKernel['stores'][number][] = [];
  /** The node that holds what was stored, by the number of the store's access. */
  private readonly stored = new Map<number, number>();
  private readonly written = new Map<number, Access>();
  private readonly walked = new Set<number>();
  private readonly waits = new Set<number>();
  private readonly origins = new Set<number>();
  /** Whether it reads anything through a barrier. */
  waiting = false;

  constructor(first: LoopKernel) {
    this.extents = first.extents;
    this.reduced = first.reduced;
    this.append(first);
  }

  /** Whether `kernel` runs over the same elements, and reads of what is written here only its own element. */
  accepts(kernel: LoopKernel): boolean {
    if (this.body.nodes.length + kernel.nodes.length > LARGEST_BODY) return false;
    const kept = this.extents.length - this.reduced;
    const same = kernel.reduced === this.reduced && sameNumbers(this.extents, kernel.extents);
    const epilogue = kernel.reduced === 0 && sameNumbers(this.extents.slice(0, kept), kernel.extents);
    if (!same && !epilogue) return false;
    return kernel.accesses.every(({ buffer, offset, strides }) => {
      const store = this.written.get(buffer);
      if (store === undefined) return true;
      const seen = widen(strides, this.extents.length);
      return kernel.reduced === 0 && store.offset === offset && sameNumbers(store.strides, seen);
    });
  }

  sharesLoad(kernel: LoopKernel): boolean {
    return kernel.accesses.some((access) => walks(access) && this.walked.has(access.buffer));
  }

  append(kernel: LoopKernel): void {
    const rank = this.extents.length;
    for (const buffer of kernel.waits ?? []) this.waits.add(buffer);
    for (const origin of kernel.origins ?? []) this.origins.add(origin);
    if (kernel.waits !== undefined) this.waiting = true;
    const numbers: number[] = [];
    const accesses = kernel.accesses.map((access) => {
      if (walks(access)) this.walked.add(access.buffer);
      return this.table.add({ ...access, strides: widen(access.strides, rank) });
    });
    for (const node of kernel.nodes) {
      if (node.op === 'load') {
        const access = accesses[node.access];
        numbers.push(this.stored.get(access) ?? this.body.push({ ...node, access }));
      } else if (node.op === 'accumulator') {
        const { monoid, node: body } = kernel.accumulators[node.index];
        numbers.push(this.body.push({ ...node, index: this.accumulator(monoid, numbers[body]) }));
      } else numbers.push(this.body.push(renumber(node, numbers, rank)));
    }
    for (const store of kernel.stores) {
      const access = accesses[store.access];
      this.stores.push({ access, node: numbers[store.node] });
      this.stored.set(access, numbers[store.node]);
      this.written.set(this.table.accesses[access].buffer, this.table.accesses[access]);
    }
  }

  /** The number of an accumulator; equal ones are one. */
  private accumulator(monoid: Monoid, node: number): number {
    const known = this.accumulators.findIndex((each) => each.monoid === monoid && each.node === node);
    return known >= 0 ? known : this.accumulators.push({ monoid, node }) - 1;
  }

  kernel(): LoopKernel {
    const { extents, reduced, accumulators, stores } = this;
    return {
      kind: 'loop',
      origins: [...this.origins],
      extents,
      reduced,
      accesses: this.table.accesses,
      nodes: this.body.nodes,
      accumulators,
      stores,
      ...(this.waiting && { waits: [...this.waits] }),
    };
  }
}

/** A node with its arguments renumbered, and its coordinates extended over appended axes. */
function renumber(node: ScalarNode, numbers: readonly number[], rank: number): ScalarNode {
  if (node.op === 'index') return { ...node, strides: widen(node.strides, rank) };
  return withArguments(node, numbers);
}

/** The loop without stores to buffers that nobody needs, and without what only they needed. */
export function withoutDeadCode(kernel: LoopKernel, needed: (buffer: number) => boolean): LoopKernel {
  const stores = kernel.stores.filter(({ access }) => needed(kernel.accesses[access].buffer));
  const live = kernel.nodes.map(() => false);
  const gathered = kernel.accumulators.map(() => false);
  for (const { node } of stores) live[node] = true;
  // A node comes after all that it is made of.
  for (let i = live.length - 1; i >= 0; i--) {
    const node = kernel.nodes[i];
    if (!live[i]) continue;
    if ('args' in node) for (const arg of node.args) live[arg] = true;
    if (node.op === 'accumulator') {
      gathered[node.index] = true;
      live[kernel.accumulators[node.index].node] = true;
    }
  }
  const rank = kernel.extents.length;
  const accesses: Access[] = [];
  const accessNumbers: number[] = [];
  const access = (number: number): number => {
    accessNumbers[number] ??= accesses.push(kernel.accesses[number]) - 1;
    return accessNumbers[number];
  };
  const order = gathered.flatMap((isGathered, i) => (isGathered ? [i] : []));
  const nodes: ScalarNode[] = [];
  const numbers: number[] = [];
  kernel.nodes.forEach((node, i) => {
    if (!live[i]) return;
    const next =
      node.op === 'load'
        ? { ...node, access: access(node.access) }
        : node.op === 'accumulator'
          ? { ...node, index: order.indexOf(node.index) }
          : renumber(node, numbers, rank);
    numbers[i] = nodes.push(next) - 1;
  });
  return {
    ...kernel,
    nodes,
    stores: stores.map((store) => ({ access: access(store.access), node: numbers[store.node] })),
    accumulators: order.map((i) => ({
      ...kernel.accumulators[i],
      node: numbers[kernel.accumulators[i].node],
    })),
    accesses,
  };
}
