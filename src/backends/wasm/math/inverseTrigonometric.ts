/** asin, acos, atan. */
import { type Lanes, polynomial } from './lanes.ts';
import type { VectorCode } from './vectorCode.ts';

const CONSTANTS = {
  f32x4: {
    // pi/2 in two floats.
    HALF_PI: Math.fround(Math.PI / 2),
    HALF_PI_LOW: Math.PI / 2 - Math.fround(Math.PI / 2),
    // atan t = t - t^3 A(t^2) for |t| <= ATAN_SPLIT: Remez fit (mathFits.py), relative error below 2^-31.8.
    ATAN_SPLIT: 0.5,
    A: [0.3333332693, -0.1999948987, 0.1427207892, -0.1094098464, 0.079840704, -0.03872333983],
  },
  f64x2: {
    HALF_PI: Math.PI / 2,
    HALF_PI_LOW: 6.123233995736766e-17,
    // fdlibm s_atan.c.
    ATAN_SPLIT: 7 / 16,
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

/** Worst error measured: 1.37 ulp (f32x4), 1.36 ulp (f64x2). */
export function asin(code: VectorCode, x: Lanes): Lanes {
  const { HALF_PI, HALF_PI_LOW } = CONSTANTS[code.type];
  const { small, s, excess } = reduce(code, x);
  // pi/2 - 2 (s + excess); the terms but for pi/2 - 1/2 (exact) come first, so that roundings are small.
  const rest = code.constant(0.5).sub(s.add(s));
  const large = code.constant(HALF_PI - 0.5).sub(excess.add(excess).sub(HALF_PI_LOW).sub(rest));
  return small.select(s.add(excess), large).or(x.sign());
}

/** Worst error measured: 1.17 ulp (f32x4), 1.15 ulp (f64x2). */
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
 * With a = |x|: atan a = atan t, or pi/4 + atan t with t = (a - 1) / (a + 1) from ATAN_SPLIT on, or pi/2 + atan t
 * with t = -1 / a from tan(3 pi/8) on.
 * Worst error measured: 1.40 ulp (f32x4), 1.85 ulp (f64x2).
 */
export function atan(code: VectorCode, x: Lanes): Lanes {
  const { HALF_PI, HALF_PI_LOW, ATAN_SPLIT, A } = CONSTANTS[code.type];
  const size = x.abs();
  const middle = size.gt(ATAN_SPLIT);
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
