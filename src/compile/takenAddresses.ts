/** Which addresses are taken: at one time, and over time. */
import type { LiveRange } from './lifetimes.ts';

/** A set of addresses, as stretches in ascending order that do not touch. */
export class AddressSet {
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  /** The lowest offset from which on no address of `bytes` is in the set. */
  firstFree(bytes: number): number {
    const { starts, ends } = this;
    if (starts.length === 0 || starts[0] >= bytes) return 0;
    let i = 0;
    while (i + 1 < starts.length && starts[i + 1] - ends[i] < bytes) i++;
    return ends[i];
  }

  /** Adds the addresses from `from` up to `to`, `to` not included. */
  add(from: number, to: number): void {
    const { starts, ends } = this;
    const first = this.firstEndingFrom(from);
    // Stretches that overlap or touch the new one become one with it.
    let next = first;
    while (next < starts.length && starts[next] <= to) next++;
    if (next === first) {
      starts.splice(first, 0, from);
      ends.splice(first, 0, to);
      return;
    }
    starts[first] = Math.min(starts[first], from);
    ends[first] = Math.max(ends[next - 1], to);
    if (next > first + 1) {
      starts.splice(first + 1, next - first - 1);
      ends.splice(first + 1, next - first - 1);
    }
  }

  /** Removes addresses that are all in the set. */
  remove(from: number, to: number): void {
    const { starts, ends } = this;
    const i = this.firstEndingFrom(to);
    const left = [
      [starts[i], from],
      [to, ends[i]],
    ].filter(([start, end]) => start < end);
    starts.splice(i, 1, ...left.map(([start]) => start));
    ends.splice(i, 1, ...left.map(([, end]) => end));
  }

  /** The number of the first stretch that ends at `offset` or above. */
  private firstEndingFrom(offset: number): number {
    let [low, high] = [0, this.ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle] < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * Addresses that are taken for a time: a binary tree over time (a "segment tree"), whose nodes hold sets of addresses. Where
 * few gaps are left, the sets have few stretches, and a range finds its place in about log(steps) operations, however many
 * others are alive with it.
 */
export class TakenAddresses {
  /** How many nodes and stretches were looked at so far. */
  effort = 0;
  private readonly steps: number;
  /** What is taken in every step of a node, by ranges that do not cover the node above it. */
  private readonly throughout: AddressSet[] = [];
  /** What is taken in any step of a node, except for what is taken throughout a node above it. */
  private readonly sometime: AddressSet[] = [];

  /** @param steps times are numbers from 0 up to `steps`, `steps` not included */
  constructor(steps: number) {
    this.steps = 2 ** Math.ceil(Math.log2(steps));
  }

  /** Takes the lowest addresses that are free for as long as a range lives; returns the first of them. */
  take(range: LiveRange): number {
    const { sometime, throughout } = this;
    const taken: AddressSet[] = [];
    this.visit(range, (node, inside) => {
      this.effort++;
      const set = (inside ? sometime : throughout)[node];
      if (set !== undefined) taken.push(set);
      return sometime[node] !== undefined;
    });
    const offset = this.lowestFree(taken, range.bytes);
    this.visit(range, (node, inside) => {
      for (const sets of inside ? [sometime, throughout] : [sometime]) {
        sets[node] ??= new AddressSet();
        sets[node].add(offset, offset + range.bytes);
        // What an insertion moves up counts too, though far less than what is looked at.
        this.effort += sets[node].starts.length / 64;
      }
      return true;
    });
    return offset;
  }

  /** Visits nodes from the root down to those inside a range, all that meet it, and beneath one only if `enter` says so. */
  private visit({ first, last }: LiveRange, enter: (node: number, inside: boolean) => boolean): void {
    const walk = (node: number, start: number, size: number): void => {
      if (first >= start + size || last < start) return;
      const inside = first <= start && start + size <= last + 1;
      if (!enter(node, inside) || inside) return;
      walk(2 * node, start, size / 2);
      walk(2 * node + 1, start + size / 2, size / 2);
    };
    walk(1, 0, this.steps);
  }

  /** The lowest offset from which on no address of `bytes` is in any of the sets. */
  private lowestFree(sets: readonly AddressSet[], bytes: number): number {
    const cursors = sets.map(() => 0);
    let offset = 0;
    // Each set is asked in turn until all have agreed to one offset.
    for (let agreed = 0, i = 0; agreed < sets.length; i = i + 1 === sets.length ? 0 : i + 1) {
      const { starts, ends } = sets[i];
      const asked = offset;
      let next = cursors[i];
      while (next < ends.length && ends[next] <= offset) next++;
      while (next < starts.length && starts[next] < offset + bytes) offset = ends[next++];
      this.effort += 1 + next - cursors[i];
      cursors[i] = next;
      agreed = offset === asked ? agreed + 1 : 1;
    }
    return offset;
  }
}
