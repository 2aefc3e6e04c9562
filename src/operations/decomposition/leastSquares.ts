/** The pseudo-inverse, and least-squares solutions. */
import {
  apply,
  EPSILON,
  type FloatDType,
  type Kink,
  type Operation,
  type TensorLike,
  type Variable,
  zero,
} from '../../graph/index.ts';
import { add, neg, sub } from '../arithmetic.ts';
import { declare, real } from '../declare.ts';
import { mul } from '../elementwise.ts';
import { full, iota } from '../generators.ts';
import { matmul } from '../linearAlgebra.ts';
import { equal, lessEqual, where } from '../logic.ts';
import { max } from '../reduction.ts';
import { total, unshifted } from '../rules.ts';
import { singularValues } from './algorithms/jacobi.ts';
import { countOf, matrixAt, unitColumns } from './algorithms/matrix.ts';
import { matrixOf, product, systemOf, transposeLast } from './matrices.ts';
import { svd } from './svd.ts';
import { moreColumns } from './triangular.ts';

export interface RankOptions {
  /** Singular values up to this fraction of the largest count as 0. Default: max(m, n) times the dtype's epsilon. */
  tolerance?: number;
}

type RankAttributes = Required<RankOptions>;

function attributesOf(a: Variable, { tolerance }: RankOptions): RankAttributes {
  const [m, n] = a.shape.slice(-2);
  return { tolerance: tolerance ?? Math.max(m, n) * EPSILON[a.dtype as FloatDType] };
}

/** The singular values that count as 0: their number may change with the smallest change of A. */
function rankKinks(a: Variable, { tolerance }: RankAttributes): Kink[] {
  const [, s] = svd(a);
  if (s.shape[s.rank - 1] === 0) return [];
  const nil = lessEqual(s, mul(tolerance, max(s, -1, { keepDims: true })));
  return [
    { where: nil, point: 'dependent rows and columns', convention: 'that among matrices of equal rank' },
  ];
}

/** A^+ B for an m x n matrix A and m x k matrix B: V diag(1 / s) U^T B over the singular values that count. */
function applyInverse(
  a: Float64Array,
  m: number,
  n: number,
  b: Float64Array,
  k: number,
  { tolerance }: RankAttributes,
): Float64Array {
  const { u, s, v } = singularValues(a, m, n);
  const x = new Float64Array(n * k);
  const coordinates = new Float64Array(k);
  for (let j = 0; j < s.length; j++) {
    if (s[j] <= tolerance * s[0]) continue;
    coordinates.fill(0);
    for (let i = 0; i < m; i++) {
      for (let c = 0; c < k; c++) coordinates[c] += u[i * s.length + j] * b[i * k + c];
    }
    for (let i = 0; i < n; i++) {
      const factor = v[i * s.length + j] / s[j];
      for (let c = 0; c < k; c++) x[i * k + c] += factor * coordinates[c];
    }
  }
  return x;
}

/**
 * Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
 * separate", 1973: among matrices of equal rank, with P = A^+,
 * dP = -P dA P + P P^T dA^T (I - A P) + (I - P A) dA^T P^T P.
 */
const pinvOperation: Operation<RankAttributes> = {
  name: 'pinv',
  infer([a]) {
    const [m, n] = a.shape.slice(-2);
    return [{ shape: [...a.shape.slice(0, -2), n, m], dtype: a.dtype }];
  },
  bprop({ inputs: [a], outputs: [p], g }) {
    const [pT, gT] = [transposeLast(p), transposeLast(g)];
    const rows = product(gT, p, pT);
    const columns = product(pT, p, gT);
    return total(
      neg(product(pT, g, pT)),
      sub(rows, product(a, matmul(p, rows))),
      sub(columns, product(matmul(columns, p), a)),
    );
  },
  jvp({ inputs: [a], outputs: [p], tangents: [da] }) {
    if (da === undefined) return [zero];
    const [pT, daT] = [transposeLast(p), transposeLast(da)];
    const left = product(p, pT, daT);
    const right = product(daT, pT, p);
    return [
      total(
        neg(product(p, da, p)),
        sub(left, product(matmul(left, a), p)),
        sub(right, product(p, matmul(a, right))),
      ),
    ];
  },
  kinks: ({ inputs: [a], attributes }) => rankKinks(a, attributes),
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a], [p], attributes) {
      const [m, n] = a.shape.slice(-2);
      for (let index = 0; index < countOf(a); index++)
        p.data.set(applyInverse(matrixAt(a, index), m, n, unitColumns(m, m), m, attributes), index * n * m);
    },
  },
};

