/** Logarithms of sums, odds and probabilities, without the overflow and cancellation of the plain formulas. */
import type { Variable } from '../graph/index.ts';
import { sigmoid } from './activation.ts';
import { abs, add, div, neg, sub } from './arithmetic.ts';
import { real } from './declare.ts';
import { binary, mul, unary } from './elementwise.ts';
import { log } from './exponential.ts';
import { equal, lessEqual, logicalAnd, logicalOr, where } from './logic.ts';

const special = [0, -0, 1, -1, 100, -100, 800, Infinity, -Infinity, NaN, 1e-40, 3e38];

/** a - b, which decides how a and b share the gradient of logaddexp; equal infinities differ by 0. */
function gap(a: Variable, b: Variable): Variable {
  return where(logicalAnd(equal(a, b), equal(abs(a), Infinity)), 0, sub(a, b));
}

/** log(e^a + e^b), without overflow. */
export const logaddexp = binary('logaddexp', {
  doc: 'y = log(e^a + e^b), computed as max + log1p(e^-|a - b|); dy/da = sigmoid(a - b).',
  commutative: true,
  formula: (k, a, b) => {
    const rest = k.log1p(k.exp(k.neg(k.abs(k.sub(a, b)))));
    // Infinities of one sign have no difference; any other a = b has the rest log 2.
    return k.add(k.max(a, b), k.select(k.eq(a, b), k.literal(Math.LN2), rest));
  },
  partials: [({ a, b }) => sigmoid(gap(a, b)), ({ a, b }) => sigmoid(gap(b, a))],
  samples: real(-3, 3),
  special,
  torch: 'torch.logaddexp(x, y)',
});

/**
 * The y of x log y, or 1 where x is 0 and y <= 0: there x log y is taken to be 0 all around, as in the entropy of a
 * distribution, with derivatives 0.
 */
const definite = (x: Variable, y: Variable): Variable =>
  where(logicalAnd(equal(x, 0), lessEqual(y, 0)), 1, y);

/** x log y, and 0 where x = 0 (unless y is NaN). */
export const xlogy = binary('xlogy', {
  doc: 'y = a log b, and 0 where a = 0; dy/da = log b, dy/db = a / b, with 0 for both where a = 0 and b <= 0.',
  formula: (k, a, b) => k.select(k.and(k.eq(a, k.literal(0)), k.eq(b, b)), k.literal(0), k.mul(a, k.log(b))),
  routes: [({ a, b, g }) => mul(g, log(definite(a, b))), ({ a, b, g }) => mul(g, div(a, definite(a, b)))],
  kinks: ({ b }) => [
    { where: equal(b, 0), point: 'logarithm of 0', convention: 'infinite; 0 where the factor is 0' },
  ],
  samples: [real(-2, 2), real(0.3, 3)],
  special,
  torch: 'torch.xlogy(x, y)',
});

/**
 * The log-odds of a probability: the inverse of sigmoid; -Infinity at 0, Infinity at 1, NaN outside.
 *
 * From 1/4 on, x/(1-x) = 1 + (2x-1)/(1-x), where 2x - 1 is exact: all digits also near 1/2.
 */
export const logit = unary('logit', {
  doc: "Log-odds, the inverse of sigmoid: y = log(x / (1 - x)), y' = 1 / (x (1 - x)).",
  formula: (k, x) => {
    const rest = k.sub(k.literal(1), x);
    const excess = k.div(k.sub(k.add(x, x), k.literal(1)), rest);
    return k.select(k.lt(x, k.literal(0.25)), k.log(k.div(x, rest)), k.log1p(excess));
  },
  // As a sum of poles: the product x (1 - x) would make its own derivative 0 times infinity at either end.
  routes: [({ x, g }) => add(div(g, x), div(g, sub(1, x)))],
  kinks: ({ x }) => [
    { where: logicalOr(equal(x, 0), equal(x, 1)), point: 'pole at 0 and 1', convention: 'Infinity' },
  ],
  samples: real(0.1, 0.9),
  special: [0, -0, 0.25, 0.5, 0.75, 0.999, 1, -1, 2, Infinity, -Infinity, NaN, 1e-40],
  torch: 'torch.logit(x)',
});

/** log(sigmoid(x)), without overflow. */
export const logSigmoid = unary('logSigmoid', {
  doc: "y = log sigmoid(x) = -softplus(-x), computed as min(x, 0) - log1p(e^-|x|); y' = sigmoid(-x).",
  formula: (k, x) => k.sub(k.min(x, k.literal(0)), k.log1p(k.exp(k.neg(k.abs(x))))),
  partials: [({ x }) => sigmoid(neg(x))],
  samples: real(-4, 4),
  special,
  torch: 'torch.nn.functional.logsigmoid(x)',
});

/**
 * e^x / (1 - e^x) for x <= 0: the odds of the probability e^x, Infinity at 0. All digits are kept, also where 1 / (e^-x - 1)
 * would lose them because e^-x overflows while e^x is still a (subnormal) number. An operation of its own, because its
 * derivatives are polynomials in it with positive terms only: nothing cancels, and at 0 the sign of no zero matters.
 */
export const expOdds = unary('expOdds', {
  doc: "y = e^x / (1 - e^x) for x <= 0; y' = y (1 + y).",
  formula: (k, x) => k.div(k.exp(x), k.abs(k.expm1(x))),
  partials: [({ y }) => mul(y, add(1, y))],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'pole at 0', convention: 'Infinity' }],
  samples: real(-4, -0.3),
  special: [0, -0, -1e-7, -0.5, -1, -20, -88, -90, -104, -746, -Infinity, NaN, -3e38],
});

/**
 * log(1 - e^x) for x <= 0, the logarithm of the probability that is left: -Infinity at 0, NaN above.
 *
 * M. Maechler, "Accurately computing log(1 - exp(-|a|))" (2012): near 0 the difference 1 - e^x loses digits that expm1 keeps;
 * far below, where it is close to 1, its logarithm loses those that log1p keeps; the two meet at -log 2.
 */
export const log1mexp = unary('log1mexp', {
  doc: "y = log(1 - e^x) for x <= 0, accurate near 0 and far below; y' = -e^x / (1 - e^x).",
  formula: (k, x) =>
    k.select(k.lt(k.literal(-Math.LN2), x), k.log(k.neg(k.expm1(x))), k.log1p(k.neg(k.exp(x)))),
  partials: [({ x }) => neg(expOdds(x))],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'pole at 0', convention: '-Infinity' }],
  samples: real(-4, -0.1),
  special: [
    ...[0, -0, -1e-40, 1e-40, -1e-7, -0.5, -0.69, -0.7, -1, -20, -88, -90, -104, -746, 1, 100],
    ...[Infinity, -Infinity, NaN, -3e38],
  ],
  torch: 'torch.where(x > -0.6931471805599453, torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))',
});
