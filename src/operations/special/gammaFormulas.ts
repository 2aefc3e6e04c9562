/**
 * Formulas for log Gamma and psi, its derivative. They have no loops and no branches but `select`, so that all lanes of a
 * vector go the same way. What is called a fit was made by test/operations/specialFits.py.
 */
import type { ScalarLanguage } from '../../graph/index.ts';
import { type Ratio, ratio } from './polynomial.ts';

/** log Gamma z = (z - 1)(z - 2)(7/16 + R(z - 1)) on [1, 3]: fit, error of log Gamma below 2^-57.7. */
const LOG_GAMMA_NEAR: Ratio = {
  p: [
    0.13971566490153287, 0.24880641019657482, -0.010266889645591753, -0.2839086497818955,
    -0.22870607977460064, -0.07553337719517039, -0.0111805319091101, -0.0006608466761638521,
    -0.000010652439049050616,
  ],
  q: [
    1, 3.5361659629745215, 5.021257900661251, 3.6722217552107503, 1.4771004522959044, 0.3239769173460576,
    0.03613884447121401, 0.0017463681006452904, 0.000024701852219090835,
  ],
};

/** log Gamma z = (z - 1/2)(log z - 1) + (log 2 pi - 1)/2 + J(1/z^2)/z from 3 on: fit, error below 2^-57.6. */
const LOG_GAMMA_FAR: Ratio = {
  p: [0.08333333333333326, 0.6998240164053198, 1.4475495319750598, 0.7401533079759969, 0.047949044061082816],
  q: [1, 8.431221530195907, 17.642111292169787, 9.39675554873276, 0.7707173798157785],
};

/** psi z = (z - root)(13/16 + D(z - 1)) on [1, 3]: fit, error below 2^-61.6. */
const DIGAMMA_NEAR: Ratio = {
  p: [
    0.4378801375034054, 0.14781443938070668, -0.3713789367386302, -0.2904783826136905, -0.07984450908416027,
    -0.009461949884073822, -0.0004483826824424664, -0.00000595352757547739,
  ],
  q: [
    1, 2.2894571233542136, 1.9022022748824643, 0.7470495002328587, 0.14810832904594673, 0.014396602345897333,
    0.0006000004112100302, 0.0000073778476243478865,
  ],
};

/** The root of psi right of 0, as an unevaluated sum. */
const DIGAMMA_ROOT = [1.4616321449683622, 9.549995429965697e-17] as const;

/** psi z = log z - 1/(2z) - K(1/z^2)/z^2 from 3 on: fit, error of psi below 2^-56.3. */
const DIGAMMA_FAR: Ratio = {
  p: [0.08333333333333244, 0.8118758582576218, 2.0028200146930577, 1.2645919998876947, 0.10147359097496221],
  q: [1, 9.842510299075757, 24.970472162605237, 17.253459834818653, 2.1551983302786035],
};

/** x less the nearest integer: exact, so that pi times it has the sine and tangent of pi x. NaN for infinities. */
export function fraction<T>(k: ScalarLanguage<T>, x: T): T {
  return k.sub(x, k.round(x));
}

/** cot(pi x) for |x| <= 1/2, to all digits also where it is near 0. */
export function cotangent<T>(k: ScalarLanguage<T>, x: T): T {
  const size = k.abs(x);
  const steep = k.lt(k.literal(0.25), size);
  const angle = k.select(steep, k.sub(k.literal(0.5), size), size);
  const tangent = k.tan(k.mul(k.literal(Math.PI), angle));
  const value = k.select(steep, tangent, k.div(k.literal(1), tangent));
  return k.select(k.lt(x, k.literal(0)), k.neg(value), value);
}

/**
 * On [1, inf) by the fits. Elsewhere by recurrence and reflection (DLMF 5.5.1 and 5.5.3), both from z = 1 + |x|:
 * log Gamma(x) = log Gamma(1 + x) - log x, and log |Gamma(x)| = log |pi / sin(pi x)| - log Gamma(1 - x).
 */
export function logGamma<T>(k: ScalarLanguage<T>, x: T): T {
  const [zero, one, two] = [0, 1, 2].map((value) => k.literal(value));
  const left = k.lt(x, one);
  const negative = k.lt(x, zero);
  const size = k.abs(x);
  const z = k.select(left, k.add(one, size), x);
  // z - 1 and z - 2, exact also where z is rounded.
  const fromOne = k.select(left, size, k.sub(x, one));
  const fromTwo = k.select(left, k.sub(size, one), k.sub(x, two));
  const quotient = k.add(k.literal(7 / 16), ratio(k, fromOne, LOG_GAMMA_NEAR));
  const near = k.mul(k.mul(fromOne, fromTwo), quotient);
  const stirling = k.mul(k.sub(z, k.literal(0.5)), k.sub(k.log(z), one));
  const rest = k.div(ratio(k, k.div(one, k.mul(z, z)), LOG_GAMMA_FAR), z);
  const far = k.add(stirling, k.add(k.literal(0.5 * (Math.log(2 * Math.PI) - 1)), rest));
  // At 1 the product is -0: adding 0 makes it 0.
  const value = k.select(k.lt(z, k.literal(3)), k.add(near, zero), far);
  const pi = k.literal(Math.PI);
  const reflection = k.div(pi, k.abs(k.sin(k.mul(pi, fraction(k, x)))));
  const correction = k.log(k.select(negative, reflection, x));
  const elsewhere = k.select(negative, k.sub(correction, value), k.sub(value, correction));
  const pole = k.and(negative, k.eq(x, k.floor(x)));
  return k.select(pole, k.literal(Infinity), k.select(left, elsewhere, value));
}

/** As {@link logGamma}: psi(x) = psi(1 + x) - 1/x, and psi(x) = psi(1 - x) - pi cot(pi x) (DLMF 5.5.2 and 5.5.4). */
export function psi<T>(k: ScalarLanguage<T>, x: T): T {
  const [zero, one] = [0, 1].map((value) => k.literal(value));
  const left = k.lt(x, one);
  const negative = k.lt(x, zero);
  const z = k.select(left, k.add(one, k.abs(x)), x);
  const [root, rootRest] = DIGAMMA_ROOT.map((part) => k.literal(part));
  const slope = k.add(k.literal(13 / 16), ratio(k, k.sub(z, one), DIGAMMA_NEAR));
  const near = k.mul(k.sub(k.sub(z, root), rootRest), slope);
  const w = k.div(one, k.mul(z, z));
  const far = k.sub(k.log(z), k.add(k.div(k.literal(0.5), z), k.mul(w, ratio(k, w, DIGAMMA_FAR))));
  const value = k.select(k.lt(z, k.literal(3)), near, far);
  const rest = fraction(k, x);
  const reflection = k.mul(k.literal(Math.PI), cotangent(k, rest));
  const correction = k.select(negative, reflection, k.div(one, x));
  const pole = k.and(negative, k.eq(rest, zero));
  return k.select(pole, k.literal(Number.NaN), k.select(left, k.sub(value, correction), value));
}
