/** Triangles of matrices, and systems with triangular coefficients. */
import {
  apply,
  applyOperation,
  type Batch,
  NumericalError,
  type Operation,
  type Shape,
  type TensorLike,
  toVariable,
  Variable,
} from '../../graph/index.ts';
import { add, neg } from '../arithmetic.ts';
import { type Declared, declare, real } from '../declare.ts';
import { mul } from '../elementwise.ts';
import { full, iota } from '../generators.ts';
import { matmul } from '../linearAlgebra.ts';
import { lessEqual, where } from '../logic.ts';
import { moveAxis, reshape } from '../movement.ts';
import { leading, total } from '../rules.ts';
import { solveTriangle, zeroOnDiagonal } from './algorithms/elimination.ts';
import { countOf, matrixAt, whichMatrix } from './algorithms/matrix.ts';
import { identityOf, requireMatrix, squareOf, systemOf, transposeLast } from './matrices.ts';

/** A function that keeps the shape of a matrix, with the diagonal at which it cuts. */
interface Cut {
  <S extends Shape>(x: Variable<S>, offset?: number): Variable<S>;
  (x: TensorLike, offset?: number): Variable;
}

const matrix = { shape: [3, 4], domain: real(-2, 2) };
const batchOfMatrices = { shape: [2, 4, 3], domain: real(-2, 2) };

/**
 * The elements of a matrix on and below a diagonal (the main one, or `offset` places above it), zeros elsewhere. What
 * is dropped may be NaN.
 */
export const tril: Declared<Cut> = declare(((x: TensorLike, offset = 0): Variable => {
  const operand = toVariable(x);
  requireMatrix('tril', operand);
  const [rows, columns] = operand.shape.slice(-2);
  const kept = lessEqual(iota([rows, columns], 1), add(iota([rows, columns], 0), offset));
  return where(kept, operand, full([], 0, operand.dtype));
}) as Cut)({
  name: 'tril',
  doc: 'The elements on and below a diagonal: y_ij = x_ij where j <= i + offset, else 0.',
  dtypes: 'any',
  samples: [
    { inputs: [matrix], call: (x) => tril(x), torch: 'x.tril()' },
    { inputs: [batchOfMatrices], call: (x) => tril(x, -1), torch: 'x.tril(-1)' },
  ],
});

/** The elements of a matrix on and above a diagonal (the main one, or `offset` places above it), zeros elsewhere. */
export const triu: Declared<Cut> = declare(((x: TensorLike, offset = 0): Variable => {
  const operand = toVariable(x);
  requireMatrix('triu', operand);
  const [rows, columns] = operand.shape.slice(-2);
  const kept = lessEqual(add(iota([rows, columns], 0), offset), iota([rows, columns], 1));
  return where(kept, operand, full([], 0, operand.dtype));
}) as Cut)({
  name: 'triu',
  doc: 'The elements on and above a diagonal: y_ij = x_ij where j >= i + offset, else 0.',
  dtypes: 'any',
  samples: [
    { inputs: [matrix], call: (x) => triu(x), torch: 'x.triu()' },
    { inputs: [batchOfMatrices], call: (x) => triu(x, 1), torch: 'x.triu(1)' },
  ],
});

export interface TriangularSolveOptions {
  /** Whether the lower triangle of A is read (default), or the upper. */
  lower?: boolean;
  /** Solve T^T X = B. Default false. */
  transpose?: boolean;
  /** The diagonal counts as ones, and is not read. Default false. */
  unitDiagonal?: boolean;
}

type TriangularAttributes = Required<TriangularSolveOptions>;

/** The part of a matrix that the operation reads, where ones on the diagonal are not of it. */
function moving(a: Variable, { lower, unitDiagonal }: TriangularAttributes): Variable {
  if (lower) return tril(a, unitDiagonal ? -1 : 0);
  return triu(a, unitDiagonal ? 1 : 0);
}

/** T^-1 B, or T^-T B, for T a triangle of A; A and B have equal leading axes. */
const triangularSolveOperation: Operation<TriangularAttributes> = {
  name: 'triangularSolve',
  infer: ([, b]) => [{ shape: b.shape, dtype: b.dtype }],
  bprop({ inputs: [a], outputs: [x], g, index, attributes }) {
    const toB = apply(triangularSolveOperation, [a, g], { ...attributes, transpose: !attributes.transpose });
    if (index === 1) return toB;
    const outer = attributes.transpose ? matmul(x, transposeLast(toB)) : matmul(toB, transposeLast(x));
    return neg(moving(outer, attributes));
  },
  jvp({ inputs: [a], outputs: [x], tangents: [da, db], attributes }) {
    const dt = da && moving(da, attributes);
    const change = dt && matmul(attributes.transpose ? transposeLast(dt) : dt, x);
    const right = total(db, change && neg(change));
    return right instanceof Variable ? [apply(triangularSolveOperation, [a, right], attributes)] : [right];
  },
  batch: moreColumns,
  computation: {
    kind: 'routine',
    run([a, b], [x], attributes) {
      const [n, columns] = b.shape.slice(-2);
      for (let index = 0; index < countOf(a); index++) {
        const data = matrixAt(a, index);
        const zeroAt = attributes.unitDiagonal ? -1 : zeroOnDiagonal(data, n);
        if (zeroAt >= 0) {
          throw new NumericalError(
            `triangularSolve: ${whichMatrix(a, index)} is singular: element ${zeroAt} of its diagonal is 0; ` +
              `use lstsq, or { unitDiagonal: true } if ones are meant`,
          );
        }
        const columnsOfX = matrixAt(b, index);
        solveTriangle({ data, n, ...attributes }, columnsOfX, columns);
        x.data.set(columnsOfX, index * n * columns);
      }
    },
  },
};

