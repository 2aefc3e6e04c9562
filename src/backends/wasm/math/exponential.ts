/**
 * exp, expm1, sigmoid, sinh, cosh, tanh.
 *
 * All share one reduction: x = n ln2 + r with |r| <= ln2 / 2, then e^x = 2^n e^r. The core is that of fdlibm's
 * e_exp.c: with c = r - (P1 r^2 + P2 r^4 + ...), a Remez approximation,
 *
 *     e^r = 1 + r + r c / (2 - c)
 *
 * which needs half the coefficients of a plain polynomial, and a single division.
 */
import { type Lanes, polynomial } from './lanes.ts';
import type { VectorCode } from './vectorCode.ts';

const LOG2_E = Math.LOG2E;

const CONSTANTS = {
  f32x4: {
    // FreeBSD msun e_expf.c: n * LN2_HIGH is exact; |r (e^r + 1) / (e^r - 1) - (2 + P1 r^2 + ...)| < 2^-27.74.
    LN2_HIGH: 0.69314575195,
    LN2_LOW: 0.0000014286067653,
    P: [1.666662544e-1, -0.0027667332906],
    /** Beyond these, e^x is inf or 0. */
    OVERFLOW: 90,
    UNDERFLOW: -105,
    /** Beyond these, expm1(x) is -1, tanh(x / 2) is 1. */
    MINUS_ONE: -18,
    SATURATED: 20,
    /** Below, expm1(x) = x. */
    TINY: 2 ** -25,
    // sinh(x) = x + x^3 S(x^2) on [0, 1]: Remez fit, relative error below 2^-34.1.
    S: [1.66666665e-1, 8.333350058e-3, 1.983615974e-4, 2.816951439e-6],
  },
  f64x2: {
    // fdlibm e_exp.c: as above, error below 2^-59.
    LN2_HIGH: 0.6931471803691238,
    LN2_LOW: 1.9082149292705877e-10,
    P: [
      0.16666666666666602, -0.0027777777777015593, 0.00006613756321437934, -0.0000016533902205465252,
      4.1381367970572385e-8,
    ],
    OVERFLOW: 711,
    UNDERFLOW: -746,
    MINUS_ONE: -40,
    SATURATED: 44,
    TINY: 2 ** -54,
    // Remez fit as above, relative error below 2^-63.3.
    S: [
      0.16666666666666669, 0.008333333333333148, 0.0001984126984143187, 0.0000027557319157073026,
      2.5052123136539317e-8, 1.605725978297643e-10, 7.758748373363075e-13,
    ],
  },
} as const;

/** e^x = 2^n (1 + (high - low) + tail). */
interface Reduced {
  /** Its low bits are the integer n. */
  readonly n: Lanes;
  readonly high: Lanes;
  readonly low: Lanes;
  /** high - low, rounded. */
  readonly r: Lanes;
  /** e^r - 1 - r. */
  readonly tail: Lanes;
}

function reduce(code: VectorCode, x: Lanes): Reduced {
  const { LN2_HIGH, LN2_LOW, P } = CONSTANTS[code.type];
  const n = x.mul(LOG2_E).add(code.format.roundingConstant);
  const count = n.sub(code.format.roundingConstant);
  const high = x.sub(count.mul(LN2_HIGH));
  const low = count.mul(LN2_LOW);
  const r = high.sub(low);
  const squared = r.square();
  const c = r.sub(squared.mul(polynomial(squared, P)));
  const tail = r.mul(c).div(code.constant(2).sub(c));
  return { n, high, low, r, tail };
}

/** y 2^n factor, in two exact steps and a last rounding one: overflow and gradual underflow come out right. */
export function scale(code: VectorCode, y: Lanes, n: Lanes, factor = 1): Lanes {
  const { mantissaBits } = code.format;
  const half = n.shiftRight(1).shiftLeft(mantissaBits);
  const rest = n.shiftLeft(mantissaBits).integerSub(half);
  return y.mul(half.integerAdd(code.bitsOf(1))).mul(rest.integerAdd(code.bitsOf(factor)));
}

/** e^x times a power of two `factor`, for x already held within the limits. */
function scaledExp(code: VectorCode, x: Lanes, factor = 1): Lanes {
  const { n, high, low, tail } = reduce(code, x);
  return scale(code, code.constant(1).sub(low.sub(tail).sub(high)), n, factor);
}

