/** asin, acos, atan. */
import { type Lanes, polynomial } from './lanes.ts';
import type { VectorCode } from './vectorCode.ts';

const CONSTANTS = {
  f32x4: {
    // pi/2 and pi/4 in two floats.
    HALF_PI: Math.fround(Math.PI / 2),
    HALF_PI_LOW: Math.PI / 2 - Math.fround(Math.PI / 2),
    // atan t = t - t^3 A(t^2) for |t| <= sqrt(2) - 1: Remez fit, relative error below 2^-30.4.
    A: [0.3333331519, -0.1999847156, 0.1424353397, -0.1059381763, 0.06078230132],
  },
  f64x2: {
    HALF_PI: Math.PI / 2,
    HALF_PI_LOW: 6.123233995736766e-17,
    // fdlibm s_atan.c, for |t| <= 7/16.
    A: [
      0.3333333333333293, -0.19999999999876483, 0.14285714272503466, -0.11111110405462356,
      0.09090887133436507, -0.0769187620504483, 0.06661073137387531, -0.058335701337905735,
      0.049768779946159324, -0.036531572744216916, 0.016285820115365782,
    ],
  },
} as const;

// Cephes asinf.c.
const SINGLE = [0.16666752422, 0.074953002686, 0.045470025998, 0.024181311049, 0.042163199048];

// fdlibm e_asin.c: error below 2^-58.75.
const NUMERATOR = [
  0.16666666666666666, -0.3255658186224009, 0.20121253213486293, -0.04005553450067941, 0.0007915349942898145,
  0.00003479331075960212,
];
const DENOMINATOR = [1, -2.403394911734414, 2.0209457602335057, -0.6882839716054533, 0.07703815055590194];

/** asin(s) = s + s Q(s^2), for s in [0, 1/2]. */
function arcsineExcess(code: VectorCode, squared: Lanes): Lanes {
  if (code.type === 'f32x4') return squared.mul(polynomial(squared, SINGLE));
  return squared.mul(polynomial(squared, NUMERATOR)).div(polynomial(squared, DENOMINATOR));
}

/** For |x| > 1/2, asin |x| = pi/2 - 2 asin s with s^2 = (1 - |x|) / 2; otherwise s = |x|. */
function reduce(code: VectorCode, x: Lanes): { small: Lanes; s: Lanes; excess: Lanes } {
  const size = x.abs();
  const small = size.le(0.5);
  const squared = small.select(x.square(), code.constant(1).sub(size).mul(0.5));
  const s = small.select(size, squared.sqrt());
  return { small, s, excess: s.mul(arcsineExcess(code, squared)) };
}

/** Worst error measured: ? ulp (f32x4), ? ulp (f64x2). */
export function asin(code: VectorCode, x: Lanes): Lanes {
  const { HALF_PI, HALF_PI_LOW } = CONSTANTS[code.type];
  const { small, s, excess } = reduce(code, x);
  // With t = 2 s, pi/2 - t is exact or nearly so.
  const large = code.constant(HALF_PI).sub(s.add(s)).sub(excess.add(excess).sub(HALF_PI_LOW));
  return small.select(s.add(excess), large).or(x.sign());
}

/** Worst error measured: ? ulp (f32x4), ? ulp (f64x2). */
export function acos(code: VectorCode, x: Lanes): Lanes {
  const { HALF_PI, HALF_PI_LOW } = CONSTANTS[code.type];
  const { small, s, excess } = reduce(code, x);
  const sign = x.sign();
  // pi/2 - asin x for small |x|, and for x < -1/2 twice pi/2 - asin s.
  const signedS = small.select(s.xor(sign), s);
  const signedExcess = small.select(excess.xor(sign), excess);
  const fromHalfPi = code.constant(HALF_PI).sub(signedS.sub(code.constant(HALF_PI_LOW).sub(signedExcess)));
  const nearOne = s.add(excess);
  const half = x.gt(0.5).select(nearOne, fromHalfPi);
  return small.select(half, half.add(half));
}

/**
 * With a = |x|: t = a, or (a - 1) / (a + 1) from tan(pi/8) on, or -1 / a from tan(3 pi/8) on, which subtracts 0,
 * pi/4, pi/2 from the result.
 * Worst error measured: ? ulp (f32x4), ? ulp (f64x2).
 */
export function atan(code: VectorCode, x: Lanes): Lanes {
  const { HALF_PI, HALF_PI_LOW, A } = CONSTANTS[code.type];
  const size = x.abs();
  const middle = size.gt(Math.SQRT2 - 1);
  const large = size.gt(Math.SQRT2 + 1);
  const numerator = large.select(-1, middle.select(size.sub(1), size));
  const denominator = large.select(size, middle.select(size.add(1), 1));
  const t = numerator.div(denominator);
  const squared = t.square();
  const excess = t.mul(squared.mul(polynomial(squared, A)));
  const offset = large.select(HALF_PI, middle.and(code.constant(HALF_PI / 2)));
  const offsetLow = large.select(HALF_PI_LOW, middle.and(code.constant(HALF_PI_LOW / 2)));
  return offset.sub(excess.sub(offsetLow).sub(t)).or(x.sign());
}
