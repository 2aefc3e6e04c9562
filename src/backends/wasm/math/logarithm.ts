/**
 * log, log1p.
 *
 * The method of fdlibm's e_log.c: x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), s = f / (2 + f), and
 *
 *     log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))),   R(z) = 2 z / 3 + 2 z^2 / 5 + ...
 */
import { floatBits } from './format.ts';
import { type Lanes, polynomial } from './lanes.ts';
import type { VectorCode } from './vectorCode.ts';

const CONSTANTS = {
  f32x4: {
    // FreeBSD msun e_logf.c: k * LN2_HIGH is exact; |R(s^2) / s - s L(s^2)| < 2^-34.24.
    LN2_HIGH: 0.69313812256,
    LN2_LOW: 0.0000090580006145,
    L: [0xaaaaaa / 2 ** 24, 0xccce13 / 2 ** 25, 0x91e9ee / 2 ** 25, 0xf89e26 / 2 ** 26],
    TINY: 2 ** -25,
  },
  f64x2: {
    // fdlibm e_log.c: as above, error below 2^-58.45.
    LN2_HIGH: 0.6931471803691238,
    LN2_LOW: 1.9082149292705877e-10,
    L: [
      0.6666666666666735, 0.3999999999940942, 0.2857142874366239, 0.22222198432149784, 0.1818357216161805,
      0.15313837699209373, 0.14798198605116586,
    ],
    TINY: 2 ** -54,
  },
} as const;

/** x = 2^exponent significand, for normal positive x, with lowest <= significand < 2 lowest. */
export function splitExponent(
  code: VectorCode,
  x: Lanes,
  lowest: number,
): { exponent: Lanes; significand: Lanes } {
  const { mantissaBits, bias } = code.format;
  // Of the sum, the exponent field counts from `lowest` on instead of from 1.
  const shifted = x.integerAdd(code.integer(floatBits(code.type, 1) - floatBits(code.type, lowest)));
  // The integer k + bias, put into the low bits of the float 2^mantissaBits, makes it 2^mantissaBits + k + bias.
  const integers = 2 ** mantissaBits;
  const exponent = shifted
    .shiftRight(mantissaBits)
    .or(code.bitsOf(integers))
    .sub(integers + bias);
  const fraction = shifted.and(code.integer((1n << BigInt(mantissaBits)) - 1n));
  return { exponent, significand: fraction.integerAdd(code.bitsOf(lowest)) };
}

/** exponent ln2 + log(1 + f) + correction. */
function logOf(code: VectorCode, exponent: Lanes, f: Lanes, correction?: Lanes): Lanes {
  const { LN2_HIGH, LN2_LOW, L } = CONSTANTS[code.type];
  const s = f.div(f.add(2));
  const z = s.square();
  const halfSquare = f.mul(f).mul(0.5);
  const sum = s.mul(halfSquare.add(z.mul(polynomial(z, L))));
  const low = exponent.mul(LN2_LOW);
  const small = sum.add(correction === undefined ? low : low.add(correction));
  return exponent.mul(LN2_HIGH).sub(halfSquare.sub(small).sub(f));
}

/** log of positive normal numbers. */
export function logOfNormal(code: VectorCode, x: Lanes): Lanes {
  const { exponent, significand } = splitExponent(code, x, Math.SQRT1_2);
  return logOf(code, exponent, significand.sub(1));
}

/** Worst error measured: 0.83 ulp (f32x4), 0.82 ulp (f64x2). */
export function log(code: VectorCode, x: Lanes): Lanes {
  const { mantissaBits, smallestNormal } = code.format;
  const special = x.ge(smallestNormal).and(x.lt(Infinity)).not();
  const scaled = code.variable(x.push);
  const extra = code.variable(code.constant(0).push);
  code.rarely(special, () => {
    const subnormal = x.lt(smallestNormal);
    const grown = x.mul(2 ** (mantissaBits + 1));
    code.assign(scaled, subnormal.select(grown, x));
    code.assign(extra, subnormal.select(-(mantissaBits + 1), 0));
  });
  const { exponent, significand } = splitExponent(code, scaled.lanes, Math.SQRT1_2);
  const result = code.variable(logOf(code, exponent.add(extra.lanes), significand.sub(1)).push);
  code.rarely(special, () => {
    const limit = x.eq(0).select(-Infinity, x.eq(Infinity).select(Infinity, NaN));
    code.assign(result, x.gt(0).and(x.lt(Infinity)).select(result.lanes, limit));
  });
  return result.lanes;
}

/**
 * log(u) + (1 + x - u) / u where u is 1 + x rounded.
 * Worst error measured: 0.87 ulp (f32x4), 0.80 ulp (f64x2).
 */
export function log1p(code: VectorCode, x: Lanes): Lanes {
  const { TINY } = CONSTANTS[code.type];
  const u = x.add(1);
  const { exponent, significand } = splitExponent(code, u, Math.SQRT1_2);
  // The exact error of 1 + x, by Knuth's TwoSum.
  const part = u.sub(1);
  const error = code.constant(1).sub(u.sub(part)).add(x.sub(part));
  const y = logOf(code, exponent, significand.sub(1), error.div(u));
  const result = code.variable(x.abs().lt(TINY).select(x, y).push);
  const special = x.gt(-1).and(x.lt(Infinity)).not();
  code.rarely(special, () => {
    const limit = x.eq(-1).select(-Infinity, x.eq(Infinity).select(Infinity, NaN));
    code.assign(result, special.select(limit, result.lanes));
  });
  return result.lanes;
}
