/**
 * pow: 2^(y log2 |x|), then signs and the special cases of C99 Annex F.9.4.4.
 *
 * In float32 everything happens in float64, where plain log and exp are exact enough. In float64 the logarithm
 * must be right to about 2^-65: the method of fdlibm's e_pow.c, in pairs of doubles.
 */
import { expExcess, expOfModerate, scale } from './exponential.ts';
import { type Lanes, polynomial } from './lanes.ts';
import { logOfNormal, splitExponent } from './logarithm.ts';
import type { VectorCode } from './vectorCode.ts';

/** Worst error measured: 0.51 ulp (f32x4), 0.97 ulp (f64x2). */
export function pow(code: VectorCode, x: Lanes, y: Lanes): Lanes {
  const size = x.abs();
  const special = x.gt(0).and(x.lt(Infinity)).and(y.eq(y)).not();
  const magnitude = code.type === 'f32x4' ? powInDouble(code, size, y) : powInPairs(code, size, y);
  const result = code.variable(magnitude.push);
  code.rarely(special, () => {
    code.assign(result, special.select(specialPow(x, y, result.lanes), result.lanes));
  });
  return result.lanes;
}

/** The answer for x <= 0, x infinite, and NaNs, given |x|^y for ordinary |x|. */
function specialPow(x: Lanes, y: Lanes, magnitude: Lanes): Lanes {
  const size = x.abs();
  const isZero = size.eq(0);
  const isInfinite = size.eq(Infinity);
  const isInteger = y.nearest().eq(y);
  const half = y.mul(0.5);
  const isOdd = isInteger.and(half.nearest().ne(half));

  const vanishes = isZero.xor(y.lt(0)); // 0^positive and inf^negative
  const extreme = isZero.or(isInfinite).select(vanishes.select(0, Infinity), magnitude);
  const signed = extreme.or(isOdd.and(x.sign()));
  const undefinedPower = x.lt(0).and(x.gt(-Infinity)).andNot(isInteger);
  const isNaN = undefinedPower.or(x.ne(x)).or(y.ne(y));
  const isOne = y.eq(0).or(x.eq(1));
  return isOne.select(1, isNaN.select(NaN, signed));
}

/** Four float32 powers, for ordinary x > 0. Where e^200 overflows float32, so does everything beyond. */
function powInDouble(code: VectorCode, x: Lanes, y: Lanes): Lanes {
  const wide = code.as('f64x2');
  const exponents = code.widen(y.atMost(LARGEST_FLOAT32).atLeast(-LARGEST_FLOAT32));
  const [low, high] = code.widen(x).map((base, i) => {
    const exponent = exponents[i].mul(logOfNormal(wide, base));
    return expOfModerate(wide, exponent.atMost(200).atLeast(-200));
  });
  return code.narrow(low, high);
}

/** Keeps infinite * log(1) from being NaN. */
const LARGEST_FLOAT32 = 2 ** 128 - 2 ** 104;

// fdlibm e_pow.c. log2(3/2), 2 / (3 ln2) and ln2, each in two parts of which the first has few bits.
const LOG2_3_2_HIGH = 0.5849624872207642;
const LOG2_3_2_LOW = 1.350039202129749e-8;
const SCALE = 0.9617966939259756;
const SCALE_HIGH = 0.9617967009544373;
const SCALE_LOW = -7.028461650952758e-9;
const { LN2 } = Math;
const LN2_HIGH = 0.6931471824645996;
const LN2_LOW = -1.904654299957768e-9;

/** 3/2 (log x - 2 s - 2/3 s^3) = s^5 (L1 + L2 s^2 + ...). */
const L = [
  0.5999999999999946, 0.4285714285785502, 0.33333332981837743, 0.272728123808534, 0.23066074577556175,
  0.20697501780033842,
];

/** Beyond this, y log2(x) overflows or underflows for every x but 1. */
const LARGEST_EXPONENT = 2 ** 66;

