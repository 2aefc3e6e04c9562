/**
 * Addresses for ranges of memory whose times are all known beforehand ("offline dynamic storage allocation"): ranges that
 * are alive together lie apart, and all lie as low as possible. The problem is NP-hard, so there are rules of thumb.
 */
import { type LiveRange, mostAlive } from './lifetimes.ts';

export interface Placement {
  /** Where each range starts. */
  readonly offsets: readonly number[];
  /** Where the last one ends. */
  readonly bytes: number;
}

/** So many ranges are placed, one after another, in search of a placement without gaps, .. */
const MOST_PLACED = 8192;

/** .. in at most so many attempts with each order. */
const MOST_ATTEMPTS = 32;

/**
 * Places ranges in an order in which each takes the lowest addresses that are free as long as it lives. Two orders are tried:
 * the largest first, and the largest product of size and time first (Pisarchyk and Lee (2020), "Efficient memory management
 * for deep neural net inference", section 5). Whatever then reaches beyond the bound that liveness gives moves halfway to the
 * front, and all are placed again ("squeaky wheel optimization": Joslin and Clements (1999), J. Artificial Intelligence
 * Research 10). The best placement is kept; the first one without gaps ends the search.
 *
 * Ranges of one size are placed without gaps at once: first come, first served is optimal for them.
 */
export function placeRanges(ranges: readonly LiveRange[]): Placement {
  const bound = mostAlive(ranges);
  const time = ({ first, last }: LiveRange): number => last - first + 1;
  const orders = [
    orderBy(ranges, (a, b) => b.bytes - a.bytes || a.first - b.first),
    orderBy(ranges, (a, b) => b.bytes * time(b) - a.bytes * time(a)),
  ];
  const attempts = Math.min(MOST_ATTEMPTS, Math.ceil(MOST_PLACED / (ranges.length + 1)));
  let best: Placement | undefined;
  for (let order of orders) {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const placement = placeInOrder(ranges, order);
      if (best === undefined || placement.bytes < best.bytes) best = placement;
      if (best.bytes === bound) return best;
      order = promote(order, (i) => placement.offsets[i] + ranges[i].bytes > bound);
    }
  }
  return best as Placement;
}

function orderBy(ranges: readonly LiveRange[], compare: (a: LiveRange, b: LiveRange) => number): number[] {
  return ranges.map((_, i) => i).sort((i, j) => compare(ranges[i], ranges[j]) || i - j);
}

/** The same order, with some of its members half as far from the front. */
function promote(order: readonly number[], moves: (member: number) => boolean): number[] {
  // What moves comes before the one whose place it takes.
  const ranks = order.map((member, place) => ({ member, rank: moves(member) ? place / 2 - 1 : place }));
  return ranks.sort((a, b) => a.rank - b.rank).map(({ member }) => member);
}

/** Places each range, in order, at the lowest addresses that no earlier one takes while it lives. */
function placeInOrder(ranges: readonly LiveRange[], order: readonly number[]): Placement {
  const taken = new TakenAddresses(ranges.reduce((most, { last }) => Math.max(most, last), 0) + 1);
  const offsets = ranges.map(() => 0);
  let bytes = 0;
  for (const i of order) {
    offsets[i] = taken.take(ranges[i]);
    bytes = Math.max(bytes, offsets[i] + ranges[i].bytes);
  }
  return { offsets, bytes };
}

/**
 * Which addresses are taken when: a binary tree over time (a "segment tree"), whose nodes hold sets of addresses. Where ranges
 * leave few gaps, the sets consist of few stretches, and a range is placed in about log(steps) operations, however many are
 * alive with it.
 */
class TakenAddresses {
  private readonly leaves: number;
  /** What is taken in every step of a node, for ranges that cover the node and not its parent. */
  private readonly throughout: AddressSet[] = [];
  /** What is taken in any step of a node, except for what is taken throughout a node above it. */
  private readonly sometime: AddressSet[] = [];

  constructor(steps: number) {
    this.leaves = 2 ** Math.ceil(Math.log2(steps));
  }

  /** Takes the lowest addresses that are free for a whole range; returns the first of them. */
  take({ bytes, first, last }: LiveRange): number {
    const sets: AddressSet[] = [];
    this.find(1, 0, this.leaves, first, last, sets);
    let offset = 0;
    // Each set is asked until all have agreed to one offset.
    for (let agreed = 0, i = 0; agreed < sets.length; i = (i + 1) % sets.length) {
      const next = sets[i].firstFree(offset, bytes);
      agreed = next === offset ? agreed + 1 : 1;
      offset = next;
    }
    this.insert(1, 0, this.leaves, first, last, offset, offset + bytes);
    return offset;
  }

  /** Gathers the sets of what is taken at any time from `first` to `last`, for a node of `size` steps from `start` on. */
  private find(
    node: number,
    start: number,
    size: number,
    first: number,
    last: number,
    into: AddressSet[],
  ): void {
    if (first >= start + size || last < start) return;
    const inside = first <= start && start + size <= last + 1;
    const set = (inside ? this.sometime : this.throughout)[node];
    if (set !== undefined) into.push(set);
    if (inside || this.sometime[node] === undefined) return;
    this.find(2 * node, start, size / 2, first, last, into);
    this.find(2 * node + 1, start + size / 2, size / 2, first, last, into);
  }

  private insert(
    node: number,
    start: number,
    size: number,
    first: number,
    last: number,
    from: number,
    to: number,
  ): void {
    if (first >= start + size || last < start) return;
    this.sometime[node] ??= new AddressSet();
    this.sometime[node].add(from, to);
    if (first <= start && start + size <= last + 1) {
      this.throughout[node] ??= new AddressSet();
      this.throughout[node].add(from, to);
      return;
    }
    this.insert(2 * node, start, size / 2, first, last, from, to);
    this.insert(2 * node + 1, start + size / 2, size / 2, first, last, from, to);
  }
}

/** A set of addresses, as stretches in ascending order that do not touch. */
class AddressSet {
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];

  /** The lowest offset, `offset` or above, from which on no address of `bytes` is in the set. */
  firstFree(offset: number, bytes: number): number {
    const { starts, ends } = this;
    let free = offset;
    for (let i = this.countUpTo(offset); i < starts.length && starts[i] < free + bytes; i++) free = ends[i];
    return free;
  }

  add(from: number, to: number): void {
    const { starts, ends } = this;
    // Stretches that overlap or touch the new one become one with it.
    const first = from === 0 ? 0 : this.countUpTo(from - 1);
    let next = first;
    while (next < starts.length && starts[next] <= to) next++;
    if (next === first) {
      starts.splice(first, 0, from);
      ends.splice(first, 0, to);
    } else {
      starts[first] = Math.min(starts[first], from);
      ends[first] = Math.max(ends[next - 1], to);
      starts.splice(first + 1, next - first - 1);
      ends.splice(first + 1, next - first - 1);
    }
  }

  /** How many stretches end at `offset` or before it. */
  private countUpTo(offset: number): number {
    let [low, high] = [0, this.ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
