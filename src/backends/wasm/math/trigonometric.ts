/**
 * sin, cos, tan, right for every finite argument.
 *
 * x = turns * pi/2 + r with |r| <= pi/4 (argumentReduction.ts), then polynomials for sin r and cos r; the two low
 * bits of `turns` tell which of the two, with which sign.
 */
import { type QuarterTurns, quarterTurns, quarterTurnsInDouble } from './argumentReduction.ts';
import { type Lanes, polynomial } from './lanes.ts';
import type { VectorCode } from './vectorCode.ts';

const CONSTANTS = {
  f32x4: {
    // Cephes sinf.c: sin r = r + r^3 S(r^2), cos r = 1 - r^2/2 + r^4 C(r^2).
    S: [-0.16666654611, 0.0083321608736, -0.00019515295891],
    C: [0.04166664568298827, -0.001388731625493765, 0.00002443315711809948],
  },
  f64x2: {
    // fdlibm k_sin.c and k_cos.c: errors below 2^-58.
    S: [
      -0.16666666666666632, 0.00833333333332249, -0.0001984126982985795, 0.0000027557313707070068,
      -2.5050760253406863e-8, 1.58969099521155e-10,
    ],
    C: [
      0.0416666666666666, -0.001388888888887411, 0.00002480158728947673, -2.7557314351390663e-7,
      2.087572321298175e-9, -1.1359647557788195e-11,
    ],
  },
} as const;

// FreeBSD msun k_tanf.c, in float64: tan r = r + r^3 T(r^2), relative error below 2^-25.5.
const T = [
  0.3333313950307914, 0.13339200271297674, 0.05338123784456704, 0.024528318116654728, 0.002974357433599673,
  0.009465647849436732,
];

/** sin(r + tail), |r| <= pi/4. Written as r minus a sum that is +0 for r = -0, whose sign stays. */
function sinOfRemainder(code: VectorCode, { r, tail }: QuarterTurns): Lanes {
  const { S } = CONSTANTS[code.type];
  const squared = r.square();
  const cubed = squared.mul(r);
  const [first, ...others] = S;
  if (tail === undefined) return r.sub(code.constant(0).sub(cubed.mul(polynomial(squared, S))));
  const correction = squared.mul(tail.mul(0.5).sub(cubed.mul(polynomial(squared, others)))).sub(tail);
  return r.sub(correction.sub(cubed.mul(first)));
}

/** cos(r + tail), |r| <= pi/4; the rounding error of 1 - r^2/2 is kept. */
function cosOfRemainder(code: VectorCode, { r, tail }: QuarterTurns): Lanes {
  const squared = r.square();
  const half = squared.mul(0.5);
  const main = code.constant(1).sub(half);
  const mainError = code.constant(1).sub(main).sub(half);
  const rest = squared.mul(squared).mul(polynomial(squared, CONSTANTS[code.type].C));
  return main.add(mainError.add(tail === undefined ? rest : rest.sub(r.mul(tail))));
}

function isOdd(code: VectorCode, turns: Lanes): Lanes {
  const one = code.integer(1n);
  return turns.and(one).integerEq(one);
}

/** Its sign bit is set in the third and fourth quarter. */
function signOf(code: VectorCode, turns: Lanes): Lanes {
  return turns.shiftLeft(code.format.width - 2).sign();
}

/** Worst error measured: 1.60 ulp (f32x4), 0.77 ulp (f64x2). */
export function sin(code: VectorCode, x: Lanes): Lanes {
  const reduced = quarterTurns(code, x);
  const y = isOdd(code, reduced.turns).select(cosOfRemainder(code, reduced), sinOfRemainder(code, reduced));
  return y.xor(signOf(code, reduced.turns));
}

/** sin(x + pi/2). Worst error measured: 1.59 ulp (f32x4), 0.76 ulp (f64x2). */
export function cos(code: VectorCode, x: Lanes): Lanes {
  const reduced = quarterTurns(code, x);
  const y = isOdd(code, reduced.turns).select(sinOfRemainder(code, reduced), cosOfRemainder(code, reduced));
  return y.xor(signOf(code, reduced.turns.integerAdd(code.integer(1n))));
}

/**
 * f64x2: sin r / cos r, or -cos r / sin r in odd quarters. f32x4: a polynomial in float64, or -1 over it.
 * Worst error measured: 0.80 ulp (f32x4), 2.10 ulp (f64x2).
 */
export function tan(code: VectorCode, x: Lanes): Lanes {
  if (code.type === 'f32x4') return tanInDouble(code, x);
  const reduced = quarterTurns(code, x);
  const sine = sinOfRemainder(code, reduced);
  const cosine = cosOfRemainder(code, reduced);
  const odd = isOdd(code, reduced.turns);
  return odd.select(cosine.neg(), sine).div(odd.select(sine, cosine));
}

function tanInDouble(code: VectorCode, x: Lanes): Lanes {
  const wide = code.as('f64x2');
  const [low, high] = quarterTurnsInDouble(code, x).map(({ r, turns }) => {
    const squared = r.square();
    const tangent = r.add(squared.mul(r).mul(polynomial(squared, T)));
    const odd = isOdd(wide, turns);
    return odd.select(-1, tangent).div(odd.select(tangent, 1));
  });
  return code.narrow(low, high);
}
