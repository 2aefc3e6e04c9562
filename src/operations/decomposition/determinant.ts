/** Determinants, and their logarithms. */
import {
  apply,
  applyOperation,
  disconnected,
  type Operation,
  type TensorLike,
  type Variable,
  zero,
} from '../../graph/index.ts';
import { add, sub } from '../arithmetic.ts';
import { sum } from '../broadcasting.ts';
import { declare, real } from '../declare.ts';
import { mul } from '../elementwise.ts';
import { trace } from '../linearAlgebra.ts';
import { equal } from '../logic.ts';
import { expandDims } from '../movement.ts';
import { leading, pushed, total, unshifted } from '../rules.ts';
import { cofactors, cofactorsAlong } from './algorithms/cofactors.ts';
import { determinant, logDeterminant } from './algorithms/elimination.ts';
import { countOf, matrixAt } from './algorithms/matrix.ts';
import { type Factored, factored, inverseOf } from './factorization.ts';
import { given, identityOf, product, squareOf, transposeLast } from './matrices.ts';

type None = Record<string, never>;

/** One number for each matrix, as a factor of the matrix. */
const perMatrix = (x: Variable): Variable => expandDims(x, [-2, -1]);

/** sum_ij A_ij B_ij. */
const inner = (a: Variable, b: Variable): Variable => sum(mul(a, b), [-2, -1]);

const traceOf = (a: Variable): Variable => trace(a, { axes: [-2, -1] });

const detOperation: Operation<None> = {
  name: 'det',
  infer: ([a]) => [{ shape: a.shape.slice(0, -2), dtype: a.dtype }],
  bprop({ inputs: [a], g, index }) {
    return index > 0 ? disconnected : mul(perMatrix(g), apply(cofactorOperation, [a], {}));
  },
  jvp: ({ inputs: [a], tangents: [da] }) => [
    da === undefined ? zero : inner(apply(cofactorOperation, [a], {}), da),
  ],
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a, lu, swaps], [y]) {
      const n = a.shape[a.shape.length - 1];
      for (let index = 0; index < countOf(a); index++) {
        y.data[index] = determinant(matrixAt(lu, index), swaps.data.subarray(index * n), n);
      }
    },
  },
};

/** The matrix of cofactors, C_ij = d det A / d A_ij: A^-T det A where A is regular, and as right where it is not. */
const cofactorOperation: Operation<None> = {
  name: 'cofactor',
  infer: ([a]) => [{ shape: a.shape, dtype: a.dtype }],
  // The second derivative of a determinant is symmetric: the Jacobian is its own transpose.
  bprop: ({ inputs: [a], g }) => apply(cofactorAlongOperation, [a, g], {}),
  jvp: pushed((tangent, { inputs: [a] }) => apply(cofactorAlongOperation, [a, tangent], {})),
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a], [c]) {
      const n = a.shape[a.shape.length - 1];
      for (let index = 0; index < countOf(a); index++)
        c.data.set(cofactors(matrixAt(a, index), n), index * n * n);
    },
  },
};

/**
 * The derivative of the cofactors of A along F. It is linear and symmetric in F. Its own derivative along A is written
 * with A^-1: from the third derivative on, a determinant must be regular.
 */
const cofactorAlongOperation: Operation<None> = {
  name: 'cofactorAlong',
  infer: ([a]) => [{ shape: a.shape, dtype: a.dtype }],
  bprop: ({ inputs: [a, f], g, index }) =>
    index === 0 ? secondDerivative(a, f, g) : apply(cofactorAlongOperation, [a, g], {}),
  jvp: ({ inputs: [a, f], tangents: [da, df] }) => [
    total(da && secondDerivative(a, f, da), df && apply(cofactorAlongOperation, [a, df], {})),
  ],
  batch: leading,
  computation: {
    kind: 'routine',
    run([a, f], [c]) {
      const n = a.shape[a.shape.length - 1];
      for (let index = 0; index < countOf(a); index++)
        c.data.set(cofactorsAlong(matrixAt(a, index), matrixAt(f, index), n), index * n * n);
    },
  },
};

/**
 * The second derivative of the cofactors det(A) X^T, X = A^-1, along F and G. With f = tr XF and g = tr XG it is
 * det(A) [(f g - tr XFXG) X - f XGX - g XFX + XFXGX + XGXFX]^T.
 */
