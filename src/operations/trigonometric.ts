/** Circular and hyperbolic functions and the inverses of the circular ones (angles in radians). */
import { abs, add, div, neg, rsqrt, square, sub } from './arithmetic.ts';
import { real } from './declare.ts';
import { mul, unary } from './elementwise.ts';
import { equal } from './logic.ts';

const special = [0, -0, 1, -1, 2, 100, -1000, 1e5, 88, -90, Infinity, -Infinity, NaN, 1e-40];

/** An operation of its own: as a product of graphs its derivative would be 0 times infinity at 1 and -1, under rsqrt. */
const oneMinusSquare = unary('oneMinusSquare', {
  doc: 'y = 1 - x^2 as (1 - x)(1 + x), which does not cancel near 1 and -1.',
  formula: (k, x) => k.mul(k.sub(k.literal(1), x), k.add(k.literal(1), x)),
  partials: [({ x }) => mul(-2, x)],
});

export const sin = unary('sin', {
  doc: 'Sine of an angle in radians.',
  formula: (k, x) => k.sin(x),
  partials: [({ x }) => cos(x)],
  samples: real(-4, 4),
  special,
  torch: 'torch.sin(x)',
});

export const cos = unary('cos', {
  doc: 'Cosine of an angle in radians.',
  formula: (k, x) => k.cos(x),
  partials: [({ x }) => neg(sin(x))],
  samples: real(-4, 4),
  special,
  torch: 'torch.cos(x)',
});

export const tan = unary('tan', {
  doc: "Tangent of an angle in radians: y' = 1 + y^2.",
  formula: (k, x) => k.tan(x),
  partials: [({ y }) => add(1, square(y))],
  samples: real(-1.3, 1.3),
  special,
  torch: 'torch.tan(x)',
});

export const asin = unary('asin', {
  doc: "Inverse sine, in [-pi/2, pi/2]: y' = (1 - x^2)^(-1/2).",
  formula: (k, x) => k.asin(x),
  partials: [({ x }) => rsqrt(oneMinusSquare(x))],
  kinks: ({ x }) => [
    { where: equal(abs(x), 1), point: 'vertical tangent at 1 and -1', convention: 'Infinity' },
  ],
  samples: real(-0.9, 0.9),
  special,
  torch: 'torch.asin(x)',
});

export const acos = unary('acos', {
  doc: "Inverse cosine, in [0, pi]: y' = -(1 - x^2)^(-1/2).",
  formula: (k, x) => k.acos(x),
  partials: [({ x }) => neg(rsqrt(oneMinusSquare(x)))],
  kinks: ({ x }) => [
    { where: equal(abs(x), 1), point: 'vertical tangent at 1 and -1', convention: '-Infinity' },
  ],
  samples: real(-0.9, 0.9),
  special,
  torch: 'torch.acos(x)',
});

export const atan = unary('atan', {
  doc: "Inverse tangent, in (-pi/2, pi/2): y' = 1 / (1 + x^2).",
  formula: (k, x) => k.atan(x),
  routes: [({ x, g }) => div(g, add(1, square(x)))],
  samples: real(-3, 3),
  special,
  torch: 'torch.atan(x)',
});

export const sinh = unary('sinh', {
  doc: 'Hyperbolic sine.',
  formula: (k, x) => k.sinh(x),
  partials: [({ x }) => cosh(x)],
  samples: real(-3, 3),
  special,
  torch: 'torch.sinh(x)',
});

export const cosh = unary('cosh', {
  doc: 'Hyperbolic cosine.',
  formula: (k, x) => k.cosh(x),
  partials: [({ x }) => sinh(x)],
  samples: real(-3, 3),
  special,
  torch: 'torch.cosh(x)',
});

export const tanh = unary('tanh', {
  doc: "Hyperbolic tangent: y' = 1 - y^2.",
  formula: (k, x) => k.tanh(x),
  partials: [({ y }) => sub(1, square(y))],
  samples: real(-3, 3),
  special,
  torch: 'torch.tanh(x)',
});
