/** Products of vectors and matrices, and diagonals. */
import {
  apply,
  at,
  broadcastShapes,
  type DType,
  DTypeError,
  formatShape,
  type MatmulShape,
  normalizeAxis,
  type Operation,
  type Shape,
  ShapeError,
  type ShapeMismatch,
  sameShape,
  type TensorLike,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { add } from './arithmetic.ts';
import { broadcastTo, sum } from './broadcasting.ts';
import { cast } from './conversion.ts';
import { type Declared, declare, real } from './declare.ts';
import { mul, type Plain, unify } from './elementwise.ts';
import { iota } from './generators.ts';
import { equal, where } from './logic.ts';
import { expandDims, reshape, transpose } from './movement.ts';
import { total, unshifted } from './rules.ts';
import { pad } from './slicing.ts';

/** Swaps the last two axes. */
export function transposeLast(x: Variable): Variable {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** C = A B for matrices; leading axes of A and B are equal. */
const matmulOperation: Operation<Record<string, never>> = {
  name: 'matmul',
  infer([a, b]) {
    if (a.dtype !== b.dtype)
      throw new DTypeError(`matmul: operands of ${a.dtype} and ${b.dtype}; cast them to one dtype${at()}`);
    return [{ shape: [...a.shape.slice(0, -1), b.shape[b.rank - 1]], dtype: a.dtype }];
  },
  bprop: ({ inputs: [a, b], g, index }) =>
    index === 0 ? matmul(g, transposeLast(b)) : matmul(transposeLast(a), g),
  jvp: ({ inputs: [a, b], tangents: [da, db] }) => [total(da && matmul(da, b), db && matmul(a, db))],
  computation: { kind: 'product' },
};

/** Matrix product; literal shapes are checked by the compiler. */
export interface Matmul {
  <N extends number, K extends number, M extends number>(
    a: Variable<readonly [N, K]>,
    b: Variable<readonly [NoInfer<K>, M]>,
  ): Variable<readonly [N, M]>;
  <A extends Shape, B extends Shape>(
    a: Variable<A>,
    b: Variable<B> &
      ([MatmulShape<A, B>] extends [never] ? ShapeMismatch<'inner sizes differ', A, B> : unknown),
  ): Variable<MatmulShape<A, B>>;
  (a: Plain, b: TensorLike): Variable;
  (a: TensorLike, b: Plain): Variable;
}

function product(left: TensorLike, right: TensorLike): Variable {
  const [a, b] = unify([left, right], 'number');
  if (a.rank === 0 || b.rank === 0) {
    throw new ShapeError(
      `matmul: ${formatShape(a.shape)} x ${formatShape(b.shape)}: a scalar is no matrix; use mul${at()}`,
    );
  }
  const inner = a.shape[a.rank - 1];
  const innerOfB = b.shape[Math.max(0, b.rank - 2)];
  if (inner !== innerOfB) {
    throw new ShapeError(
      `matmul: inner sizes differ: ${formatShape(a.shape)} x ${formatShape(b.shape)} (${inner} against ${innerOfB})${at()}`,
    );
  }
  const rows = a.rank === 1 ? expandDims(a, 0) : a;
  const columns = b.rank === 1 ? expandDims(b, 1) : b;
  const batch = broadcastShapes('matmul', rows.shape.slice(0, -2), columns.shape.slice(0, -2));
  const c = apply(
    matmulOperation,
    [
      broadcastTo(rows, [...batch, ...rows.shape.slice(-2)]),
      broadcastTo(columns, [...batch, ...columns.shape.slice(-2)]),
    ],
    {},
  );
  if (a.rank > 1 && b.rank > 1) return c;
  return reshape(c, [
    ...batch,
    ...(a.rank > 1 ? [c.shape[c.rank - 2]] : []),
    ...(b.rank > 1 ? [c.shape[c.rank - 1]] : []),
  ]);
}

/**
 * Matrix product C_ij = sum_k A_ik B_kj over the last two axes; leading axes broadcast. A vector on the left counts
 * as a row, on the right as a column. Gradients: G B^T and A^T G (eq. 6.54 applied to C = AB).
 */
export const matmul: Declared<Matmul> = declare(product as Matmul)({
  name: 'matmul',
  doc: 'Matrix product: C = A B, with gradients G B^T and A^T G; leading axes broadcast.',
  dtypes: 'number',
  operation: matmulOperation,
  samples: [
    {
      inputs: [
        { shape: [3, 4], domain: real(-2, 2) },
        { shape: [4, 5], domain: real(-2, 2) },
      ],
      call: (x, y) => matmul(x, y),
      torch: 'x @ y',
    },
    {
      inputs: [
        { shape: [2, 3, 4], domain: real(-2, 2) },
        { shape: [4, 2], domain: real(-2, 2) },
      ],
      call: (x, y) => matmul(x, y),
      torch: 'x @ y',
    },
    {
      inputs: [
        { shape: [2, 1, 3, 4], domain: real(-2, 2) },
        { shape: [5, 4, 2], domain: real(-2, 2) },
      ],
      call: (x, y) => matmul(x, y),
      torch: 'x @ y',
    },
    {
      inputs: [
        { shape: [4], domain: real(-2, 2) },
        { shape: [4, 3], domain: real(-2, 2) },
      ],
      call: (x, y) => matmul(x, y),
      torch: 'x @ y',
    },
    {
      inputs: [
        { shape: [3, 4], domain: real(-2, 2) },
        { shape: [4], domain: real(-2, 2) },
      ],
      call: (x, y) => matmul(x, y),
      torch: 'x @ y',
    },
    {
      inputs: [
        { shape: [0, 4], domain: real(-2, 2) },
        { shape: [4, 3], domain: real(-2, 2) },
      ],
      call: (x, y) => matmul(x, y),
    },
    {
      inputs: [
        { shape: [3, 0], domain: real(-2, 2) },
        { shape: [0, 2], domain: real(-2, 2) },
      ],
      call: (x, y) => matmul(x, y),
    },
    {
      inputs: [
        { shape: [5, 3], domain: real(-2, 2) },
        { shape: [5, 4], domain: real(-2, 2) },
      ],
      call: (x, y) => matmul(transpose(x), y),
      torch: 'x.T @ y',
    },
  ],
});

const vector = { shape: [4], domain: real(-2, 2) };

function vectors(operation: string, a: TensorLike, b: TensorLike): [Variable, Variable] {
  const [left, right] = unify([a, b], 'number');
  if (left.rank !== 1 || right.rank !== 1) {
    throw new ShapeError(
      `${operation}: takes two vectors, got ${formatShape(left.shape)} and ${formatShape(right.shape)}; use matmul or einsum${at()}`,
    );
  }
  return [left, right];
}

/** Inner product of two vectors. */
export const dot = declare((a: TensorLike, b: TensorLike): Variable => {
  const [left, right] = vectors('dot', a, b);
  if (!sameShape(left.shape, right.shape)) {
    throw new ShapeError(`dot: lengths differ: ${left.shape[0]} against ${right.shape[0]}${at()}`);
  }
  return matmul(left, right);
})({
  name: 'dot',
  doc: 'Inner product of two vectors: y = sum_i a_i b_i.',
  dtypes: 'number',
  samples: [{ inputs: [vector, vector], call: (x, y) => dot(x, y), torch: 'x.dot(y)' }],
});

/** Outer product of two vectors. */
export const outer = declare((a: TensorLike, b: TensorLike): Variable => {
  const [left, right] = vectors('outer', a, b);
  return mul(expandDims(left, 1), expandDims(right, 0));
})({
  name: 'outer',
  doc: 'Outer product of two vectors: y_ij = a_i b_j.',
  dtypes: 'number',
  samples: [
    {
      inputs: [vector, { shape: [3], domain: real(-2, 2) }],
      call: (x, y) => outer(x, y),
      torch: 'x.outer(y)',
    },
  ],
});

/** The matrix with ones on its diagonal and zeros elsewhere: rows x rows unless told otherwise, float32 unless told otherwise. */
export const eye = declare(
  (rows: number, columns = rows, dtype: DType = 'float32'): Variable =>
    cast(equal(iota([rows, columns], 0), iota([rows, columns], 1)), dtype),
)({
  name: 'eye',
  doc: 'The identity matrix: y_ij = 1 where i = j, else 0.',
  dtypes: '-> dtype',
  notDifferentiable: 'it has no inputs',
  samples: [
    { inputs: [], call: () => eye(3) },
    { inputs: [], call: () => eye(2, 4, 'int32') },
  ],
});

/** The diagonal of the last two axes, `offset` places above (positive) or below the main one. */
type DiagonalAttributes = { offset: number };

const diagonalOperation: Operation<DiagonalAttributes> = {
  name: 'diagonal',
  infer([x], { offset }) {
    const [rows, columns] = x.shape.slice(-2);
    const length = offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns);
    return [{ shape: [...x.shape.slice(0, -2), Math.max(0, length)], dtype: x.dtype }];
  },
  bprop({ inputs: [x], g, attributes: { offset } }) {
    const [rows, columns] = x.shape.slice(-2);
    const above = Math.min(rows, Math.max(0, -offset));
    const lead = g.shape.slice(0, -1).map(() => 0);
    const along = pad(g, [...lead, above], [...lead, rows - above - g.shape[g.rank - 1]]);
    const row = iota([rows, columns], 0);
    return where(equal(add(row, offset), iota([rows, columns], 1)), expandDims(along, -1), 0);
  },
  linear: true,
  batch: unshifted,
  computation: {
    kind: 'view',
    view(input, output, { offset }) {
      const [rowStride, columnStride] = input.strides.slice(-2);
      return {
        shape: output,
        strides: [...input.strides.slice(0, -2), rowStride + columnStride],
        offset: input.offset + (offset >= 0 ? offset * columnStride : -offset * rowStride),
      };
    },
  },
};

export interface DiagonalOptions {
  /** Places above (positive) or below (negative) the main diagonal. Default 0. */
  offset?: number;
  /** The two axes, the first two by default; the diagonal becomes the last axis. */
  axes?: readonly [number, number];
}

const square = { shape: [4, 4], domain: real(-2, 2) };
const block = { shape: [2, 3, 4], domain: real(-2, 2) };

export const diagonal = declare(
  (x: TensorLike, { offset = 0, axes = [0, 1] }: DiagonalOptions = {}): Variable => {
    const operand = toVariable(x);
    if (operand.rank < 2)
      throw new ShapeError(`diagonal: ${formatShape(operand.shape)} has no two axes${at()}`);
    const pair = axes.map((axis) => normalizeAxis('diagonal', axis, operand.rank));
    if (pair[0] === pair[1]) throw new ShapeError(`diagonal: axis ${pair[0]} is given twice${at()}`);
    const rest = operand.shape.flatMap((_, axis) => (pair.includes(axis) ? [] : [axis]));
    const order = [...rest, ...pair];
    const moved = order.every((axis, i) => axis === i) ? operand : transpose(operand, order);
    return apply(diagonalOperation, [moved], { offset });
  },
)({
  name: 'diagonal',
  doc: 'The diagonal of two axes, as the last axis: y_i = x_(i, i + offset).',
  dtypes: 'any',
  operation: diagonalOperation,
  samples: [
    { inputs: [square], call: (x) => diagonal(x), torch: 'x.diagonal()' },
    { inputs: [square], call: (x) => diagonal(x, { offset: -2 }), torch: 'x.diagonal(-2)' },
    {
      inputs: [block],
      call: (x) => diagonal(x, { offset: 1, axes: [1, 2] }),
      torch: 'x.diagonal(1, 1, 2)',
    },
    { inputs: [block], call: (x) => diagonal(x, { axes: [2, 0] }), torch: 'x.diagonal(0, 2, 0)' },
  ],
});

/** The sum of the diagonal of two axes (the first two by default). */
export const trace = declare(
  (x: TensorLike, options?: DiagonalOptions): Variable => sum(diagonal(x, options), -1),
)({
  name: 'trace',
  doc: 'The sum of the diagonal: y = sum_i x_ii.',
  dtypes: 'number',
  samples: [{ inputs: [square], call: (x) => trace(x), torch: 'x.trace()' }],
});
