/**
 * Sparse matrices in the standard formats. Compressed rows (CSR) are the one that is stored: the elements of row i are
 * those from `rowPointers[i]` up to `rowPointers[i + 1]`, their columns ascending. (Saad, "Iterative methods for sparse
 * linear systems", 2003, section 3.4.)
 */
import {
  at,
  constant,
  formatShape,
  ShapeError,
  Tensor,
  type TensorLike,
  toVariable,
  type Variable,
} from '../../graph/index.ts';
import { mul } from '../../operations/elementwise.ts';
import { full } from '../../operations/generators.ts';
import { gather, scatterAdd } from '../../operations/indexing.ts';
import { reshape } from '../../operations/movement.ts';
import type { Rows } from './rows.ts';

/** Where a matrix can be other than zero, by compressed rows. */
export interface SparsityPattern {
  /** Rows and columns. */
  readonly shape: readonly [rows: number, columns: number];
  /** Of length rows + 1: where each row begins among the elements, and the last one ends. */
  readonly rowPointers: Int32Array;
  /** The column of each element. */
  readonly columnIndices: Int32Array;
}

/** A matrix by its pattern and its elements. */
export interface SparseMatrix extends SparsityPattern {
  /** The elements, row by row: a vector as long as `columnIndices`. */
  readonly values: Variable;
}

/** The pattern of rows of column positions. */
export function patternOf(rows: Rows, columns: number): SparsityPattern {
  const rowPointers = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => {
    rowPointers[i + 1] = rowPointers[i] + row.length;
  });
  const columnIndices = new Int32Array(rowPointers[rows.length]);
  rows.forEach((row, i) => columnIndices.set(row, rowPointers[i]));
  return { shape: [rows.length, columns], rowPointers, columnIndices };
}

/** A pattern as coordinates. */
export interface CoordinatePattern {
  readonly shape: readonly [rows: number, columns: number];
  /** The row of each element. */
  readonly rowIndices: Int32Array;
  /** The column of each element. */
  readonly columnIndices: Int32Array;
}

/** The coordinate format (COO): row and column of every element, in the order of the values. */
export function toCOO({ shape, rowPointers, columnIndices }: SparsityPattern): CoordinatePattern {
  const rowIndices = new Int32Array(columnIndices.length);
  for (let row = 0; row < shape[0]; row++) rowIndices.fill(row, rowPointers[row], rowPointers[row + 1]);
  return { shape, rowIndices, columnIndices };
}

/** A pattern by compressed columns. */
export interface ColumnPattern {
  readonly shape: readonly [rows: number, columns: number];
  /** Of length columns + 1: where each column begins among the elements, and the last one ends. */
  readonly columnPointers: Int32Array;
  /** The row of each element, ascending within a column. */
  readonly rowIndices: Int32Array;
  /** Where each element stands among those of the compressed rows: `gather(values, order)` are the values by columns. */
  readonly order: Int32Array;
}

/** The format of compressed columns (CSC). */
export function toCSC(pattern: SparsityPattern): ColumnPattern {
  const { shape, columnIndices } = pattern;
  const rowOf = toCOO(pattern).rowIndices;
  const columnPointers = new Int32Array(shape[1] + 1);
  for (const column of columnIndices) columnPointers[column + 1]++;
  for (let column = 0; column < shape[1]; column++) columnPointers[column + 1] += columnPointers[column];
  const next = columnPointers.slice(0, shape[1]);
  const rowIndices = new Int32Array(columnIndices.length);
  const order = new Int32Array(columnIndices.length);
  columnIndices.forEach((column, element) => {
    const to = next[column]++;
    rowIndices[to] = rowOf[element];
    order[to] = element;
  });
  return { shape, columnPointers, rowIndices, order };
}

/** The matrix with its zeros: shape [rows, columns]. */
export function toDense(matrix: SparseMatrix): Variable {
  const { shape, values } = matrix;
  const { rowIndices, columnIndices } = toCOO(matrix);
  const places = columnIndices.map((column, element) => rowIndices[element] * shape[1] + column);
  const zeros = full([shape[0] * shape[1]], 0, values.dtype);
  return reshape(scatterAdd(zeros, indexVector(places), values), [...shape]);
}

/**
 * The product of a sparse matrix and a vector, as an expression: one multiplication for each element.
 * @throws ShapeError unless `x` is a vector with an element for each column
 */
export function spmv(matrix: SparseMatrix, x: TensorLike): Variable {
  const { shape, values } = matrix;
  const vector = toVariable(x, values.dtype);
  if (vector.rank !== 1 || vector.shape[0] !== shape[1]) {
    throw new ShapeError(
      `spmv: a matrix of shape ${formatShape(shape)} times ${formatShape(vector.shape)}; give a vector of ${shape[1]} elements${at()}`,
    );
  }
  const { rowIndices, columnIndices } = toCOO(matrix);
  const products = mul(values, gather(vector, indexVector(columnIndices)));
  return scatterAdd(full([shape[0]], 0, products.dtype), indexVector(rowIndices), products);
}

/** Positions as a constant of the graph. */
export function indexVector(positions: Int32Array): Variable {
  return constant(new Tensor([positions.length], 'int32', positions));
}
