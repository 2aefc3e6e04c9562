/** The singular value decomposition. */
import { applyOperation, type Operation, type TensorLike, type Variable, zero } from '../../graph/index.ts';
import { add, neg, sub } from '../arithmetic.ts';
import { cast } from '../conversion.ts';
import { declare, real } from '../declare.ts';
import { mul } from '../elementwise.ts';
import { iota } from '../generators.ts';
import { matmul } from '../linearAlgebra.ts';
import { equal, where } from '../logic.ts';
import { total, unshifted } from '../rules.ts';
import { singularValues } from './algorithms/jacobi.ts';
import { countOf, matrixAt, transposed } from './algorithms/matrix.ts';
import {
  conventionOf,
  type DegenerateAttributes,
  type DegenerateOptions,
  inverseDifferences,
  inverseSums,
  inverses,
  repeatedEigenvalues,
  zeros,
} from './degenerate.ts';
import {
  diagonalOf,
  given,
  matrixOf,
  product,
  scaleColumns,
  skew,
  sumOf,
  symmetrized,
  transposeLast,
  withDiagonal,
} from './matrices.ts';

/** What of X stands orthogonal to the columns of U: (I - U U^T) X; nothing where U is square. */
function outside(u: Variable, x: Variable): Variable | undefined {
  const [rows, columns] = u.shape.slice(-2);
  return rows === columns ? undefined : sub(x, product(u, matmul(transposeLast(u), x)));
}

/**
 * With P = U^T dA V split into its symmetric part S and its skew part K, the rotations dU = U Omega, dV = V Psi
 * within the span are Omega = D o S + T o K and Psi = D o S - T o K, where D_ij = 1 / (s_j - s_i) and T_ij = 1 / (s_j
 * + s_i) off the diagonal (Townsend, "Differentiating the singular value decomposition", 2016, with his F split into
 * partial fractions, so that only D meets equal singular values). bprop is the transpose of this.
 */
const svdOperation: Operation<DegenerateAttributes> = {
  name: 'svd',
  infer([a]) {
    const [m, n] = a.shape.slice(-2);
    const batch = a.shape.slice(0, -2);
    const k = Math.min(m, n);
    return [[m, k], [k], [k, n]].map((shape) => ({ shape: [...batch, ...shape], dtype: a.dtype }));
  },
  bprop({ outputs: [u, s, vT], gradients: [gu, gs, gvT], attributes }) {
    const [toU, toS, toVT] = [given(gu), given(gs), given(gvT)];
    const v = transposeLast(vT);
    const toV = toVT && transposeLast(toVT);
    const left = toU && skew(matmul(transposeLast(u), toU));
    const right = toV && skew(matmul(vT, toV));
    const common = sumOf(left, right);
    const opposite = sumOf(left, right && neg(right));
    const inner = sumOf(
      toS && withDiagonal(toS),
      common && mul(0.5, mul(inverseDifferences(s, attributes), common)),
      opposite && mul(0.5, mul(inverseSums(s, attributes), opposite)),
    );
    const [aside, across] = [toU && outside(u, toU), toV && outside(v, toV)];
    return total(
      inner && product(u, inner, vT),
      aside && matmul(scaleColumns(aside, inverses(s, attributes)), vT),
      across && matmul(scaleColumns(u, inverses(s, attributes)), transposeLast(across)),
    );
  },
  jvp({ outputs: [u, s, vT], tangents: [da], attributes }) {
    if (da === undefined) return [zero, zero, zero];
    const v = transposeLast(vT);
    const [alongV, alongU] = [matmul(da, v), matmul(transposeLast(da), u)];
    const p = matmul(transposeLast(u), alongV);
    const common = mul(inverseDifferences(s, attributes), symmetrized(p));
    const opposite = mul(inverseSums(s, attributes), mul(0.5, skew(p)));
    const [aside, across] = [outside(u, alongV), outside(v, alongU)];
    const du = matmul(u, add(common, opposite));
    const dv = matmul(v, sub(common, opposite));
    return [
      total(du, aside && scaleColumns(aside, inverses(s, attributes))),
      diagonalOf(p),
      transposeLast(across ? add(dv, scaleColumns(across, inverses(s, attributes))) : dv),
    ];
  },
  kinks: ({ outputs: [, s], attributes }) => [
    { where: repeatedEigenvalues(s), point: 'equal singular values', convention: conventionOf(attributes) },
    {
      where: zeros(s),
      point: 'zero singular values',
      convention: 'of s: the side of the signs of its vectors',
    },
  ],
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a], [u, s, vT]) {
      const [m, n] = a.shape.slice(-2);
      const k = Math.min(m, n);
      for (let index = 0; index < countOf(a); index++) {
        const found = singularValues(matrixAt(a, index), m, n);
        u.data.set(found.u, index * m * k);
        s.data.set(found.s, index * k);
        vT.data.set(transposed(found.v, n, k), index * k * n);
      }
    },
  },
};

/** With singular values that stay apart. */
const separated = (x: Variable): Variable => {
  const [m, n] = x.shape.slice(-2);
  const [row, column] = [iota([m, n], 0), iota([m, n], 1)];
  return add(x, where(equal(row, column), cast(add(3, mul(3, row)), x.dtype), 0));
};
const torchSeparated =
  'x + torch.eye(*x.shape[-2:]).double() * torch.tensor([3.0, 6.0, 9.0])[: x.shape[-1]].double()';

const square = { shape: [3, 3], domain: real(-1, 1) };
const tall = { shape: [4, 2], domain: real(-1, 1) };
const wide = { shape: [2, 2, 3], domain: real(-1, 1) };

/**
 * `[U, s, V^T]` with A = U diag(s) V^T, reduced: for A [..., m, n] and k = min(m, n), U is [..., m, k] and V^T [...,
 * k, n] with orthonormal columns and rows, and s [..., k] descends and is nowhere negative. Each column of U has the
 * sign that makes the first of its large elements (within a hundredth of the largest) positive.
 *
 * Differentiation: Townsend 2016. A function of singular values alone has a finite gradient everywhere, exact where
 * one exists; at s = 0, where |x| has its kink, the side is that of the vectors' signs. Where singular values are
 * equal, or are 0 and A is not square (see `degenerateSingularValues`), singular vectors have no derivative;
 * `degenerate` says what stands for it.
 */
export const svd = declare(
  (
    a: TensorLike,
    { degenerate = 'nan' }: DegenerateOptions = {},
  ): [u: Variable, s: Variable, vT: Variable] => {
    const [u, s, vT] = applyOperation(svdOperation, [matrixOf('svd', a)], { degenerate });
    return [u, s, vT];
  },
)({
  name: 'svd',
  doc: 'Singular values (descending) and vectors: A = U diag(s) V^T, reduced.',
  dtypes: 'float',
  operation: svdOperation,
  samples: [
    { inputs: [square], call: (x) => svd(separated(x)) },
    { inputs: [tall], call: (x) => svd(separated(x)) },
    { inputs: [wide], call: (x) => svd(separated(x)) },
    {
      inputs: [tall],
      call: (x) => svd(separated(x))[1],
      torch: `torch.linalg.svdvals(${torchSeparated})`,
    },
    {
      inputs: [wide],
      call: (x) => {
        const [u, , vT] = svd(separated(x));
        return matmul(u, vT);
      },
      torch: `(lambda u, s, v: u @ v)(*torch.linalg.svd(${torchSeparated}, full_matrices=False))`,
    },
    { inputs: [{ ...square, shape: [3, 0] }], call: (x) => svd(x) },
  ],
});
