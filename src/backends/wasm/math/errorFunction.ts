/** erf: a polynomial near 0, and 1 - erfc beyond, where errors of erfc count for little. */
import { expOfModerate } from './exponential.ts';
import { type Lanes, polynomial } from './lanes.ts';
import type { VectorCode } from './vectorCode.ts';

const CONSTANTS = {
  f32x4: {
    // erf x = x + x E(x^2) for |x| <= SPLIT: Remez fit, relative error below 2^-26.8.
    SPLIT: 0.875,
    E: [0.1283791575, -0.3761255047, 0.1128245541, -0.02679146558, 0.005032184839, -0.0006203272309],
    /** From here on, erf x = 1. */
    ONE: 4,
  },
  f64x2: {
    // As above, relative error below 2^-56.9.
    SPLIT: 1,
    E: [
      0.12837916709551256, -0.3761263890318352, 0.11283791670944186, -0.026866170643111725,
      0.005223977606120421, -0.0008548325929401514, 0.00012055293579338085, -0.0000149247123458855,
      0.000001644713207815085, -1.620631738972248e-7, 1.3710995081548143e-8, -7.779494105766241e-10,
    ],
    ONE: 6,
  },
} as const;

// f32x4: log(erfc a) = a L(a) on [0.875, 4]: Remez fit, error of erfc below 2^-28.2 of erf.
const L = [-1.12852548, -0.6356804452, -0.1053120692, 0.02292236553, -0.003225117578, 0.0002152241667];

// f64x2: Cephes ndtr.c, erfc a = e^(-a^2) P(a) / Q(a) on [1, 8].
const P = [
  557.5353353693994, 1027.5518868951572, 934.5285271719576, 526.4451949954773, 196.5208329560771,
  48.63719709856814, 7.463210564422699, 0.5641895648310689, 2.461969814735305e-10,
];
const Q = [
  557.5353408177277, 1656.6630919416134, 2246.3376081871097, 1823.9091668790973, 975.7085017432055,
  354.9377788878199, 86.70721408859897, 13.228195115474499, 1,
];

function complement(code: VectorCode, a: Lanes): Lanes {
  if (code.type === 'f32x4') return expOfModerate(code, a.mul(polynomial(a, L)));
  return expOfModerate(code, a.square().neg()).mul(polynomial(a, P).div(polynomial(a, Q)));
}

/** Worst error measured: ? ulp (f32x4), ? ulp (f64x2). */
export function erf(code: VectorCode, x: Lanes): Lanes {
  const { SPLIT, E, ONE } = CONSTANTS[code.type];
  const size = x.abs();
  const squared = x.square();
  const near = x.add(x.mul(polynomial(squared, E)));
  const far = code
    .constant(1)
    .sub(complement(code, size.atMost(ONE)))
    .or(x.sign());
  return size.le(SPLIT).select(near, far);
}
