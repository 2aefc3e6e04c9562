/** Exponentials, logarithms and powers. */
import { add, div, sub } from './arithmetic.ts';
import { real } from './declare.ts';
import { binary, mul, unary } from './elementwise.ts';
import { equal, greaterEqual, less, logicalAnd, where } from './logic.ts';

const special = [0, -0, 1, -1, 88.5, 90, -90, -104, 710, -746, Infinity, -Infinity, NaN, 1e-40, 3e38];

export const exp = unary('exp', {
  doc: "Exponential: y = e^x, y' = y.",
  formula: (k, x) => k.exp(x),
  partials: [({ y }) => y],
  samples: real(-3, 3),
  special,
  torch: 'torch.exp(x)',
});

export const expm1 = unary('expm1', {
  doc: "e^x - 1, accurate near 0; y' = y + 1.",
  formula: (k, x) => k.expm1(x),
  partials: [({ x }) => exp(x)],
  samples: real(-3, 3),
  special,
  torch: 'torch.expm1(x)',
});

export const log = unary('log', {
  doc: "Natural logarithm: y' = 1 / x.",
  formula: (k, x) => k.log(x),
  routes: [({ x, g }) => div(g, x)],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'pole at 0', convention: 'Infinity' }],
  samples: real(0.2, 5),
  special,
  torch: 'torch.log(x)',
});

export const log1p = unary('log1p', {
  doc: "log(1 + x), accurate near 0; y' = 1 / (1 + x).",
  formula: (k, x) => k.log1p(x),
  routes: [({ x, g }) => div(g, add(1, x))],
  kinks: ({ x }) => [{ where: equal(x, -1), point: 'pole at -1', convention: 'Infinity' }],
  samples: real(-0.7, 4),
  special,
  torch: 'torch.log1p(x)',
});

/**
 * The guards replace the base only where it is 0, so that both partials stay finite there and every mixed second
 * derivative elsewhere (d2(a^b)/da db at (23, 0) is 1/23) stays as it is.
 */
export const pow = binary('pow', {
  doc: 'Power: y = a^b; dy/da = b a^(b-1), dy/db = y log a, with 0 for both at a = b = 0.',
  formula: (k, a, b) => k.pow(a, b),
  partials: [
    ({ a, b }) => mul(b, pow(where(logicalAnd(equal(a, 0), equal(b, 0)), 1, a), sub(b, 1))),
    ({ a, b, y }) => mul(y, log(where(logicalAnd(equal(a, 0), greaterEqual(b, 0)), 1, a))),
  ],
  kinks: ({ a, b }) => [
    {
      where: logicalAnd(equal(a, 0), less(b, 1)),
      point: 'base 0 with an exponent below 1',
      convention: 'infinite; 0 for both where the exponent is 0',
    },
  ],
  samples: [real(0.3, 3), real(-2, 3)],
  special,
  torch: 'x ** y',
});
