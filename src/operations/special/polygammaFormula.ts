/** The derivatives of psi, of any order, by one formula for each order. */
import type { ScalarLanguage } from '../../graph/index.ts';
import { cotangent, fraction } from './gammaFormulas.ts';
import { polynomial } from './polynomial.ts';

/** B_2, B_4, ..., B_22. */
const BERNOULLI = [
  1 / 6,
  -1 / 30,
  1 / 42,
  -1 / 30,
  5 / 66,
  -691 / 2730,
  7 / 6,
  -3617 / 510,
  43867 / 798,
  -174611 / 330,
  854513 / 138,
];

/** What the formula of order n needs to know. */
interface Orders {
  /** A power of two near the (n+1)-th root of n!: arguments are counted in it, which keeps powers within range. */
  readonly unit: number;
  /** So many terms of the series are summed one by one. */
  readonly terms: number;
  /** n! / unit^(n+1). */
  readonly first: number;
  /** (n-1)! / unit^n, and B_2j (n+2j-1)! / (2j)! / unit^(n+2j) for j = 1, 2, ... */
  readonly tail: readonly number[];
  /** d^n cot(u) / du^n = (-1)^n (1 + c^2) F(c), c = cot u: the coefficients of F, from the constant on. */
  readonly cotangent: readonly number[];
}

const knownOrders = new Map<number, Orders>();

function ordersOf(n: number): Orders {
  let known = knownOrders.get(n);
  if (known === undefined) {
    known = planOrder(n);
    knownOrders.set(n, known);
  }
  return known;
}

function planOrder(n: number): Orders {
  const product = (count: number, factor: (i: number) => number): number =>
    Array.from({ length: count }, (_, i) => factor(i)).reduce((a, b) => a * b, 1);
  const logFactorial = Array.from({ length: n }, (_, i) => Math.log2(i + 1)).reduce((a, b) => a + b, 0);
  const unit = 2 ** Math.round(logFactorial / (n + 1));
  const leading = product(n - 1, (i) => (i + 1) / unit) / unit;
  // The first term left out, 2 (n)_24 / (2 pi w)^24 of the sum, shall be below 2^-57 from w = terms on.
  const omitted = 2 * (BERNOULLI.length + 1);
  const rising = Array.from({ length: omitted }, (_, i) => Math.log2(n + i)).reduce((a, b) => a + b, 58);
  // E_0 = c, E_(m+1) = (1 + c^2) E_m': all coefficients are positive.
  let e = [0, 1];
  let cotangent: number[] = [];
  for (let m = 0; m < n; m++) {
    cotangent = e.slice(1).map((coefficient, i) => coefficient * (i + 1));
    e = [...cotangent, 0, 0].map((_, i) => (cotangent[i] ?? 0) + (cotangent[i - 2] ?? 0));
  }
  return {
    unit,
    terms: Math.ceil(2 ** (rising / omitted) / (2 * Math.PI)),
    first: (leading * n) / unit,
    tail: [
      leading,
      ...BERNOULLI.map((b, j) => leading * b * product(2 * j + 2, (i) => (n + i) / ((i + 1) * unit))),
    ],
    cotangent,
  };
}

/** x^n for a whole n >= 1, by squaring. */
function power<T>(k: ScalarLanguage<T>, x: T, n: number): T {
  if (n === 1) return x;
  const half = power(k, x, Math.floor(n / 2));
  const square = k.mul(half, half);
  return n % 2 === 0 ? square : k.mul(square, x);
}

/**
 * n! zeta(n+1, x) for x >= 0: terms of its series (DLMF 25.11.1), and the rest by the Euler-Maclaurin formula
 * (DLMF 25.11.28), summed from the smallest on.
 */
function scaledZeta<T>(k: ScalarLanguage<T>, x: T, n: number, { unit, terms, first, tail }: Orders): T {
  const one = k.literal(1);
  const counted = (i: number): T => k.mul(i === 0 ? x : k.add(x, k.literal(i)), k.literal(1 / unit));
  const w = counted(terms);
  const u = k.div(one, w);
  const series = k.add(polynomial(k, k.mul(u, u), tail), k.mul(k.literal(first / 2), u));
  let sum = k.literal(0);
  for (let i = terms - 1; i >= 0; i--) sum = k.add(sum, k.div(one, power(k, counted(i), n + 1)));
  return k.add(k.div(series, power(k, w, n)), k.mul(k.literal(first), sum));
}

/**
 * psi^(n)(x) = (-1)^(n+1) n! zeta(n+1, x) (DLMF 25.11.12); left of 0 by reflection,
 * psi^(n)(x) = (-1)^n psi^(n)(1-x) - pi d^n cot(pi x) / dx^n (DLMF 5.15.6).
 */
export function polygammaFormula<T>(k: ScalarLanguage<T>, x: T, n: number): T {
  const orders = ordersOf(n);
  const negative = k.lt(x, k.literal(0));
  const sum = scaledZeta(k, k.select(negative, k.sub(k.literal(1), x), x), n, orders);
  const signed = n % 2 === 1 ? (value: T) => value : (value: T) => k.neg(value);
  const rest = fraction(k, x);
  const c = cotangent(k, rest);
  const squared = k.mul(c, c);
  // F is odd or even.
  const even = orders.cotangent.filter((_, i) => i % 2 === (n + 1) % 2);
  const factor = k.mul(polynomial(k, squared, even), k.literal(Math.PI ** (n + 1)));
  const derivative = k.mul(k.add(k.literal(1), squared), n % 2 === 1 ? factor : k.mul(c, factor));
  const reflected = k.sub(signed(derivative), sum);
  const pole = k.literal(n % 2 === 1 ? Infinity : Number.NaN);
  return k.select(negative, k.select(k.eq(rest, k.literal(0)), pole, reflected), signed(sum));
}
