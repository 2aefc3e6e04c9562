/** Eigenvalues and eigenvectors of symmetric matrices. */
import { applyOperation, type Operation, type TensorLike, type Variable, zero } from '../../graph/index.ts';
import { add } from '../arithmetic.ts';
import { declare, real } from '../declare.ts';
import { mul } from '../elementwise.ts';
import { exp } from '../exponential.ts';
import { iota } from '../generators.ts';
import { matmul } from '../linearAlgebra.ts';
import { unshifted } from '../rules.ts';
import { symmetricEigen } from './algorithms/jacobi.ts';
import { countOf, matrixAt } from './algorithms/matrix.ts';
import {
  conventionOf,
  type DegenerateAttributes,
  type DegenerateOptions,
  inverseDifferences,
  repeatedEigenvalues,
} from './degenerate.ts';
import {
  diagonalOf,
  given,
  product,
  scaleColumns,
  skew,
  squareOf,
  sumOf,
  symmetrized,
  transposeLast,
  withDiagonal,
} from './matrices.ts';

const eighOperation: Operation<DegenerateAttributes> = {
  name: 'eigh',
  infer: ([a]) => [
    { shape: a.shape.slice(0, -1), dtype: a.dtype },
    { shape: a.shape, dtype: a.dtype },
  ],
  // Giles (2008), section 3.1, with F_ij = 1 / (w_j - w_i): A-bar = V (diag(w-bar) + F o V^T V-bar) V^T, symmetric
  // part.
  bprop({ outputs: [w, v], gradients: [gw, gv], attributes }) {
    const [toValues, toVectors] = [given(gw), given(gv)];
    const rotation = toVectors && mul(0.5, skew(matmul(transposeLast(v), toVectors)));
    const middle = sumOf(
      toValues && withDiagonal(toValues),
      rotation && mul(inverseDifferences(w, attributes), rotation),
    );
    return middle === undefined ? zero : product(v, middle, transposeLast(v));
  },
  // dw = diag(E) and dV = V (F o E), with E = V^T dA V.
  jvp({ outputs: [w, v], tangents: [da], attributes }) {
    if (da === undefined) return [zero, zero];
    const turned = product(transposeLast(v), symmetrized(da), v);
    return [diagonalOf(turned), matmul(v, mul(inverseDifferences(w, attributes), turned))];
  },
  kinks: ({ outputs: [w], attributes }) => [
    { where: repeatedEigenvalues(w), point: 'equal eigenvalues', convention: conventionOf(attributes) },
  ],
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a], [w, v]) {
      const n = a.shape[a.shape.length - 1];
      for (let index = 0; index < countOf(a); index++) {
        const { values, vectors } = symmetricEigen(matrixAt(a, index), n);
        w.data.set(values, index * n);
        v.data.set(vectors, index * n * n);
      }
    },
  },
};

const square = { shape: [3, 3], domain: real(-1, 1) };
/** With eigenvalues that stay apart. */
const separated = (x: Variable): Variable =>
  add(x, withDiagonal(mul(4, iota([x.shape[x.rank - 1]], 0, x.dtype))));
const torchSeparated = '(x + x.mT) / 2 + torch.diag(4.0 * torch.arange(x.shape[-1]).double())';

/**
 * `[w, V]` with (A + A^T) / 2 = V diag(w) V^T: the eigenvalues w [..., n] ascending, their eigenvectors the columns of
 * the orthogonal V [..., n, n]. A counts as its symmetric part, so its gradient is symmetric. Each eigenvector has the
 * sign that makes the first of its large elements (within a hundredth of the largest) positive.
 *
 * Differentiation: Giles, "Collected matrix derivative results", 2008, section 3.1. A function of eigenvalues alone
 * has a finite gradient everywhere, exact where one exists (for a symmetric function, such as their sum of squares,
 * also where they are equal). Where eigenvalues are equal (see `repeatedEigenvalues`) eigenvectors have no
 * derivative; `degenerate` says what stands for it.
 */
export const eigh = declare(
  (a: TensorLike, { degenerate = 'nan' }: DegenerateOptions = {}): [w: Variable, v: Variable] => {
    const [w, v] = applyOperation(eighOperation, [squareOf('eigh', a)], { degenerate });
    return [w, v];
  },
)({
  name: 'eigh',
  doc: 'Eigenvalues (ascending) and eigenvectors of symmetric matrices: A = V diag(w) V^T.',
  dtypes: 'float',
  operation: eighOperation,
  samples: [
    { inputs: [square], call: (x) => eigh(separated(x)) },
    {
      inputs: [square],
      call: (x) => eigh(separated(x))[0],
      torch: `torch.linalg.eigh(${torchSeparated})[0]`,
    },
    {
      inputs: [{ ...square, shape: [2, 3, 3] }],
      call: (x) => {
        const [w, v] = eigh(separated(x));
        return matmul(scaleColumns(v, exp(mul(0.1, w))), transposeLast(v));
      },
      torch: `(lambda w, v: (v * (0.1 * w).exp().unsqueeze(-2)) @ v.mT)(*torch.linalg.eigh(${torchSeparated}))`,
    },
    { inputs: [{ ...square, shape: [2, 0, 0] }], call: (x) => eigh(x) },
  ],
});
