/** The order of elements along a line: a stable sort, and the selection of its first few. */
import type { TypedArray } from '../graph/index.ts';

/** Runs of this length are sorted by insertion, and merged from there on. */
const RUN = 12;

/** Where fewer than one in so many elements is asked for, they are selected before they are sorted. */
const SELECTIVE = 8;

/** Finds the order of lines of one length, one after another, in arrays that it keeps. */
export class Sorter {
  private readonly descending: boolean;
  /** Keys, the smallest of which stands first, and the place in the line of each. */
  private keys: Float64Array;
  private places: Int32Array;
  private spareKeys: Float64Array;
  private sparePlaces: Int32Array;
  private readonly order: Int32Array;

  constructor(length: number, descending: boolean) {
    this.descending = descending;
    this.keys = new Float64Array(length);
    this.places = new Int32Array(length);
    this.spareKeys = new Float64Array(length);
    this.sparePlaces = new Int32Array(length);
    this.order = new Int32Array(length);
  }

  /**
   * The first `count` places of `line` in ascending or descending order; elements that tie keep their order, and NaN
   * counts as larger than every number. The array is valid until the next call.
   */
  first(count: number, line: TypedArray): Int32Array {
    const { order, descending } = this;
    const numbers = this.takeNumbers(line);
    const unordered = line.length - numbers;
    const before = descending ? Math.min(count, unordered) : 0;
    const wanted = Math.min(count - before, numbers);
    const kept = SELECTIVE * wanted < numbers ? this.select(wanted, numbers) : numbers;
    this.sort(kept);
    order.set(this.places.subarray(0, wanted), before);
    if (unordered > 0) {
      let to = descending ? 0 : wanted;
      for (let i = 0; to < (descending ? before : count); i++) if (Number.isNaN(line[i])) order[to++] = i;
    }
    return order.subarray(0, count);
  }

  /** Collects all elements but NaN; returns how many they are. */
  private takeNumbers(line: TypedArray): number {
    const { keys, places, descending } = this;
    let count = 0;
    for (let i = 0; i < line.length; i++) {
      const value = line[i];
      if (Number.isNaN(value)) continue;
      keys[count] = descending ? -value : value;
      places[count++] = i;
    }
    return count;
  }

  /** Moves the first `count` of `total` elements to the front, in the order of their places; returns `count`. */
  private select(count: number, total: number): number {
    const { keys, places } = this;
    if (count === 0) return 0;
    // A heap of those kept so far: the last in order at the root. Of elements that tie, later ones are last.
    const heap = this.sparePlaces;
    const after = (a: number, b: number): boolean => keys[a] > keys[b] || (keys[a] === keys[b] && a > b);
    const sink = (from: number): void => {
      const sinking = heap[from];
      let at = from;
      for (let child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && after(heap[child + 1], heap[child])) child++;
        if (!after(heap[child], sinking)) break;
        heap[at] = heap[child];
        at = child;
      }
      heap[at] = sinking;
    };
    for (let i = 0; i < count; i++) heap[i] = i;
    for (let i = Math.floor(count / 2) - 1; i >= 0; i--) sink(i);
    for (let i = count; i < total; i++) {
      if (keys[i] >= keys[heap[0]]) continue;
      heap[0] = i;
      sink(0);
    }
    heap.subarray(0, count).sort();
    for (let i = 0; i < count; i++) {
      keys[i] = keys[heap[i]];
      places[i] = places[heap[i]];
    }
    return count;
  }

  /** Merge sort of the first `length` elements, from short runs to runs of twice the length. */
  private sort(length: number): void {
    const { keys, places } = this;
    for (let start = 0; start < length; start += RUN) {
      const end = Math.min(length, start + RUN);
      for (let i = start + 1; i < end; i++) {
        const key = keys[i];
        const place = places[i];
        let to = i;
        for (; to > start && keys[to - 1] > key; to--) {
          keys[to] = keys[to - 1];
          places[to] = places[to - 1];
        }
        keys[to] = key;
        places[to] = place;
      }
    }
    for (let run = RUN; run < length; run *= 2) {
      for (let start = 0; start < length; start += 2 * run) this.merge(start, run, length);
      [this.keys, this.spareKeys] = [this.spareKeys, this.keys];
      [this.places, this.sparePlaces] = [this.sparePlaces, this.places];
    }
  }

  /** Merges two neighbouring runs into the spare arrays; of elements that tie, those of the first run come first. */
  private merge(start: number, run: number, length: number): void {
    const { keys, places, spareKeys, sparePlaces } = this;
    const middle = Math.min(length, start + run);
    const end = Math.min(length, start + 2 * run);
    let left = start;
    let right = middle;
    for (let to = start; to < end; to++) {
      const from = left < middle && (right >= end || keys[left] <= keys[right]) ? left++ : right++;
      spareKeys[to] = keys[from];
      sparePlaces[to] = places[from];
    }
  }
}
