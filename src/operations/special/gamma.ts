/**
 * The logarithm of the gamma function and its derivatives, computed in float64.
 *
 * Worst errors measured against mpmath, right of 0: gammaln 5 ulp, digamma 3, polygamma 4 up to order 8, and about half as
 * many as its order beyond. Left of 0, a value is the difference of two terms, and its error a few ulp of the larger one.
 */
import { at, ChainruleError, type Operation, type TensorLike, type Variable } from '../../graph/index.ts';
import { floor } from '../arithmetic.ts';
import { type Declared, declare, real } from '../declare.ts';
import { applyInFloat64, elementwiseSamples, mul, unary, unify } from '../elementwise.ts';
import { equal, lessEqual, logicalAnd } from '../logic.ts';
import { logGamma, psi } from './gammaFormulas.ts';
import { polygammaFormula } from './polygammaFormula.ts';

const special = [0, -0, 1, 2, -1, -2, -7, 0.5, -0.5, -1.5, 3, 1e-40, -1e-40, 1e5, 3e38, Infinity, NaN];

/** Where Gamma has its poles: 0, -1, -2, ... */
const poles = (x: Variable): Variable => logicalAnd(lessEqual(x, 0), equal(x, floor(x)));

/** log |Gamma(x)|; Infinity at the poles 0, -1, -2, ... and at both infinities. */
export const gammaln = unary('gammaln', {
  doc: "y = log |Gamma(x)|, infinite at 0, -1, -2, ...; y' = digamma(x).",
  inFloat64: true,
  formula: logGamma,
  partials: [({ x }) => digamma(x)],
  kinks: ({ x }) => [
    {
      where: poles(x),
      point: 'pole at a whole number below 1',
      convention: 'infinite at 0, NaN at the others',
    },
  ],
  samples: real(0.4, 5),
  special: [...special, -Infinity],
  torch: 'torch.lgamma(x)',
});

/**
 * psi(x) = Gamma'(x) / Gamma(x). At 0 and -0, where Gamma has a pole, it is -Infinity and Infinity; at the other poles -1,
 * -2, ..., where the limits from both sides differ, NaN.
 */
export const digamma = unary('digamma', {
  doc: "y = psi(x) = d log Gamma(x) / dx, NaN at -1, -2, ...; y' = polygamma(1, x).",
  inFloat64: true,
  formula: psi,
  partials: [({ x }) => polygamma(1, x)],
  kinks: ({ x }) => [{ where: poles(x), point: 'pole at a whole number below 1', convention: 'Infinity' }],
  samples: real(0.4, 5),
  special,
  torch: 'torch.digamma(x)',
});

/** The largest order of polygamma: beyond, factorials and powers of pi leave the range of float64. */
const LARGEST_ORDER = 100;

const polygammaOperation: Operation<{ n: number }> = {
  name: 'polygamma',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop: ({ inputs: [x], g, attributes: { n } }) => mul(g, polygamma(n + 1, x)),
  kinks: ({ inputs: [x] }) => [
    { where: poles(x), point: 'pole at a whole number below 1', convention: 'infinite or NaN' },
  ],
  computation: { kind: 'elementwise', formula: (k, [x], { n }) => polygammaFormula(k, x, n) },
};

/**
 * The n-th derivative of digamma (n a whole number, 0 for digamma itself, 1 for trigamma). At the poles 0, -1, -2, ... it
 * is Infinity for odd n; for even n, where the limits from both sides differ, NaN (infinite at 0 and -0).
 * @throws ChainruleError where n is not a whole number from 0 to 100
 */
export const polygamma: Declared<(n: number, x: TensorLike) => Variable> = declare(
  (n: number, x: TensorLike): Variable => {
    if (!Number.isInteger(n) || n < 0 || n > LARGEST_ORDER) {
      throw new ChainruleError(
        `polygamma: order ${n} is not a whole number from 0 to ${LARGEST_ORDER}; the order comes first, then x${at()}`,
      );
    }
    return n === 0 ? digamma(x) : applyInFloat64(polygammaOperation, unify([x], 'float'), { n });
  },
)({
  name: 'polygamma',
  doc: "y = d^n psi(x) / dx^n (n = 1: trigamma); y' = polygamma(n + 1, x).",
  dtypes: 'float',
  operation: polygammaOperation,
  samples: [
    ...elementwiseSamples(
      (x) => polygamma(1, x),
      [real(0.6, 5)],
      'torch.special.zeta(torch.full_like(x, 2), x)',
    ),
    ...elementwiseSamples((x) => polygamma(2, x), [real(0.8, 5)], 'torch.polygamma(2, x)').slice(0, 1),
    ...elementwiseSamples((x) => polygamma(5, x), [real(1, 5)], 'torch.polygamma(5, x)').slice(0, 1),
  ],
  special: special.filter((x) => !Number.isInteger(x) || x >= 0),
});