/** Worst error measured: 0.91 ulp (f32x4), 0.9 ulp (f64x2). */
export function exp(code: VectorCode, x: Lanes): Lanes {
  const { OVERFLOW, UNDERFLOW } = CONSTANTS[code.type];
  return scaledExp(code, x.atMost(OVERFLOW).atLeast(UNDERFLOW));
}

/** e^x for x in [UNDERFLOW, 0], or any x whose e^x is a normal number: one step of scaling is enough. */
export function expOfModerate(code: VectorCode, x: Lanes): Lanes {
  const { n, high, low, tail } = reduce(code, x);
  const power = n.shiftLeft(code.format.mantissaBits).integerAdd(code.bitsOf(1));
  return code.constant(1).sub(low.sub(tail).sub(high)).mul(power);
}

/**
 * e^x - 1 for x within [MINUS_ONE, OVERFLOW], not for tiny x:  s (1 + r + tail) - 1 = (s - 1) + s r + s tail with
 * s = 2^n, where the rounding error of the first sum is kept. Computed at half size, so that 2^1024 can occur.
 */
function moderateExpm1(code: VectorCode, x: Lanes): Lanes {
  const { n, high, low, r, tail } = reduce(code, x);
  const halfScale = n.shiftLeft(code.format.mantissaBits).integerAdd(code.bitsOf(0.5));
  const large = halfScale.sub(0.5);
  const small = halfScale.mul(r);
  const sum = large.add(small);
  const sumError = small.sub(sum.sub(large));
  const rError = high.sub(r).sub(low);
  const rest = sumError.add(halfScale.mul(tail.add(rError)));
  return sum.add(rest).mul(2);
}

/** Worst error measured: ? ulp (f32x4), ? ulp (f64x2). */
export function expm1(code: VectorCode, x: Lanes): Lanes {
  const { OVERFLOW, MINUS_ONE, TINY } = CONSTANTS[code.type];
  const y = moderateExpm1(code, x.atMost(OVERFLOW - 1).atLeast(MINUS_ONE));
  return x.abs().lt(TINY).select(x, y);
}

/**
 * 1 / (1 + e^-x), and e^x / (1 + e^x) for negative x: nothing overflows, and tiny results keep their digits.
 * Worst error measured: ? ulp (f32x4), ? ulp (f64x2).
 */
export function sigmoid(code: VectorCode, x: Lanes): Lanes {
  const z = scaledExp(code, x.abs().neg().atLeast(CONSTANTS[code.type].UNDERFLOW));
  return x.lt(0).select(z, 1).div(z.add(1));
}

/**
 * E / (E + 2) with E = expm1(2 |x|).
 * Worst error measured: ? ulp (f32x4), ? ulp (f64x2).
 */
export function tanh(code: VectorCode, x: Lanes): Lanes {
  const size = x.abs();
  const e = moderateExpm1(code, size.add(size).atMost(CONSTANTS[code.type].SATURATED));
  return e.div(e.add(2)).or(x.sign());
}

/**
 * (h - 1 / (4 h)) with h = e^|x| / 2; a polynomial for |x| < 1.
 * Worst error measured: ? ulp (f32x4), ? ulp (f64x2).
 */
export function sinh(code: VectorCode, x: Lanes): Lanes {
  const { OVERFLOW, S } = CONSTANTS[code.type];
  const size = x.abs();
  const h = scaledExp(code, size.atMost(OVERFLOW), 0.5);
  const large = h.sub(code.constant(0.25).div(h)).or(x.sign());
  const squared = x.square();
  const small = x.add(x.mul(squared).mul(polynomial(squared, S)));
  return size.lt(1).select(small, large);
}

/**
 * h + 1 / (4 h) with h = e^|x| / 2.
 * Worst error measured: ? ulp (f32x4), ? ulp (f64x2).
 */
export function cosh(code: VectorCode, x: Lanes): Lanes {
  const h = scaledExp(code, x.abs().atMost(CONSTANTS[code.type].OVERFLOW), 0.5);
  return h.add(code.constant(0.25).div(h));
}
