/** Datasets: tensors by name whose first axes count the same examples. */
import {
  allocate,
  at,
  DataError,
  formatShape,
  isFloat,
  NumericalError,
  sizeOf,
  Tensor,
} from '../graph/index.ts';

/** Tensors by name, one example per row: `{ images: [n, 784], labels: [n] }`. */
export type Dataset<T> = { readonly [K in keyof T]: Tensor };

/** Pictures as rows of numbers from 0 to 1, and the class of each. */
export interface ImageDataset {
  /** float32 [n, pixels], 0 (background) to 1. */
  readonly images: Tensor;
  /** int32 [n]. */
  readonly labels: Tensor;
}

/** How many examples `data` holds. @throws DataError where it holds none, or its tensors disagree. */
export function countExamples<T extends Dataset<T>>(operation: string, data: T): number {
  const entries: [string, unknown][] = Object.entries(data);
  if (entries.length === 0) throw new DataError(`${operation}: the dataset has no tensors${at()}`);
  let first: [string, number] | undefined;
  for (const [name, value] of entries) {
    if (!(value instanceof Tensor)) {
      throw new DataError(`${operation}: ${name} is no Tensor; make one with tensor(...)${at()}`);
    }
    if (value.shape.length === 0) {
      throw new DataError(`${operation}: ${name} is a scalar; its first axis must count the examples${at()}`);
    }
    first ??= [name, value.shape[0]];
    if (value.shape[0] !== first[1]) {
      throw new DataError(
        `${operation}: ${first[0]} has ${first[1]} examples but ${name} has ${value.shape[0]} ` +
          `(${formatShape(value.shape)}); the first axes must agree${at()}`,
      );
    }
  }
  const count = first![1];
  if (count === 0) throw new DataError(`${operation}: the dataset is empty (0 examples)${at()}`);
  return count;
}

/** The chosen rows of a tensor, copied in that order. */
export function takeRows(source: Tensor, rows: Uint32Array): Tensor {
  const extents = source.shape.slice(1);
  const width = sizeOf(extents);
  const taken = allocate(source.dtype, rows.length * width);
  if (width === 1) for (let i = 0; i < rows.length; i++) taken[i] = source.data[rows[i]];
  else {
    rows.forEach((row, i) => {
      taken.set(source.data.subarray(row * width, (row + 1) * width), i * width);
    });
  }
  return new Tensor([rows.length, ...extents], source.dtype, taken);
}

/** The chosen examples of every tensor. */
export function takeExamples<T extends Dataset<T>>(data: T, rows: Uint32Array): { [K in keyof T]: Tensor } {
  const entries: [string, Tensor][] = Object.entries(data);
  return Object.fromEntries(entries.map(([name, each]) => [name, takeRows(each, rows)])) as {
    [K in keyof T]: Tensor;
  };
}

/**
 * Class labels as int32, each known to be a whole number from 0 to `classes` - 1.
 * @param labels [n], of any dtype but bool
 * @throws NumericalError naming the first row that holds NaN, a fraction or a label out of range
 */
export function checkLabels(labels: Tensor, classes: number, name = 'labels'): Tensor {
  if (labels.dtype === 'bool' || labels.shape.length !== 1) {
    throw new DataError(
      `checkLabels: ${name} are ${labels.dtype}${formatShape(labels.shape)}; expected whole numbers of shape [n]${at()}`,
    );
  }
  labels.data.forEach((label: number, row: number) => {
    if (Number.isInteger(label) && label >= 0 && label < classes) return;
    const what = Number.isInteger(label) ? 'out of range' : 'not a whole number';
    throw new NumericalError(
      `checkLabels: ${name} row ${row} is ${label}, ${what}; use 0 to ${classes - 1} for ${classes} classes${at()}`,
    );
  });
  if (labels.dtype === 'int32') return labels;
  return new Tensor(labels.shape, 'int32', new Int32Array(labels.data));
}

/**
 * Pictures and labels as networks take them: pixels as rows of float32 (bytes become 0 to 1), labels as int32.
 * @param images [n, ...]; uint8 values are divided by 255, floats are kept
 * @param labels integers [n]
 * @throws DataError where they are not pictures and labels, or differ in number
 */
export function toImageDataset(images: Tensor, labels: Tensor): ImageDataset {
  if (images.shape.length < 2 || labels.shape.length !== 1 || isFloat(labels.dtype)) {
    throw new DataError(
      `toImageDataset: images ${images.dtype}${formatShape(images.shape)} and labels ` +
        `${labels.dtype}${formatShape(labels.shape)}; expected [n, rows, columns] and whole numbers [n]${at()}`,
    );
  }
  const count = countExamples('toImageDataset', { images, labels });
  const pixels = new Float32Array(images.data);
  if (images.dtype === 'uint8') for (let i = 0; i < pixels.length; i++) pixels[i] /= 255;
  return {
    images: new Tensor([count, sizeOf(images.shape.slice(1))], 'float32', pixels),
    labels: new Tensor([count], 'int32', new Int32Array(labels.data)),
  };
}