/** The derivative of A^+ B by the product rule, with the terms of dA^+ B in the order that needs no m x m matrix. */
const lstsqOperation: Operation<RankAttributes> = {
  name: 'lstsq',
  infer: ([a, b]) => [
    { shape: [...b.shape.slice(0, -2), a.shape[a.rank - 1], b.shape[b.rank - 1]], dtype: a.dtype },
  ],
  bprop({ inputs: [a, b], outputs: [x], g, index, attributes }) {
    const p = apply(pinvOperation, [a], attributes);
    const toB = matmul(transposeLast(p), g);
    if (index === 1) return toB;
    const residual = sub(b, matmul(a, x));
    const outside = sub(g, product(p, matmul(a, g)));
    return total(
      neg(matmul(toB, transposeLast(x))),
      matmul(residual, transposeLast(matmul(p, toB))),
      product(transposeLast(p), x, transposeLast(outside)),
    );
  },
  jvp({ inputs: [a, b], outputs: [x], tangents: [da, db], attributes }) {
    const p = apply(pinvOperation, [a], attributes);
    const pT = transposeLast(p);
    if (da === undefined) return [db === undefined ? zero : matmul(p, db)];
    const residual = sub(b, matmul(a, x));
    const turned = matmul(transposeLast(da), matmul(pT, x));
    const change = neg(matmul(da, x));
    return [
      total(
        matmul(p, db === undefined ? change : add(db, change)),
        product(p, pT, matmul(transposeLast(da), residual)),
        sub(turned, product(p, matmul(a, turned))),
      ),
    ];
  },
  kinks: ({ inputs: [a], attributes }) => rankKinks(a, attributes),
  batch: moreColumns,
  computation: {
    kind: 'routine',
    run([a, b], [x], attributes) {
      const [m, n] = a.shape.slice(-2);
      const k = b.shape[b.shape.length - 1];
      for (let index = 0; index < countOf(a); index++) {
        const found = applyInverse(matrixAt(a, index), m, n, matrixAt(b, index), k, attributes);
        x.data.set(found, index * n * k);
      }
    },
  },
};

/** With singular values far from 0. */
const regular = (x: Variable): Variable => {
  const [m, n] = x.shape.slice(-2);
  return add(x, where(equal(iota([m, n], 0), iota([m, n], 1)), full([], 2, x.dtype), 0));
};
const torchRegular = '(x + 2 * torch.eye(*x.shape[-2:]).double())';

const tall = { shape: [4, 2], domain: real(-1, 1) };
const wide = { shape: [2, 2, 3], domain: real(-1, 1) };
/** Of rank 2, whatever x is. */
const dependent = (x: Variable): Variable => matmul(regular(x), transposeLast(regular(x)));

/**
 * The Moore-Penrose inverse A^+ of A [..., m, n], from its singular values: [..., n, m]. Where the rank of A changes it
 * jumps and has no derivative; the derivative given is that among matrices of the same rank (Golub and Pereyra 1973).
 */
export const pinv = declare((a: TensorLike, options: RankOptions = {}): Variable => {
  const operand = matrixOf('pinv', a);
  return apply(pinvOperation, [operand], attributesOf(operand, options));
})({
  name: 'pinv',
  doc: 'The Moore-Penrose inverse, from the singular values; its derivative holds the rank fixed.',
  dtypes: 'float',
  operation: pinvOperation,
  samples: [
    { inputs: [tall], call: (x) => pinv(regular(x)), torch: `torch.linalg.pinv(${torchRegular})` },
    { inputs: [wide], call: (x) => pinv(regular(x)), torch: `torch.linalg.pinv(${torchRegular})` },
    {
      inputs: [tall],
      call: (x) => pinv(dependent(x)),
      torch: `torch.linalg.pinv(${torchRegular} @ ${torchRegular}.mT)`,
    },
    { inputs: [{ ...tall, shape: [3, 0] }], call: (x) => pinv(x) },
  ],
});

/**
 * The x of least norm among those that minimise |A x - b|, for A [..., m, n] of any rank: A^+ b. b of rank 1 is a
 * vector, otherwise matrices [..., m, k]; leading axes broadcast. The derivative holds the rank of A fixed (Golub and
 * Pereyra 1973).
 */
export const lstsq = declare((a: TensorLike, b: TensorLike, options: RankOptions = {}): Variable => {
  const system = systemOf('lstsq', a, b);
  return system.solution(apply(lstsqOperation, [system.a, system.b], attributesOf(system.a, options)));
})({
  name: 'lstsq',
  doc: 'Least squares: the shortest x that minimises |A x - b|, for A of any rank.',
  dtypes: 'float',
  operation: lstsqOperation,
  samples: [
    {
      inputs: [tall, { shape: [4], domain: real(-2, 2) }],
      call: (x, y) => lstsq(regular(x), y),
      torch: `torch.linalg.pinv(${torchRegular}) @ y`,
    },
    {
      inputs: [wide, { shape: [2, 3], domain: real(-2, 2) }],
      call: (x, y) => lstsq(regular(x), y),
      torch: `torch.linalg.pinv(${torchRegular}) @ y`,
    },
    {
      inputs: [tall, { shape: [4, 2], domain: real(-2, 2) }],
      call: (x, y) => lstsq(dependent(x), y),
      torch: `torch.linalg.pinv(${torchRegular} @ ${torchRegular}.mT) @ y`,
    },
    {
      inputs: [
        { ...tall, shape: [0, 0] },
        { shape: [0, 1], domain: real(-2, 2) },
      ],
      call: (x, y) => lstsq(x, y),
    },
  ],
});
