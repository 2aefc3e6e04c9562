/** QR factors. */
import { applyOperation, type Operation, type TensorLike, type Variable, zero } from '../../graph/index.ts';
import { add, neg, sub } from '../arithmetic.ts';
import { declare, real, type Sample } from '../declare.ts';
import { full, iota } from '../generators.ts';
import { concat } from '../joining.ts';
import { matmul } from '../linearAlgebra.ts';
import { equal, where } from '../logic.ts';
import { unshifted } from '../rules.ts';
import { slice } from '../slicing.ts';
import { factorQR } from './algorithms/householder.ts';
import { countOf, matrixAt } from './algorithms/matrix.ts';
import { dependentColumns, independent } from './degenerate.ts';
import { given, matrixOf, skew, sumOf, transposeLast } from './matrices.ts';
import { solveTriangular, tril } from './triangular.ts';

/** Columns `from` to `to` of a matrix. */
function columns(x: Variable, from: number, to: number): Variable {
  if (from === 0 && to === x.shape[x.rank - 1]) return x;
  const whole = x.shape.slice(0, -1);
  return slice(x, [...whole.map(() => 0), from], [...whole, to]);
}

/** X R^-1 for the upper triangular R, or X R^-T. */
function divideBy(r: Variable, x: Variable, { transpose = false } = {}): Variable {
  // (X R^-1)^T = R^-T X^T.
  return transposeLast(solveTriangular(r, transposeLast(x), { lower: false, transpose: !transpose }));
}

/** A wide A = [A1 A2] has the factors Q, R1 of its square part A1, and R2 = Q^T A2. Otherwise A = A1. */
const qrOperation: Operation<Record<string, never>> = {
  name: 'qr',
  infer([a]) {
    const [m, n] = a.shape.slice(-2);
    const batch = a.shape.slice(0, -2);
    const k = Math.min(m, n);
    return [
      { shape: [...batch, m, k], dtype: a.dtype },
      { shape: [...batch, k, n], dtype: a.dtype },
    ];
  },
  // Walter and Lehmann (2010): A-bar = (Q-bar + Q sym(M)) R^-T, M = R R-bar^T - Q-bar^T Q, sym from its lower triangle.
  bprop({ inputs: [a], outputs: [q, r], gradients: [gq, gr] }) {
    const [k, n] = r.shape.slice(-2);
    const [toQ, toR] = [given(gq), given(gr)];
    const toR1 = toR && columns(toR, 0, k);
    const toR2 = n > k && toR ? columns(toR, k, n) : undefined;
    const wholeQ = sumOf(toQ, toR2 && matmul(columns(a, k, n), transposeLast(toR2)));
    const r1 = columns(r, 0, k);
    const m = sumOf(toR1 && matmul(r1, transposeLast(toR1)), wholeQ && neg(matmul(transposeLast(wholeQ), q)));
    if (m === undefined) return zero;
    const symmetric = add(tril(m), transposeLast(tril(m, -1)));
    const inner = matmul(q, symmetric);
    const toA1 = divideBy(independent(r1), wholeQ ? add(wholeQ, inner) : inner, { transpose: true });
    if (n === k) return toA1;
    const rest = columns(a, k, n);
    return concat([toA1, toR2 ? matmul(q, toR2) : full(rest.shape, 0, rest.dtype)], -1);
  },
  // With X = dA1 R1^-1 and C = Q^T X: dQ = Q Omega + (I - Q Q^T) X, Omega skew with the lower triangle of C, and
  // dR1 = (C - Omega) R1.
  jvp({ inputs: [a], outputs: [q, r], tangents: [da] }) {
    if (da === undefined) return [zero, zero];
    const [k, n] = r.shape.slice(-2);
    const r1 = columns(r, 0, k);
    const x = divideBy(independent(r1), columns(da, 0, k));
    const c = matmul(transposeLast(q), x);
    const omega = skew(tril(c, -1));
    const within = matmul(q, omega);
    const dq = q.shape[q.rank - 2] === k ? within : add(within, sub(x, matmul(q, c)));
    const dr1 = matmul(sub(c, omega), r1);
    if (n === k) return [dq, dr1];
    const dr2 = add(matmul(transposeLast(dq), columns(a, k, n)), matmul(transposeLast(q), columns(da, k, n)));
    return [dq, concat([dr1, dr2], -1)];
  },
  kinks: ({ outputs: [, r] }) => [
    { where: dependentColumns(r), point: 'dependent columns', convention: 'NaN' },
  ],
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a], [q, r]) {
      const [m, n] = a.shape.slice(-2);
      const k = Math.min(m, n);
      for (let index = 0; index < countOf(a); index++) {
        const factors = factorQR(matrixAt(a, index), m, n);
        q.data.set(factors.q, index * m * k);
        r.data.set(factors.r, index * k * n);
      }
    },
  },
};

/** PyTorch has LAPACK's signs. */
const signs = 'r.diagonal(0, -2, -1).sign()';

const samplesOf = (shape: readonly number[]): Sample => ({
  inputs: [{ shape, domain: real(-1, 1) }],
  call: (x) => qr(regular(x)),
  torch: `(lambda q, r: (q * ${signs}.unsqueeze(-2), r * ${signs}.unsqueeze(-1)))(*torch.linalg.qr(${torchRegular}))`,
});

/** With independent columns. */
const regular = (x: Variable): Variable => {
  const [m, n] = x.shape.slice(-2);
  return add(x, where(equal(iota([m, n], 0), iota([m, n], 1)), full([], 2, x.dtype), 0));
};
const torchRegular = 'x + 2 * torch.eye(*x.shape[-2:]).double()';

/**
 * `[Q, R]` with A = Q R, reduced: for A [..., m, n] and k = min(m, n), Q is [..., m, k] with orthonormal columns and R
 * [..., k, n] upper triangular. Its diagonal is positive (0 where a column depends on those before it): that makes the
 * factors unique and smooth, where LAPACK's signs, and with them NumPy's and PyTorch's, may be negative.
 *
 * Differentiation: Walter and Lehmann, "Algorithmic differentiation of linear algebra functions with application in
 * optimum experimental design", 2010. Where one of the first k columns depends on those before it (see
 * `dependentColumns`) there is no derivative, and it is NaN.
 */
export const qr = declare((a: TensorLike): [q: Variable, r: Variable] => {
  const [q, r] = applyOperation(qrOperation, [matrixOf('qr', a)], {});
  return [q, r];
})({
  name: 'qr',
  doc: 'Q with orthonormal columns and upper triangular R with positive diagonal: A = Q R, reduced.',
  dtypes: 'float',
  operation: qrOperation,
  samples: [
    samplesOf([3, 3]),
    samplesOf([4, 2]),
    samplesOf([2, 2, 4]),
    { inputs: [{ shape: [3, 0], domain: real(-1, 1) }], call: (x) => qr(x) },
    { inputs: [{ shape: [0, 2], domain: real(-1, 1) }], call: (x) => qr(x) },
  ],
});
