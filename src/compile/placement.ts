/**
 * Addresses for ranges of memory whose times are all known beforehand ("offline dynamic storage allocation"): ranges that
 * are alive together lie apart, and all lie as low as possible. The problem is NP-hard, so there are rules of thumb.
 */
import { type LiveRange, mostAlive } from './lifetimes.ts';
import { AddressSet, TakenAddresses } from './takenAddresses.ts';

export interface Placement {
  /** Where each range starts. */
  readonly offsets: readonly number[];
  /** Where the last one ends. */
  readonly bytes: number;
}

/** A placement that takes so much more than the bound is good enough. */
const TOLERANCE = 1e-3;

/** At most so many placements are tried with each order. */
const MOST_ATTEMPTS = 16;

/** How much is looked at for each range, at most, in search of a better placement. */
const EFFORT = 1500;

/**
 * Places ranges.
 *
 * First come, first served leaves no gaps where all ranges have one size. Elsewhere, each range takes the lowest addresses
 * that are free as long as it lives, in one of two orders: the largest first ("greedy by size": Pisarchyk and Lee (2020),
 * "Efficient memory management for deep neural net inference"), and the largest product of size and time first. Whatever then reaches
 * beyond the bound that liveness gives moves halfway to the front, and all are placed again ("squeaky wheel optimization":
 * Joslin and Clements (1999), Journal of Artificial Intelligence Research 10). The best placement is kept. The search ends
 * with the first one that is close to the bound, or after an effort in proportion to the number of ranges.
 */
export function placeRanges(ranges: readonly LiveRange[]): Placement {
  const bound = mostAlive(ranges);
  const area = ({ bytes, first, last }: LiveRange): number => bytes * (last - first + 1);
  const orders = [
    orderBy(ranges, (a, b) => b.bytes - a.bytes || a.first - b.first),
    orderBy(ranges, (a, b) => area(b) - area(a)),
  ];
  let best = placeInTime(ranges);
  let effort = EFFORT * ranges.length;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    for (const [i, order] of orders.entries()) {
      if (best.bytes <= (1 + TOLERANCE) * bound) return best;
      const taken = new TakenAddresses(stepsOf(ranges));
      const placement = placeInOrder(ranges, order, taken, effort);
      if (placement === undefined) return best;
      effort -= taken.effort;
      if (placement.bytes < best.bytes) best = placement;
      orders[i] = promote(order, (k) => placement.offsets[k] + ranges[k].bytes > bound);
    }
  }
  return best;
}

function orderBy(ranges: readonly LiveRange[], compare: (a: LiveRange, b: LiveRange) => number): number[] {
  return ranges.map((_, i) => i).sort((i, k) => compare(ranges[i], ranges[k]) || i - k);
}

/** The same order, with some of its members half as far from the front. */
function promote(order: readonly number[], moves: (member: number) => boolean): number[] {
  // What moves comes before the one whose place it takes.
  const ranks = order.map((member, place) => ({ member, rank: moves(member) ? place / 2 - 1 : place }));
  return ranks.sort((a, b) => a.rank - b.rank).map(({ member }) => member);
}

/** How many steps ranges stretch over, from step 0 on. */
function stepsOf(ranges: readonly LiveRange[]): number {
  return ranges.reduce((most, { last }) => Math.max(most, last), 0) + 1;
}

/** Places each range, when its time comes, at the lowest addresses that are free then. */
function placeInTime(ranges: readonly LiveRange[]): Placement {
  const leaving = orderBy(ranges, (a, b) => a.last - b.last);
  const taken = new AddressSet();
  const offsets = ranges.map(() => 0);
  let [bytes, gone] = [0, 0];
  for (const i of orderBy(ranges, (a, b) => a.first - b.first)) {
    for (let next = leaving[gone]; ranges[next].last < ranges[i].first; next = leaving[++gone])
      taken.remove(offsets[next], offsets[next] + ranges[next].bytes);
    offsets[i] = taken.firstFree(ranges[i].bytes);
    const end = offsets[i] + ranges[i].bytes;
    taken.add(offsets[i], end);
    bytes = Math.max(bytes, end);
  }
  return { offsets, bytes };
}

/** Places each range, in order, at the lowest addresses that no earlier one takes while it lives; undefined if that takes too long. */
function placeInOrder(
  ranges: readonly LiveRange[],
  order: readonly number[],
  taken: TakenAddresses,
  effort: number,
): Placement | undefined {
  const offsets = ranges.map(() => 0);
  let bytes = 0;
  for (const i of order) {
    if (taken.effort > effort) return undefined;
    offsets[i] = taken.take(ranges[i]);
    bytes = Math.max(bytes, offsets[i] + ranges[i].bytes);
  }
  return { offsets, bytes };
}
