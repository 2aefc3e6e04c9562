/** The nonlinearities of neural networks, and the error function that gelu is made of. */
import type { Shape, TensorLike, Variable } from '../graph/index.ts';
import { add, neg, square, sub } from './arithmetic.ts';
import { type Declared, declare, real } from './declare.ts';
import { binary, mul, type Plain, unary } from './elementwise.ts';
import { exp, expm1 } from './exponential.ts';
import { equal, greater, logicalAnd, notEqual, where } from './logic.ts';

const special = [0, -0, 1, -1, 20, -20, 100, -100, 800, -800, Infinity, -Infinity, NaN, 1e-40];

export const erf = unary('erf', {
  doc: "Error function: y = 2/sqrt(pi) times the integral of exp(-t^2) over 0..x; y' = 2/sqrt(pi) exp(-x^2).",
  formula: (k, x) => k.erf(x),
  partials: [({ x }) => mul(2 / Math.sqrt(Math.PI), exp(neg(square(x))))],
  samples: real(-2.5, 2.5),
  special,
  torch: 'torch.erf(x)',
});

export const sigmoid = unary('sigmoid', {
  doc: "Logistic function: y = 1 / (1 + e^-x), y' = y (1 - y).",
  formula: (k, x) => k.sigmoid(x),
  partials: [({ y }) => mul(y, sub(1, y))],
  samples: real(-4, 4),
  special,
  torch: 'torch.sigmoid(x)',
});

export const softplus = unary('softplus', {
  doc: "y = log(1 + e^x), computed as max(x, 0) + log1p(e^-|x|); y' = sigmoid(x).",
  formula: (k, x) => k.add(k.max(x, k.literal(0)), k.log1p(k.exp(k.neg(k.abs(x))))),
  partials: [({ x }) => sigmoid(x)],
  samples: real(-4, 4),
  special,
  torch: 'torch.nn.functional.softplus(x)',
});

export const relu = unary('relu', {
  doc: 'Rectifier: y = max(0, x); by convention the derivative at 0 is 0.',
  operands: 'number',
  formula: (k, x) => k.max(x, k.literal(0)),
  routes: [({ x, g }) => where(greater(x, 0), g, 0)],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'corner at 0', convention: '0' }],
  samples: real(-3, 3, { avoid: [0] }),
  special,
  torch: 'torch.relu(x)',
});

const leakyReluOf = binary('leakyRelu', {
  doc: 'y = x where x > 0, else slope x (slope 0.01 by default, or a tensor that learns: PReLU).',
  formula: (k, x, slope) => k.select(k.lt(k.literal(0), x), x, k.mul(slope, x)),
  routes: [
    ({ x, b, g }) => where(greater(x, 0), g, mul(g, b)),
    ({ x, g }) => where(greater(x, 0), 0, mul(g, x)),
  ],
  kinks: ({ x, b }) => [
    { where: logicalAnd(equal(x, 0), notEqual(b, 1)), point: 'corner at 0', convention: 'slope, as below 0' },
  ],
  samples: [real(-3, 3, { avoid: [0] }), real(0.05, 0.3)],
  special,
  torch: 'torch.where(x > 0, x, y * x)',
});

/** x where the exponential branch of elu is taken, else 0: no overflow in the branch not taken can reach a gradient. */
const notAbove0 = (x: Variable): Variable => where(greater(x, 0), 0, x);

const eluOf = binary('elu', {
  doc: 'y = x where x > 0, else alpha (e^x - 1) (alpha 1 by default).',
  formula: (k, x, alpha) => k.select(k.lt(k.literal(0), x), x, k.mul(alpha, k.expm1(x))),
  routes: [
    ({ x, b, g }) => where(greater(x, 0), g, mul(g, mul(b, exp(notAbove0(x))))),
    ({ x, g }) => where(greater(x, 0), 0, mul(g, expm1(notAbove0(x)))),
  ],
  kinks: ({ x, b }) => [
    { where: logicalAnd(equal(x, 0), notEqual(b, 1)), point: 'corner at 0', convention: 'alpha, as below 0' },
  ],
  samples: [real(-3, 3, { avoid: [0] }), real(0.5, 1.5)],
  special,
  torch: 'torch.where(x > 0, x, y * torch.expm1(x))',
});

/** An activation with one shape parameter that may be left out. */
export interface Activation {
  <S extends Shape>(x: Variable<S>, parameter?: number): Variable<S>;
  (x: TensorLike, parameter?: TensorLike): Variable;
}

export const leakyRelu: Declared<Activation> = declare(((x: Plain, slope: TensorLike = 0.01) =>
  leakyReluOf(x, slope)) as Activation)(leakyReluOf.declaration);

export const elu: Declared<Activation> = declare(((x: Plain, alpha: TensorLike = 1) =>
  eluOf(x, alpha)) as Activation)(eluOf.declaration);

export const gelu = unary('gelu', {
  doc: "y = x Phi(x) with Phi the normal distribution function (by erf, not the tanh approximation); y' = Phi(x) + x phi(x).",
  formula: (k, x) =>
    k.mul(x, k.mul(k.literal(0.5), k.add(k.literal(1), k.erf(k.mul(x, k.literal(Math.SQRT1_2)))))),
  partials: [
    ({ x }) =>
      add(
        mul(0.5, add(1, erf(mul(x, Math.SQRT1_2)))),
        mul(x, mul(1 / Math.sqrt(2 * Math.PI), exp(mul(-0.5, square(x))))),
      ),
  ],
  samples: real(-3, 3),
  special,
  torch: 'torch.nn.functional.gelu(x)',
});

export const silu = unary('silu', {
  doc: "y = x sigmoid(x), also called swish; y' = s (1 + x (1 - s)) with s = sigmoid(x).",
  formula: (k, x) => k.mul(x, k.sigmoid(x)),
  partials: [
    ({ x }) => {
      const s = sigmoid(x);
      return mul(s, add(1, mul(x, sub(1, s))));
    },
  ],
  samples: real(-4, 4),
  special,
  torch: 'torch.nn.functional.silu(x)',
});
