/** Polynomials and rational functions in the scalar language, for formulas that approximate. */
import type { ScalarLanguage } from '../../graph/index.ts';

/** c0 + c1 x + c2 x^2 + ... by Horner's rule. */
export function polynomial<T>(k: ScalarLanguage<T>, x: T, coefficients: readonly number[]): T {
  let value = k.literal(coefficients[coefficients.length - 1]);
  for (let i = coefficients.length - 2; i >= 0; i--)
    value = k.add(k.mul(value, x), k.literal(coefficients[i]));
  return value;
}

/** Numerator and denominator of a rational function, in ascending powers. */
export interface Ratio {
  readonly p: readonly number[];
  readonly q: readonly number[];
}

/** p(x) / q(x). */
export function ratio<T>(k: ScalarLanguage<T>, x: T, { p, q }: Ratio): T {
  return k.div(polynomial(k, x, p), polynomial(k, x, q));
}
