/** A point of the plane in polar coordinates: its distance from the origin, and its angle. */
import type { ScalarLanguage, Variable } from '../graph/index.ts';
import { div, neg } from './arithmetic.ts';
import { real } from './declare.ts';
import { binary } from './elementwise.ts';
import { equal, logicalAnd, where } from './logic.ts';

const special = [0, -0, 1, -1, 3, 1e-40, -1e-40, 3e38, Infinity, -Infinity, NaN];

/** a / length, and 0 at the origin. */
function cosine(a: Variable, length: Variable): Variable {
  const origin = equal(length, 0);
  return div(where(origin, 0, a), where(origin, 1, length));
}

/**
 * sqrt(a^2 + b^2), without overflow or underflow: at most 2 ulp wrong. Infinite where a or b is, even if the other is NaN
 * (C99). By convention both derivatives are 0 at the origin.
 */
export const hypot = binary('hypot', {
  doc: 'Length of the vector (a, b): y = sqrt(a^2 + b^2), without overflow; dy/da = a / y, and 0 at the origin.',
  commutative: true,
  formula: (k, a, b) => {
    const [x, y] = [k.abs(a), k.abs(b)];
    const longer = k.max(x, y);
    const slope = k.div(k.min(x, y), longer);
    const length = k.mul(longer, k.sqrt(k.add(k.literal(1), k.mul(slope, slope))));
    const infinity = k.literal(Infinity);
    const infinite = k.or(k.eq(x, infinity), k.eq(y, infinity));
    return k.select(infinite, infinity, k.select(k.eq(longer, k.literal(0)), longer, length));
  },
  partials: [({ a, y }) => cosine(a, y), ({ b, y }) => cosine(b, y)],
  kinks: ({ y }) => [{ where: equal(y, 0), point: 'corner at the origin', convention: '0' }],
  samples: [real(0.4, 3), real(-3, 3)],
  special,
  torch: 'torch.hypot(x, y)',
});

/** Whether x is negative, -0 included. */
function signBit<T>(k: ScalarLanguage<T>, x: T): T {
  const zero = k.literal(0);
  return k.or(k.lt(x, zero), k.lt(k.div(k.literal(1), x), zero));
}

/**
 * The angle of the point (b, a) in (-pi, pi], as the functions of this name in C and NumPy: first the ordinate, then the
 * abscissa, and zeros have signs. At the origin it is 0 or pi with the sign of a, and by convention both derivatives
 * are 0.
 */
export const atan2 = binary('atan2', {
  doc: 'Angle of the point (x = b, y = a), in [-pi, pi]: dy/da = b / (a^2 + b^2), dy/db = -a / (a^2 + b^2), and 0 at the origin.',
  formula: (k, a, b) => {
    const [y, x] = [k.abs(a), k.abs(b)];
    const [zero, one, pi] = [0, 1, Math.PI].map((value) => k.literal(value));
    const [shorter, longer] = [k.min(x, y), k.max(x, y)];
    const equalSides = k.select(k.eq(longer, zero), zero, one);
    const slope = k.select(k.eq(shorter, longer), equalSides, k.div(shorter, longer));
    const octant = k.atan(slope);
    const quadrant = k.select(k.lt(x, y), k.sub(k.literal(Math.PI / 2), octant), octant);
    const half = k.select(signBit(k, b), k.sub(pi, quadrant), quadrant);
    return k.select(signBit(k, a), k.neg(half), half);
  },
  partials: [({ a, b }) => angular(b, a), ({ a, b }) => neg(angular(a, b))],
  kinks: ({ a, b }) => [
    { where: logicalAnd(equal(a, 0), equal(b, 0)), point: 'the origin has no angle', convention: '0' },
  ],
  samples: [real(0.4, 3), real(-3, 3)],
  special,
  torch: 'torch.atan2(x, y)',
});

/** a / (a^2 + b^2), without overflow, and 0 at the origin. */
function angular(a: Variable, b: Variable): Variable {
  const length = hypot(a, b);
  return cosine(cosine(a, length), length);
}