function powInPairs(code: VectorCode, x: Lanes, exponent: Lanes): Lanes {
  const y = exponent.atMost(LARGEST_EXPONENT).atLeast(-LARGEST_EXPONENT);
  const [high, low] = log2(code, x);
  // y log2(x), the high part exactly.
  const yHigh = y.leading();
  const productHigh = yHigh.mul(high);
  const productLow = y.sub(yHigh).mul(high).add(y.mul(low));
  // Hold it within [-1100, 1100].
  const moderate = productHigh.add(productLow).abs().lt(1100);
  return exp2(code, productHigh.atMost(1100).atLeast(-1100), productLow.and(moderate));
}

/**
 * log2(x) = high + low, high with 21 bits. x = 2^n m with m near b = 1 or 3/2; then with s = (m - b) / (m + b),
 * log m = log b + 2 s + 2/3 s^3 + ...
 */
function log2(code: VectorCode, x: Lanes): [high: Lanes, low: Lanes] {
  const { smallestNormal } = code.format;
  const normal = code.variable(x.push);
  const extra = code.variable(code.constant(0).push);
  const isSubnormal = x.lt(smallestNormal);
  code.rarely(isSubnormal, () => {
    code.assign(normal, isSubnormal.select(x.mul(2 ** 54), x));
    code.assign(extra, isSubnormal.select(-54, 0));
  });
  const { exponent, significand: m } = splitExponent(code, normal.lanes, Math.sqrt(3) / 2);
  const n = exponent.add(extra.lanes);
  const nearThreeHalves = m.ge(Math.sqrt(1.5));
  const b = nearThreeHalves.select(1.5, 1);

  // s = sHigh + sLow, the quotient to twice the precision.
  const difference = m.sub(b);
  const reciprocal = code.constant(1).div(m.add(b));
  const s = difference.mul(reciprocal);
  const sHigh = s.leading();
  const sumHigh = m.add(b).leading();
  const sumLow = m.sub(sumHigh.sub(b));
  const sLow = difference.sub(sHigh.mul(sumHigh)).sub(sHigh.mul(sumLow)).mul(reciprocal);

  // 3 + s^2 + s^4 (L1 + ...) = factorHigh + factorLow.
  const squared = s.square();
  const highSquared = sHigh.square();
  const series = squared
    .square()
    .mul(polynomial(squared, L))
    .add(sLow.mul(sHigh.add(s)));
  const factorHigh = highSquared.add(3).add(series).leading();
  const factorLow = series.sub(factorHigh.sub(3).sub(highSquared));

  // s times that, and then times 2 / (3 ln2).
  const mainProduct = sHigh.mul(factorHigh);
  const restProduct = sLow.mul(factorHigh).add(factorLow.mul(s));
  const productHigh = mainProduct.add(restProduct).leading();
  const productLow = restProduct.sub(productHigh.sub(mainProduct));
  const logHigh = productHigh.mul(SCALE_HIGH);
  const logLow = productHigh
    .mul(SCALE_LOW)
    .add(productLow.mul(SCALE))
    .add(nearThreeHalves.and(code.constant(LOG2_3_2_LOW)));

  const offset = nearThreeHalves.and(code.constant(LOG2_3_2_HIGH));
  const high = logHigh.add(logLow).add(offset).add(n).leading();
  return [high, logLow.sub(high.sub(n).sub(offset).sub(logHigh))];
}

/** 2^(high + low), |high| <= 1100. */
function exp2(code: VectorCode, high: Lanes, low: Lanes): Lanes {
  const { roundingConstant } = code.format;
  const n = high.add(low).add(roundingConstant);
  const fraction = high.sub(n.sub(roundingConstant));
  // z + zLow = (fraction + low) ln2; e^(z + zLow) = e^z (1 + zLow)
  const leading = fraction.add(low).leading();
  const main = leading.mul(LN2_HIGH);
  const rest = low.sub(leading.sub(fraction)).mul(LN2).add(leading.mul(LN2_LOW));
  const z = main.add(rest);
  const zLow = rest.sub(z.sub(main));
  const power = z.add(expExcess(code, z).add(zLow.add(z.mul(zLow)))).add(1);
  return scale(code, power, n);
}
