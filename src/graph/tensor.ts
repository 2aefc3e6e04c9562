/** Numbers: a shape, a dtype and a typed array. */
import { allocate, type DType, type TypedArray } from './dtype.ts';
import { type ChainruleError, DTypeError, ShapeError } from './errors.ts';
import { checkExtents, formatShape, type Shape, sizeOf } from './shape.ts';
import { at } from './site.ts';

/** Nested arrays of numbers or booleans, as a tensor reads and writes them. */
export type Nested = number | boolean | readonly Nested[];

/** Anything that states a tensor's numbers. */
export type TensorData = Nested | Float32Array | Float64Array | Int32Array | Uint8Array;

export interface TensorOptions {
  /** Element type; by default float32 for numbers, bool for booleans, and the array's own for typed arrays. */
  dtype?: DType;
  /** Shape for flat data; by default the nesting of the arrays. */
  shape?: Shape;
}

/** An immutable block of numbers in row-major order. */
export class Tensor<S extends Shape = Shape> {
  readonly shape: S;
  readonly dtype: DType;
  readonly data: TypedArray;

  constructor(shape: S, dtype: DType, data: TypedArray) {
    checkExtents('tensor', shape);
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `tensor: ${data.length} elements do not fill shape ${formatShape(shape)} (${sizeOf(shape)} elements)${at()}`,
      );
    }
    this.shape = [...shape] as unknown as S;
    this.dtype = dtype;
    this.data = data;
  }

  get size(): number {
    return this.data.length;
  }

  /** The only element. @throws ShapeError where there is not exactly one. */
  item(): number {
    if (this.data.length !== 1) {
      throw new ShapeError(
        `item: a tensor of shape ${formatShape(this.shape)} has ${this.data.length} elements, not one; ` +
          `use toArray() or reduce it first${at()}`,
      );
    }
    return this.data[0];
  }

  /** Nested arrays of the tensor's shape; booleans for dtype bool. */
  toArray(): Nested {
    const { shape, data, dtype } = this;
    let position = 0;
    const build = (axis: number): Nested => {
      if (axis === shape.length) {
        const value = data[position++];
        return dtype === 'bool' ? value !== 0 : value;
      }
      return Array.from({ length: shape[axis] }, () => build(axis + 1));
    };
    return build(0);
  }

  toString(): string {
    return `tensor(${JSON.stringify(this.toArray())}, ${this.dtype}${formatShape(this.shape)})`;
  }
}

function dtypeOfTyped(data: TypedArray): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int32Array) return 'int32';
  return 'uint8';
}

/** Typed arrays in which a tensor stores its elements. */
export function isTypedArray(data: unknown): data is TypedArray {
  return (
    data instanceof Float32Array ||
    data instanceof Float64Array ||
    data instanceof Int32Array ||
    data instanceof Uint8Array
  );
}

function nestedShape(data: Nested): number[] {
  const shape: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  return shape;
}

/**
 * Makes a tensor from nested arrays, a number, a boolean or a typed array.
 *
 * `tensor([[1, 2], [3, 4]])` is float32 of shape [2, 2]; `tensor([0, 1], { dtype: 'int32' })` holds labels. Typed
 * arrays are copied unless their dtype and shape already fit.
 * @throws ShapeError for ragged arrays; DTypeError for values the dtype cannot hold (a fraction in int32).
 */
export function tensor(data: TensorData, options: TensorOptions = {}): Tensor {
  if (isTypedArray(data)) {
    const dtype = options.dtype ?? dtypeOfTyped(data);
    const shape = options.shape ?? [data.length];
    if (allocate(dtype, 0).constructor === data.constructor && dtype !== 'bool')
      return new Tensor(shape, dtype, data);
    const converted = allocate(dtype, data.length);
    for (let i = 0; i < data.length; i++) converted[i] = checkedElement(data[i], dtype);
    return new Tensor(shape, dtype, converted);
  }
  const nesting = nestedShape(data);
  const flat: (number | boolean)[] = [];
  const walk = (level: Nested, axis: number): void => {
    if (!Array.isArray(level)) {
      if (typeof level !== 'number' && typeof level !== 'boolean') {
        // A Variable or Tensor where numbers belong, which this file knows only by its shape.
        if ((level as { shape?: unknown } | null)?.shape !== undefined) {
          throw new DTypeError(
            `tensor: a ${(level as object).constructor.name} is no list of numbers; stack([a, b]) joins tensors and symbols${at()}`,
          );
        }
        throw new DTypeError(`tensor: ${describe(level)} is neither a number nor a boolean${at()}`);
      }
      if (axis !== nesting.length)
        throw new ShapeError(`tensor: a number stands where an array of depth ${axis} should${at()}`);
      flat.push(level);
      return;
    }
    if (axis >= nesting.length || level.length !== nesting[axis]) {
      throw new ShapeError(
        `tensor: rows differ in length: ${level.length} elements where ${nesting[axis] ?? 'a number'} ` +
          `${axis >= nesting.length ? 'was' : 'were'} expected at depth ${axis}${at()}`,
      );
    }
    for (const each of level) walk(each, axis + 1);
  };
  walk(data, 0);
  const dtype =
    options.dtype ??
    (flat.length > 0 && flat.every((each) => typeof each === 'boolean') ? 'bool' : 'float32');
  const storage = allocate(dtype, flat.length);
  for (let i = 0; i < flat.length; i++) storage[i] = checkedElement(Number(flat[i]), dtype);
  return new Tensor(options.shape ?? nesting, dtype, storage);
}

function checkedElement(value: number, dtype: DType): number {
  if (dtype === 'bool') return value !== 0 ? 1 : 0;
  if (dtype === 'int32' || dtype === 'uint8') {
    const low = dtype === 'uint8' ? 0 : -(2 ** 31);
    const high = dtype === 'uint8' ? 255 : 2 ** 31 - 1;
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new DTypeError(
        `tensor: ${value} is not an ${dtype}; use a whole number from ${low} to ${high}, or a float dtype${at()}`,
      );
    }
  }
  return value;
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return value === null ? 'null' : typeof value;
}

/** A tensor of `value` everywhere. */
export function filled(shape: Shape, dtype: DType, value: number): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  if (!Object.is(value, 0)) data.fill(value);
  return new Tensor(shape, dtype, data);
}

/** Where two tensors must agree in shape and dtype. @throws ChainruleError */
export function assertLike(what: string, expected: { shape: Shape; dtype: DType }, given: Tensor): void {
  if (given.dtype === expected.dtype && formatShape(given.shape) === formatShape(expected.shape)) return;
  const ErrorClass: typeof ChainruleError = given.dtype === expected.dtype ? ShapeError : DTypeError;
  throw new ErrorClass(
    `${what}: expected ${expected.dtype}${formatShape(expected.shape)}, got ${given.dtype}${formatShape(given.shape)}${at()}`,
  );
}
