/** The Cholesky factor of symmetric positive definite matrices. */
import { apply, NumericalError, type Operation, type TensorLike, type Variable } from '../../graph/index.ts';
import { add, div } from '../arithmetic.ts';
import { declare, real } from '../declare.ts';
import { mul, type Unary } from '../elementwise.ts';
import { matmul } from '../linearAlgebra.ts';
import { where } from '../logic.ts';
import { pushed, unshifted } from '../rules.ts';
import { factorCholesky } from './algorithms/elimination.ts';
import { countOf, matrixAt, symmetricPart, whichMatrix } from './algorithms/matrix.ts';
import { identityOf, onDiagonal, squareOf, symmetrized, transposeLast } from './matrices.ts';
import { solveTriangular, tril } from './triangular.ts';

/** Phi of Murray (2016): the lower triangle with half the diagonal, so that Phi(S) + Phi(S)^T = S for symmetric S. */
function lowerHalf(a: Variable): Variable {
  return tril(where(onDiagonal(a.shape[a.rank - 1]), div(a, 2), a));
}

const choleskyOperation: Operation<Record<string, never>> = {
  name: 'cholesky',
  infer: ([a]) => [{ shape: a.shape, dtype: a.dtype }],
  // Murray (2016): A-bar = sym(L^-T Phi(L^T L-bar) L^-1).
  bprop({ outputs: [l], g }) {
    const half = lowerHalf(matmul(transposeLast(l), g));
    const middle = symmetrized(half);
    const left = solveTriangular(l, middle, { transpose: true });
    return solveTriangular(l, transposeLast(left), { transpose: true });
  },
  // Murray (2016): dL = L Phi(L^-1 dA L^-T).
  jvp: pushed((tangent, { outputs: [l] }) => {
    const left = solveTriangular(l, symmetrized(tangent));
    return matmul(l, lowerHalf(solveTriangular(l, transposeLast(left))));
  }),
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a], [l]) {
      const n = a.shape[a.shape.length - 1];
      for (let index = 0; index < countOf(a); index++) {
        const factor = symmetricPart(matrixAt(a, index), n);
        const failure = factorCholesky(factor, n);
        if (failure !== undefined) {
          throw new NumericalError(
            `cholesky: ${whichMatrix(a, index)} is not positive definite: the pivot of row ${failure.row} is ` +
              `${failure.pivot}; add a small multiple of the identity, or use eigh`,
          );
        }
        l.data.set(factor, index * n * n);
      }
    },
  },
};

const square = { shape: [3, 3], domain: real(-1, 1) };
/** A symmetric positive definite matrix made of any. */
const definite = (x: Variable): Variable => add(matmul(x, transposeLast(x)), identityOf(x));
const torchDefinite = '(x @ x.mT + torch.eye(x.shape[-1]).double())';

/**
 * The lower triangular L with positive diagonal for which L L^T = (A + A^T) / 2: A counts as its symmetric part, so its
 * gradient is symmetric. A is [..., n, n].
 *
 * Differentiation: Murray, "Differentiation of the Cholesky decomposition", 2016.
 * @throws NumericalError where a matrix is not positive definite
 */
export const cholesky = declare(
  ((a: TensorLike): Variable => apply(choleskyOperation, [squareOf('cholesky', a)], {})) as Unary,
)({
  name: 'cholesky',
  doc: 'The lower triangular L with L L^T = A for positive definite A, which counts as its symmetric part.',
  dtypes: 'float',
  operation: choleskyOperation,
  samples: [
    {
      inputs: [square],
      call: (x) => cholesky(definite(x)),
      torch: `torch.linalg.cholesky(${torchDefinite})`,
    },
    {
      inputs: [{ ...square, shape: [2, 3, 3] }],
      call: (x) => cholesky(definite(x)),
      torch: `torch.linalg.cholesky(${torchDefinite})`,
    },
    // Not symmetric: the derivative is that of the symmetric part.
    { inputs: [square], call: (x) => cholesky(add(x, mul(4, identityOf(x)))) },
    { inputs: [{ ...square, shape: [2, 0, 0] }], call: (x) => cholesky(x) },
  ],
});
