/** erf: a polynomial near 0, and 1 - erfc beyond, where errors of erfc count for little. */
import { expOfModerate } from './exponential.ts';
import { type Lanes, polynomial } from './lanes.ts';
import type { VectorCode } from './vectorCode.ts';

const CONSTANTS = {
  f32x4: {
    // erf x = x + x E(x^2) for |x| <= SPLIT: Remez fit (mathFits.py), relative error below 2^-26.8.
    SPLIT: 0.875,
    E: [0.1283791575, -0.3761255047, 0.1128245543, -0.02679146645, 0.00503218604, -0.0006203278207],
    /** From here on, erf x = 1. */
    ONE: 4,
  },
  f64x2: {
    // As above, relative error below 2^-56.9.
    SPLIT: 1,
    E: [
      0.12837916709551256, -0.3761263890318352, 0.11283791670944188, -0.02686617064311181,
      0.00522397760612111, -0.0008548325929435338, 0.00012055293580369912, -0.00001492471236604877,
      0.000001644713233064558, -1.6206319348514246e-7, 1.3711003650107867e-8, -7.77951025808518e-10,
    ],
    ONE: 6,
  },
} as const;

// f32x4: log(erfc a) = a L(a) on [0.875, 4]: Remez fit (mathFits.py), error of erfc below 2^-28.2 of erf.
const L = [-1.12852548, -0.6356804465, -0.1053120674, 0.0229223642, -0.003225117133, 0.0002152241092];

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

/** Worst error measured: 1.60 ulp (f32x4), 1.70 ulp (f64x2). */
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