/**
 * Batching rule of a solver whose last input is the right-hand side, [..., rows, columns]: if that alone carries the batch
 * axis, the batch is more columns for the same matrix.
 */
export function moreColumns<A>(batch: Batch<A>): Variable[] {
  const { operation, inputs, mapped, attributes, size } = batch;
  if (mapped.slice(0, -1).some((each) => each)) return leading(batch);
  const b = inputs[inputs.length - 1];
  const [rows, columns] = b.shape.slice(-2);
  const lead = b.shape.slice(1, -2);
  const beside = moveAxis(b, 0, b.rank - 2);
  const wide = reshape(beside, [...lead, rows, size * columns]);
  const [x] = applyOperation(operation, [...inputs.slice(0, -1), wide], attributes);
  const parted = reshape(x, [...lead, x.shape[x.rank - 2], size, columns]);
  return [moveAxis(parted, b.rank - 2, 0)];
}

/** T^-1 B (T^-T B) for matrices with equal leading axes: what derivative rules call. */
export function solveTriangular(
  a: Variable,
  b: Variable,
  { lower = true, transpose = false, unitDiagonal = false }: TriangularSolveOptions = {},
): Variable {
  return apply(triangularSolveOperation, [a, b], { lower, transpose, unitDiagonal });
}

const square = { shape: [3, 3], domain: real(-1, 1) };
const vector = { shape: [3], domain: real(-2, 2) };
const columns = { shape: [3, 2], domain: real(-2, 2) };
/** With a diagonal far from 0. */
const steady = (x: Variable): Variable => add(x, mul(3, identityOf(x)));
const torchSteady = '(x + 3 * torch.eye(x.shape[-1]).double())';

/**
 * x of T x = b, where T is the lower (or upper) triangle of A; the rest of A is not read and has a zero gradient. A is
 * [..., n, n]; b of rank 1 is a vector, otherwise matrices [..., n, k]. Leading axes broadcast.
 *
 * Differentiation: B-bar = T^-T X-bar and A-bar = -B-bar X^T on the triangle (Giles 2008, section 2).
 * @throws NumericalError where the diagonal of T has a zero
 */
export const triangularSolve = declare(
  (a: TensorLike, b: TensorLike, options: TriangularSolveOptions = {}): Variable => {
    const system = systemOf('triangularSolve', squareOf('triangularSolve', a), b);
    return system.solution(solveTriangular(system.a, system.b, options));
  },
)({
  name: 'triangularSolve',
  doc: 'Solves T x = b for a triangle T of A (lower unless told otherwise), or T^T x = b.',
  dtypes: 'float',
  operation: triangularSolveOperation,
  samples: [
    {
      inputs: [square, columns],
      call: (x, y) => triangularSolve(steady(x), y),
      torch: `torch.linalg.solve_triangular(${torchSteady}, y, upper=False)`,
    },
    {
      inputs: [square, vector],
      call: (x, y) => triangularSolve(steady(x), y, { lower: false }),
      torch: `torch.linalg.solve_triangular(${torchSteady}, y[:, None], upper=True)[:, 0]`,
    },
    {
      inputs: [
        { ...square, shape: [2, 1, 3, 3] },
        { ...columns, shape: [2, 3, 2] },
      ],
      call: (x, y) => triangularSolve(steady(x), y, { transpose: true }),
      torch: `torch.linalg.solve_triangular(${torchSteady}.mT, y, upper=True)`,
    },
    {
      inputs: [square, columns],
      call: (x, y) => triangularSolve(x, y, { lower: false, transpose: true, unitDiagonal: true }),
      torch: 'torch.linalg.solve_triangular(x.mT, y, upper=False, unitriangular=True)',
    },
    {
      inputs: [square, columns],
      call: (x, y) => triangularSolve(x, y, { unitDiagonal: true }),
      torch: 'torch.linalg.solve_triangular(x, y, upper=False, unitriangular=True)',
    },
    {
      inputs: [
        { ...square, shape: [0, 0] },
        { ...columns, shape: [0, 2] },
      ],
      call: (x, y) => triangularSolve(x, y),
    },
  ],
});
