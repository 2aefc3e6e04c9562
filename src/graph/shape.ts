/** Shapes at run time: sizes, strides, broadcasting and axes. Their type-level side is in `shapeTypes.ts`. */
import { ShapeError } from './errors.ts';
import { at } from './site.ts';

/** The size along every axis, outermost first; a scalar has the empty shape. */
export type Shape = readonly number[];

/** An axis argument: one axis, a list, or (absent) all of them. Negative axes count from the end. */
export type Axis = number | readonly number[] | undefined;

/** `[32, 784]`, as shapes read in messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** The number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** @throws ShapeError unless every extent is a whole number of at least 0. */
export function checkExtents(operation: string, shape: Shape): void {
  const bad = shape.find((extent) => !Number.isInteger(extent) || extent < 0);
  if (bad !== undefined) {
    throw new ShapeError(
      `${operation}: ${formatShape(shape)} is not a shape: ${bad} is not a whole number of at least 0${at()}`,
    );
  }
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/**
 * The common shape of broadcast operands (NumPy's rule: align at the last axis; an extent of 1 stretches).
 * @throws ShapeError naming `operation` where two extents differ and neither is 1.
 */
export function broadcastShapes(operation: string, ...shapes: Shape[]): Shape {
  const first = shapes[0];
  if (shapes.every((shape) => sameShape(shape, first))) return first;
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let axis = 0; axis < shape.length; axis++) {
      const target = rank - shape.length + axis;
      const extent = shape[axis];
      if (extent === 1 || extent === out[target]) continue;
      if (out[target] !== 1) {
        throw new ShapeError(
          `${operation}: shapes ${shapes.map(formatShape).join(' and ')} do not broadcast ` +
            `(${out[target]} against ${extent}, axis ${target} of the result); ` +
            `make the extents equal or one of them 1${at()}`,
        );
      }
      out[target] = extent;
    }
  }
  return out;
}

/** @throws ShapeError unless `-rank <= axis < rank`. Returns the axis counted from the front. */
export function normalizeAxis(operation: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    const range = rank === 0 ? 'a scalar has no axes' : `use ${-rank} to ${rank - 1}`;
    throw new ShapeError(`${operation}: axis ${axis} is out of range for rank ${rank}; ${range}${at()}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes from the front, ascending, without repeats; all of them where `axis` is absent. */
export function normalizeAxes(operation: string, axis: Axis, rank: number): number[] {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = typeof axis === 'number' ? [axis] : axis;
  const axes = list.map((each) => normalizeAxis(operation, each, rank)).sort((a, b) => a - b);
  for (let i = 1; i < axes.length; i++) {
    if (axes[i] === axes[i - 1]) {
      throw new ShapeError(`${operation}: axis ${axes[i]} is given twice in [${list.join(', ')}]${at()}`);
    }
  }
  return axes;
}

/** The shape that is left after reducing `axes` (from {@link normalizeAxes}). */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  return keepDims
    ? shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
    : shape.filter((_, axis) => !axes.includes(axis));
}
