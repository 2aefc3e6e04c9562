/**
 * Loops over axes. The parameters of a loop's function are pointers, one for each access; walking along an axis moves
 * all of them, and the axis's counter where an index is read from it.
 */
import { BYTES, type DType } from '../../../graph/index.ts';
import type { FunctionBuilder } from '../encoder.ts';
import type { LoopAxis } from './nest.ts';

/** A vector of elements, as seen from the pointers. */
export interface Spot {
  /** How many of its lanes count, from the first on. */
  readonly lanes: number;
  /** How many elements it lies ahead along the axis of the lanes. */
  readonly ahead: number;
  /** How many elements it lies ahead along the axis of the rows. */
  readonly row: number;
}

/** Vectors side by side that hold `extent` elements, the first at the pointers; of the last one only the first lanes may count. */
export function sideBySide(extent: number, width: number): Spot[] {
  return Array.from({ length: Math.ceil(extent / width) }, (_, i) => ({
    lanes: Math.min(width, extent - i * width),
    ahead: i * width,
    row: 0,
  }));
}

export class Walk {
  readonly f: FunctionBuilder;
  private readonly dtypes: readonly DType[];
  /** The loop counter of each axis that an index node reads. */
  private readonly counters = new Map<LoopAxis, number>();

  /** @param dtypes the dtype of each access */
  constructor(f: FunctionBuilder, dtypes: readonly DType[]) {
    this.f = f;
    this.dtypes = dtypes;
  }

  /** Plain nested loops: pointers advance with each round and are set back at the end. */
  loops(axes: readonly LoopAxis[], body: () => void): void {
    if (axes.length === 0) return body();
    const [axis, ...rest] = axes;
    if (axis.extent === 0) return;
    this.repeat(axis, axis.extent, 1, () => this.loops(rest, body));
    this.advance(axis, -axis.extent);
  }

  /** Rounds over one axis, each moving on by `step` elements; pointers stay where the last round left them. */
  repeat(axis: LoopAxis, rounds: number, step: number, body: () => void): void {
    const { f } = this;
    if (rounds === 0) return;
    if (rounds === 1) {
      body();
      this.advance(axis, step);
      return;
    }
    const round = f.local('i32');
    f.i32(rounds).set(round);
    f.loop((again) => {
      body();
      this.advance(axis, step);
      f.get(round).i32(1).op('i32.sub').tee(round).brIf(again);
    });
  }

  /** `extent` elements of an axis in blocks of `size`, the last maybe shorter; pointers are set back at the end. */
  blocks(axis: LoopAxis, extent: number, size: number, body: (extent: number) => void): void {
    const whole = Math.floor(extent / size);
    const rest = extent - whole * size;
    this.repeat(axis, whole, size, () => body(size));
    if (rest > 0) this.repeat(axis, 1, rest, () => body(rest));
    this.advance(axis, -extent);
  }

  /** `extent` elements of an axis, `size` at a time, and what is left one by one; pointers are set back at the end. */
  rows(axis: LoopAxis, extent: number, size: number, body: (rows: number) => void): void {
    const whole = Math.floor(extent / size);
    this.repeat(axis, whole, size, () => body(size));
    this.repeat(axis, extent - whole * size, 1, () => body(1));
    this.advance(axis, -extent);
  }

  /**
   * `extent` elements along the axis of the lanes: several vectors at a time, then one, then the elements left over as
   * the first lanes of a vector. Pointers are set back at the end.
   */
  vectors(
    axis: LoopAxis,
    extent: number,
    width: number,
    unroll: number,
    body: (spots: readonly Spot[]) => void,
  ): void {
    const step = width * unroll;
    const whole = Math.floor(extent / step);
    this.repeat(axis, whole, step, () => body(sideBySide(step, width)));
    const single = unroll === 1 ? 0 : Math.floor((extent - whole * step) / width);
    this.repeat(axis, single, width, () => body(sideBySide(width, width)));
    const rest = extent - whole * step - single * width;
    if (rest > 0) this.repeat(axis, 1, rest, () => body(sideBySide(rest, width)));
    this.advance(axis, -extent);
  }

  /** Moves every pointer (and the axis's counter) by `elements` along `axis`. */
  advance(axis: LoopAxis, elements: number): void {
    const { f } = this;
    if (elements === 0) return;
    axis.accesses.forEach((stride, access) => {
      if (stride === 0) return;
      f.get(access)
        .i32(stride * elements * BYTES[this.dtypes[access]])
        .op('i32.add')
        .set(access);
    });
    const counter = this.counterOf(axis);
    if (counter !== undefined) f.get(counter).i32(elements).op('i32.add').set(counter);
  }

  /** The local with the coordinate along an axis; undefined if no index depends on it. */
  counterOf(axis: LoopAxis): number | undefined {
    if (![...axis.indices.values()].some((stride) => stride !== 0)) return undefined;
    let counter = this.counters.get(axis);
    if (counter === undefined) {
      counter = this.f.local('i32');
      this.counters.set(axis, counter);
    }
    return counter;
  }
}
