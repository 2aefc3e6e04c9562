/** The geometry of sliding windows: sizes, strides, dilations, and padding at the ends. */
import { at, formatShape, ShapeError } from '../../graph/index.ts';

/** Element k of window o along an axis is element `o * stride + k * dilation`. One entry for each windowed axis. */
export interface Sliding {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** How far a window reaches along its i-th axis. */
export function spanOf({ sizes, dilations }: Sliding, i: number): number {
  return (sizes[i] - 1) * dilations[i] + 1;
}

/** How many windows there are along the i-th axis, of this extent. */
export function countWindows(extent: number, sliding: Sliding, i: number): number {
  const span = spanOf(sliding, i);
  return extent < span ? 0 : Math.floor((extent - span) / sliding.strides[i]) + 1;
}

/**
 * A number for all axes, or a list with one for each, as a list.
 * @throws ShapeError where they are not whole numbers of at least 1, one for each axis
 */
export function perAxis(
  operation: string,
  what: string,
  value: number | readonly number[],
  count: number,
): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(count).fill(value) : [...value];
  if (list.length !== count || list.some((each) => !Number.isInteger(each) || each < 1)) {
    throw new ShapeError(
      `${operation}: ${what} ${formatShape(list)} for ${count} axes; give a whole number of at least 1, or one for each${at()}`,
    );
  }
  return list;
}

/** `a window of 3 (7 with dilation 3)`. */
export function windowText(sliding: Sliding, i: number): string {
  const span = spanOf(sliding, i);
  const dilated = sliding.dilations[i] > 1 ? ` (${span} with dilation ${sliding.dilations[i]})` : '';
  return `a window of ${sliding.sizes[i]}${dilated}`;
}

/**
 * What surrounds a tensor before windows slide over it: nothing (`valid`), as much as gives as many windows as elements,
 * divided by the stride and rounded up (`same`, the odd element at the end), or a width for each axis, which may be a pair
 * of before and after.
 */
export type Padding = 'valid' | 'same' | number | readonly (number | readonly [number, number])[];

/** Widths before and after each windowed axis. */
export interface Margins {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * `padding` as widths, for axes of these extents.
 * @throws ShapeError where it is not one of the forms of {@link Padding}
 */
export function marginsOf(
  operation: string,
  padding: Padding,
  extents: readonly number[],
  sliding: Sliding,
): Margins {
  if (padding === 'same') {
    const total = extents.map((extent, i) =>
      Math.max(
        0,
        (Math.ceil(extent / sliding.strides[i]) - 1) * sliding.strides[i] + spanOf(sliding, i) - extent,
      ),
    );
    const before = total.map((width) => Math.floor(width / 2));
    return { before, after: total.map((width, i) => width - before[i]) };
  }
  const width = padding === 'valid' ? 0 : padding;
  const widths: readonly (number | readonly number[])[] =
    typeof width === 'number' ? extents.map(() => width) : Array.isArray(width) ? width : [];
  const pairs = widths.map((each) => (typeof each === 'number' ? [each, each] : each));
  const whole = (each: number): boolean => Number.isInteger(each) && each >= 0;
  const fits = pairs.every((pair) => pair.length === 2 && pair.every(whole));
  if (pairs.length !== extents.length || !fits) {
    throw new ShapeError(
      `${operation}: padding ${JSON.stringify(padding)} for ${extents.length} axes; give 'same', 'valid', a whole number, or a ` +
        `list with a number or a pair [before, after] for each axis${at()}`,
    );
  }
  return { before: pairs.map(([before]) => before), after: pairs.map(([, after]) => after) };
}
