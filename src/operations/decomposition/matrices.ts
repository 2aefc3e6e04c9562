/** Matrices as expressions: what the derivative rules of decompositions are written in, and the checks of operands. */
import {
  at,
  broadcastShapes,
  formatShape,
  type Gradient,
  type Shape,
  ShapeError,
  type TensorLike,
  toFloat,
  toVariable,
  Variable,
} from '../../graph/index.ts';
import { add, sub } from '../arithmetic.ts';
import { broadcastTo } from '../broadcasting.ts';
import { cast } from '../conversion.ts';
import { mul, unify } from '../elementwise.ts';
import { iota } from '../generators.ts';
import { diagonal, eye, matmul, transposeLast } from '../linearAlgebra.ts';
import { equal, where } from '../logic.ts';
import { expandDims, reshape } from '../movement.ts';
import { total } from '../rules.ts';

export { transposeLast } from '../linearAlgebra.ts';

/** @throws ShapeError unless `a` is a matrix or a batch of them. */
export function requireMatrix(operation: string, { shape }: Variable): void {
  if (shape.length < 2) {
    throw new ShapeError(
      `${operation}: ${formatShape(shape)} is no matrix; it takes [..., rows, columns]${at()}`,
    );
  }
}

/** The operand as a floating-point matrix, or a batch of them. @throws ShapeError */
export function matrixOf(operation: string, a: TensorLike): Variable {
  const operand = toVariable(a);
  requireMatrix(operation, operand);
  return cast(operand, toFloat(operand.dtype));
}

/** @throws ShapeError unless the last two extents are equal. */
export function squareOf(operation: string, a: TensorLike): Variable {
  const matrix = matrixOf(operation, a);
  const [rows, columns] = matrix.shape.slice(-2);
  if (rows !== columns) {
    throw new ShapeError(
      `${operation}: takes square matrices, got ${formatShape(matrix.shape)} (${rows} rows, ${columns} columns)${at()}`,
    );
  }
  return matrix;
}

/** The operands of A X = B, of one dtype and with equal leading axes. */
export interface System {
  /** A as it came, before it is repeated over the leading axes of B. */
  readonly matrix: Variable;
  readonly a: Variable;
  /** Matrices: a vector has become a column. */
  readonly b: Variable;
  /** The leading axes of both. */
  readonly batch: Shape;
  /** Turns the X of these operands into the x that was asked for. */
  solution(x: Variable): Variable;
}

/**
 * The system A X = B: a right-hand side of rank 1 is a vector (and x one for each matrix), any other a matrix or a
 * batch of them; leading axes broadcast, as in matmul. @throws ShapeError
 */
export function systemOf(operation: string, left: TensorLike, right: TensorLike): System {
  const [coefficients, b] = unify([left, right], 'float');
  const matrix = matrixOf(operation, coefficients);
  if (b.rank === 0)
    throw new ShapeError(`${operation}: the right-hand side is a scalar; give a vector or a matrix${at()}`);
  const rows = matrix.shape[matrix.rank - 2];
  const height = b.shape[Math.max(0, b.rank - 2)];
  if (height !== rows) {
    const hint =
      b.rank > 1 && b.shape[b.rank - 1] === rows ? '; make vectors columns: expandDims(b, -1)' : '';
    throw new ShapeError(
      `${operation}: ${formatShape(matrix.shape)} has ${rows} rows, the right-hand side ${formatShape(b.shape)} has ` +
        `${height}${hint}${at()}`,
    );
  }
  const columns = b.rank === 1 ? expandDims(b, 1) : b;
  const batch = broadcastShapes(operation, matrix.shape.slice(0, -2), columns.shape.slice(0, -2));
  return {
    matrix,
    a: withBatch(matrix, batch),
    b: withBatch(columns, batch),
    batch,
    solution: (x) => (b.rank === 1 ? reshape(x, x.shape.slice(0, -1)) : x),
  };
}

/** The matrix (its last `rank` axes) repeated over leading axes. */
export function withBatch(x: Variable, batch: Shape, rank = 2): Variable {
  return broadcastTo(x, [...batch, ...x.shape.slice(x.rank - rank)]);
}

/** What came in for an output, where something did. */
export function given(gradient: Gradient): Variable | undefined {
  return gradient instanceof Variable ? gradient : undefined;
}

/** The sum of the parts that are there; undefined where none is. */
export function sumOf(...parts: readonly (Variable | undefined)[]): Variable | undefined {
  return given(total(...parts));
}

/** A B C ... */
export function product(...factors: readonly Variable[]): Variable {
  return factors.reduce((a, b) => matmul(a, b));
}

/** (A + A^T) / 2. */
export function symmetrized(a: Variable): Variable {
  return mul(0.5, add(a, transposeLast(a)));
}

/** A - A^T. */
export function skew(a: Variable): Variable {
  return sub(a, transposeLast(a));
}

/** True on the diagonal of n x n. */
export function onDiagonal(n: number): Variable {
  return equal(iota([n, n], 0), iota([n, n], 1));
}

/** The identity of the size and dtype of a square matrix. */
export function identityOf({ shape, rank, dtype }: Variable): Variable {
  return eye(shape[rank - 1], shape[rank - 1], dtype);
}

/** The matrix with the vector v on its diagonal. */
export function withDiagonal(v: Variable): Variable {
  return where(onDiagonal(v.shape[v.rank - 1]), expandDims(v, -1), 0);
}

/** The diagonal of a matrix, as a vector. */
export function diagonalOf(a: Variable): Variable {
  return diagonal(a, { axes: [a.rank - 2, a.rank - 1] });
}

/** A diag(v). */
export function scaleColumns(a: Variable, v: Variable): Variable {
  return mul(a, expandDims(v, -2));
}
