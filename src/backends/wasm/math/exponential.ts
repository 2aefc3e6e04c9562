/**
 * exp, expm1, sigmoid, sinh, cosh, tanh.
 *
 * All share one reduction: x = n ln2 + r with |r| <= ln2 / 2, then e^x = 2^n e^r and e^r = 1 + r + r^2 Q(r).
 */
import { type Lanes, polynomial } from './lanes.ts';
import type { VectorCode } from './vectorCode.ts';

const CONSTANTS = {
  f32x4: {
    // FreeBSD msun e_expf.c: n * LN2_HIGH is exact.
    LN2_HIGH: 0.69314575195,
    LN2_LOW: 0.0000014286067653,
    // Remez fit (test/backends/wasm/mathFits.py) on [-ln2/2, ln2/2]: relative error of e^r below 2^-28.2.
    Q: [0.4999999343, 0.166665204, 0.04166839041, 0.008368744802, 0.001381456437],
    /** Beyond these, e^x is inf or 0. */
    OVERFLOW: 90,
    UNDERFLOW: -105,
    /** Beyond these, expm1(x) is -1, tanh(x / 2) is 1. */
    MINUS_ONE: -18,
    SATURATED: 20,
    /** Below, expm1(x) = x. */
    TINY: 2 ** -25,
    // sinh(x) = x + x^3 S(x^2) on [0, 1]: Remez fit (mathFits.py), relative error below 2^-34.1.
    S: [0.166666665, 0.008333350058, 0.0001983615972, 2.816951911e-6],
  },
  f64x2: {
    // fdlibm e_exp.c.
    LN2_HIGH: 0.6931471803691238,
    LN2_LOW: 1.9082149292705877e-10,
    // Remez fit as above, relative error below 2^-57.9.
    Q: [
      0.5000000000000011, 0.1666666666666641, 0.04166666666652972, 0.008333333333494937, 0.001388888894376196,
      0.00019841269505873436, 0.00002480149294738615, 0.0000027557586707855305, 2.7630307083496085e-7,
      2.500005064549918e-8,
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

/** e^x = 2^n (1 + r + rError + excess). */
interface Reduced {
  /** Its low bits are the integer n. */
  readonly n: Lanes;
  readonly r: Lanes;
  /** What rounding cut from r, without which the result is up to half a unit worse. */
  readonly rError: () => Lanes;
  readonly excess: Lanes;
}

function reduce(code: VectorCode, x: Lanes): Reduced {
  const { LN2_HIGH, LN2_LOW } = CONSTANTS[code.type];
  const n = x.mul(Math.LOG2E).add(code.format.roundingConstant);
  const count = n.sub(code.format.roundingConstant);
  const high = x.sub(count.mul(LN2_HIGH));
  const low = count.mul(LN2_LOW);
  const r = high.sub(low);
  return { n, r, rError: () => high.sub(r).sub(low), excess: expExcess(code, r) };
}

/** e^r - 1 - r for |r| <= ln2 / 2. */
export function expExcess(code: VectorCode, r: Lanes): Lanes {
  return r.square().mul(polynomial(r, CONSTANTS[code.type].Q));
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
  const { n, r, excess } = reduce(code, x);
  return scale(code, r.add(excess).add(1), n, factor);
}

/** Worst error measured: 1.04 ulp (f32x4), 1.06 ulp (f64x2). */
export function exp(code: VectorCode, x: Lanes): Lanes {
  const { OVERFLOW, UNDERFLOW } = CONSTANTS[code.type];
  return scaledExp(code, x.atMost(OVERFLOW).atLeast(UNDERFLOW));
}

/** e^x where that is a normal number: one step of scaling is enough. */
export function expOfModerate(code: VectorCode, x: Lanes): Lanes {
  const { n, r, excess } = reduce(code, x);
  const power = n.shiftLeft(code.format.mantissaBits).integerAdd(code.bitsOf(1));
  return r.add(excess).add(1).mul(power);
}

/**
 * e^x - 1 for x in [MINUS_ONE, OVERFLOW - 1], tiny x excepted: s (1 + r + excess) - 1 = (s - 1) + s r + s excess with
 * s = 2^n, where the rounding error of the first sum is kept. Computed at half size, so that 2^1024 can occur.
 */
function moderateExpm1(code: VectorCode, x: Lanes): Lanes {
  const { n, r, rError, excess } = reduce(code, x);
  const halfScale = n.shiftLeft(code.format.mantissaBits).integerAdd(code.bitsOf(0.5));
  const large = halfScale.sub(0.5);
  const small = halfScale.mul(r);
  const sum = large.add(small);
  const sumError = small.sub(sum.sub(large));
  const rest = sumError.add(halfScale.mul(excess.add(rError())));
  return sum.add(rest).mul(2);
}

/** Worst error measured: 1.54 ulp (f32x4), 1.32 ulp (f64x2). */
export function expm1(code: VectorCode, x: Lanes): Lanes {
  const { OVERFLOW, MINUS_ONE, TINY } = CONSTANTS[code.type];
  const y = moderateExpm1(code, x.atMost(OVERFLOW - 1).atLeast(MINUS_ONE));
  return x.abs().lt(TINY).select(x, y);
}

/**
 * With z = e^-|x| and q = z / (1 + z): sigmoid x = 1 - q, and for negative x, q itself, better written z - z q.
 * Nothing overflows, and tiny results keep their digits.
 * Worst error measured: 1.89 ulp (f32x4), 1.88 ulp (f64x2).
 */
export function sigmoid(code: VectorCode, x: Lanes): Lanes {
  const z = scaledExp(code, x.abs().neg().atLeast(CONSTANTS[code.type].UNDERFLOW));
  const q = z.div(z.add(1));
  const whole = x.lt(0).select(z, 1);
  return whole.sub(whole.mul(q));
}

/**
 * f32x4: 1 - 2 / (e^(2 |x|) + 1), or a polynomial for |x| < 5/8. f64x2: E / (E + 2) with E = expm1(2 |x|).
 * Worst error measured: 1.32 ulp (f32x4), 2.60 ulp (f64x2).
 */
export function tanh(code: VectorCode, x: Lanes): Lanes {
  const size = x.abs();
  const twice = size.add(size).atMost(CONSTANTS[code.type].SATURATED);
  if (code.type === 'f64x2') {
    const e = moderateExpm1(code, twice);
    return e.div(e.add(2)).or(x.sign());
  }
  const divisor = expOfModerate(code, twice).add(1);
  const large = code.constant(1).sub(code.constant(2).div(divisor));
  const squared = x.square();
  const small = size.sub(size.mul(squared.mul(polynomial(squared, TANH))));
  return size.lt(0.625).select(small, large).or(x.sign());
}

/** tanh x = x - x^3 T(x^2) on [0, 5/8], for f32x4: Remez fit (mathFits.py), relative error below 2^-27.7. */
const TANH = [0.3333328194, -0.1333144221, 0.05373971632, -0.0206390909, 0.005704990601];

/**
 * (h - 1 / (4 h)) with h = e^|x| / 2; a polynomial for |x| < 1.
 * Worst error measured: 1.62 ulp (f32x4), 1.56 ulp (f64x2).
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
 * Worst error measured: 1.49 ulp (f32x4), 1.41 ulp (f64x2).
 */
export function cosh(code: VectorCode, x: Lanes): Lanes {
  const h = scaledExp(code, x.abs().atMost(CONSTANTS[code.type].OVERFLOW), 0.5);
  return h.add(code.constant(0.25).div(h));
}
