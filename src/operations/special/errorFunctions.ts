/**
 * Relatives of the error function: erfc, its complement, and erfinv, its inverse, computed in float64. Worst errors
 * measured against mpmath: erfc 4 ulp, erfinv 5.
 */
import type { ScalarLanguage } from '../../graph/index.ts';
import { abs, neg, square } from '../arithmetic.ts';
import { real } from '../declare.ts';
import { mul, unary } from '../elementwise.ts';
import { exp } from '../exponential.ts';
import { equal } from '../logic.ts';
import { polynomial, type Ratio, ratio } from './polynomial.ts';

/** erfc x = e^(-x^2) / (1 + 2x) F(t), t = (x - 4) / (x + 4), on [1/2, 28]: fit (test/operations/specialFits.py), error below 2^-60. */
const ERFC = [
  1.2329951186255526, -0.1396211168405625, 0.015379652102619901, 0.06809705425468844, -0.1010390660363143,
  0.09373283499853434, -0.06633036581196795, 0.03716751553379472, -0.016197734061059108, 0.00503197001856426,
  -0.0007577732634973155, -0.00019925696553927866, 0.00015062155590137163, -0.000024398057333996413,
  -0.000011221668942295945, 0.000005706494720146254, 2.9313186423696087e-7, -8.195085083459565e-7,
  7.540467350144586e-8, 1.03256669073015e-7, -1.8406671051403966e-8, -9.652213521087604e-9,
  1.9717656765049794e-9,
];

/** From here on erfc x is below the smallest subnormal number. */
const ERFC_UNDERFLOW = 28;

/**
 * Below 1/2 as 1 - erf x. Above, x^2 is split so that no digit of the exponential is lost: with h = x rounded to
 * sixteenths, e^(-x^2) = e^(-h^2) e^((h - x)(h + x)), where h^2 and h - x are exact.
 */
function complement<T>(k: ScalarLanguage<T>, x: T): T {
  const one = k.literal(1);
  const b = k.min(x, k.literal(ERFC_UNDERFLOW));
  const h = k.mul(k.round(k.mul(b, k.literal(16))), k.literal(1 / 16));
  const power = k.mul(k.exp(k.neg(k.mul(h, h))), k.exp(k.mul(k.sub(h, b), k.add(h, b))));
  const t = k.div(k.sub(b, k.literal(4)), k.add(b, k.literal(4)));
  const far = k.div(k.mul(power, polynomial(k, t, ERFC)), k.add(one, k.add(b, b)));
  return k.select(k.lt(x, k.literal(0.5)), k.sub(one, k.erf(x)), far);
}

/** 1 - erf(x), without the cancellation for large x. */
export const erfc = unary('erfc', {
  doc: "Complementary error function: y = 1 - erf(x), accurate for large x; y' = -2/sqrt(pi) exp(-x^2).",
  inFloat64: true,
  formula: complement,
  partials: [({ x }) => mul(-2 / Math.sqrt(Math.PI), exp(neg(square(x))))],
  samples: real(-2.5, 2.5),
  special: [0, -0, 0.5, 1, -1, 4, -4, 9, 26.5, 28, 100, -100, Infinity, -Infinity, NaN, 1e-40],
  torch: 'torch.erfc(x)',
});

/** The quantile of the normal distribution, times sqrt 2 the inverse of erf: M. J. Wichura, algorithm AS 241 (PPND16), Appl. Statist. 37 (1988). */
const CENTRAL: Ratio = {
  p: [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.693765509461, 45921.95393154987,
    67265.7709270087, 33430.57558358813, 2509.0809287301227,
  ],
  q: [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
};
const MIDDLE: Ratio = {
  p: [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  q: [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
};
const TAIL: Ratio = {
  p: [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.2965605718285049, 0.026532189526576124,
    0.0012426609473880784, 0.000027115555687434876, 2.0103343992922881e-7,
  ],
  q: [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
    0.000018463183175100548, 1.4215117583164459e-7, 2.0442631033899397e-15,
  ],
};

/** AS 241 for p = (1 + x) / 2; 1 - |x| is exact where the tails need it. */
function inverse<T>(k: ScalarLanguage<T>, x: T): T {
  const size = k.abs(x);
  const q = k.mul(x, k.literal(0.5));
  const central = k.mul(q, ratio(k, k.sub(k.literal(0.180625), k.mul(q, q)), CENTRAL));
  const p = k.mul(k.sub(k.literal(1), size), k.literal(0.5));
  const r = k.sqrt(k.neg(k.log(p)));
  const middle = ratio(k, k.sub(r, k.literal(1.6)), MIDDLE);
  const tail = ratio(k, k.sub(r, k.literal(5)), TAIL);
  const outer = k.select(k.le(r, k.literal(5)), middle, tail);
  const end = k.select(k.eq(size, k.literal(1)), k.literal(Infinity), outer);
  const signed = k.select(k.lt(x, k.literal(0)), k.neg(end), end);
  const quantile = k.select(k.le(size, k.literal(0.85)), central, signed);
  return k.mul(quantile, k.literal(Math.SQRT1_2));
}

/** The x with erf(x) = y: infinite at -1 and 1, NaN outside. */
export const erfinv = unary('erfinv', {
  doc: "Inverse error function: erf(y) = x, infinite at -1 and 1; y' = sqrt(pi)/2 exp(y^2).",
  inFloat64: true,
  formula: inverse,
  partials: [({ y }) => mul(Math.sqrt(Math.PI) / 2, exp(square(y)))],
  kinks: ({ x }) => [
    { where: equal(abs(x), 1), point: 'vertical tangent at 1 and -1', convention: 'Infinity' },
  ],
  samples: real(-0.9, 0.9),
  special: [0, -0, 0.5, -0.84, 0.86, 0.999999, -0.999999, 1, -1, 2, Infinity, -Infinity, NaN, 1e-40],
  torch: 'torch.erfinv(x)',
});