function secondDerivative(a: Variable, f: Variable, g: Variable): Variable {
  const factors = factored(a);
  const x = inverseOf(factors, 'det');
  const [xf, xg] = [product(x, f), product(x, g)];
  const [alongF, alongG] = [traceOf(xf), traceOf(xg)];
  const both = add(product(xf, xg), product(xg, xf));
  const mixed = sub(mul(alongF, alongG), mul(0.5, traceOf(both)));
  const unit = identityOf(a);
  const single = add(mul(perMatrix(alongF), xg), mul(perMatrix(alongG), xf));
  const bracket = product(sub(add(mul(perMatrix(mixed), unit), both), single), x);
  return mul(perMatrix(apply(detOperation, factors, {})), transposeLast(bracket));
}

const square = { shape: [3, 3], domain: real(-2, 2) };

/**
 * The determinant of A [..., n, n]. Its gradient is the matrix of cofactors, exact for singular matrices too, and so is
 * the gradient of the gradient; the third derivative and those beyond exist here for regular matrices only.
 */
export const det = declare(
  (a: TensorLike): Variable => apply(detOperation, factored(squareOf('det', a)), {}),
)({
  name: 'det',
  doc: 'The determinant; its gradient is the matrix of cofactors, for singular matrices too.',
  dtypes: 'float',
  operation: detOperation,
  samples: [
    { inputs: [square], call: (x) => det(x), torch: 'torch.linalg.det(x)' },
    { inputs: [{ ...square, shape: [2, 4, 4] }], call: (x) => det(x), torch: 'torch.linalg.det(x)' },
    { inputs: [{ ...square, shape: [3, 1, 1] }], call: (x) => det(x), torch: 'torch.linalg.det(x)' },
    { inputs: [{ ...square, shape: [0, 0] }], call: (x) => det(x) },
  ],
});

const slogdetOperation: Operation<None> = {
  name: 'slogdet',
  infer: ([a]) => {
    const shape = a.shape.slice(0, -2);
    return [
      { shape, dtype: a.dtype },
      { shape, dtype: a.dtype },
    ];
  },
  bprop({ inputs, gradients: [, logarithm], index }) {
    if (index > 0) return disconnected;
    const g = given(logarithm);
    if (g === undefined) return zero;
    return mul(perMatrix(g), transposeLast(inverseOf(factorsOf(inputs), 'slogdet')));
  },
  jvp: ({ inputs, tangents: [da] }) => [
    zero,
    da === undefined ? zero : inner(transposeLast(inverseOf(factorsOf(inputs), 'slogdet')), da),
  ],
  kinks: ({ outputs: [sign] }) => [
    { where: equal(sign, 0), point: 'pole where A is singular', convention: 'an error' },
  ],
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a, lu, swaps], [signs, logarithms]) {
      const n = a.shape[a.shape.length - 1];
      for (let index = 0; index < countOf(a); index++) {
        const found = logDeterminant(matrixAt(lu, index), swaps.data.subarray(index * n), n);
        signs.data[index] = found.sign;
        logarithms.data[index] = found.logarithm;
      }
    },
  },
};

const factorsOf = ([a, lu, swaps]: readonly Variable[]): Factored => [a, lu, swaps];

/**
 * The sign (-1, 0 or 1) and the logarithm of the absolute value of the determinant of A [..., n, n], which cannot
 * overflow. A singular matrix has sign 0 and logarithm -Infinity.
 *
 * Differentiation: d log|det A| = tr(A^-1 dA) (Giles 2008, section 2); the sign is piecewise constant.
 * @throws NumericalError when the derivative of the logarithm is evaluated for a singular matrix
 */
export const slogdet = declare((a: TensorLike): [sign: Variable, logabsdet: Variable] => {
  const [sign, logarithm] = applyOperation(slogdetOperation, factored(squareOf('slogdet', a)), {});
  return [sign, logarithm];
})({
  name: 'slogdet',
  doc: 'The sign and the logarithm of the absolute value of the determinant.',
  dtypes: 'float',
  operation: slogdetOperation,
  samples: [
    { inputs: [square], call: (x) => slogdet(x), torch: 'torch.linalg.slogdet(x)' },
    { inputs: [{ ...square, shape: [2, 4, 4] }], call: (x) => slogdet(x), torch: 'torch.linalg.slogdet(x)' },
    { inputs: [{ ...square, shape: [2, 0, 0] }], call: (x) => slogdet(x) },
  ],
});
