/**
 * x = turns * pi/2 + r, |r| <= pi/4 (a hair more when rounding), for sin, cos and tan.
 *
 * Up to 2^20 by Cody and Waite: pi/2 is cut into parts of 33 bits, so that multiples below 2^20 of each are exact.
 * Beyond, lane by lane, by Payne and Hanek (payneHanek.ts).
 */
import type { Lanes } from './lanes.ts';
import { payneHanek } from './payneHanek.ts';
import type { Variable, VectorCode } from './vectorCode.ts';

export interface QuarterTurns {
  /** An integer per lane, as wide as the lane; its two low bits matter. */
  readonly turns: Lanes;
  readonly r: Lanes;
  /** What rounding cut from r (f64x2 only; in f32x4, r is correctly rounded from float64). */
  readonly tail?: Lanes;
}

/** Up to here the parts below are exact enough: turns < 2^20. */
const LIMIT = 2 ** 20;
const TWO_OVER_PI = 0.6366197723675814;

// fdlibm e_rem_pio2.c: three parts of pi/2 of 33 bits each, and the rest.
const PART_1 = 1.5707963267341256;
const PART_2 = 6.077100506303966e-11;
const PART_3 = 2.0222662487111665e-21;
const REST = 8.4784276603689e-32;
/** pi/2 - PART_1: with float32 results, two parts are enough. */
const REST_AFTER_1 = 6.077100506506192e-11;

export function quarterTurns(code: VectorCode, x: Lanes): QuarterTurns {
  if (code.type === 'f32x4') {
    const [low, high] = quarterTurnsInDouble(code, x);
    return { turns: code.narrowIntegers(low.turns, high.turns), r: code.narrow(low.r, high.r) };
  }
  const { turns, count } = nearestTurns(code, x);
  const first = x.sub(count.mul(PART_1)); // exact
  const [second, secondError] = subtract(first, count.mul(PART_2));
  const [third, thirdError] = subtract(second, count.mul(PART_3));
  const rest = count.mul(REST).sub(secondError.add(thirdError));
  const r = third.sub(rest);
  const tail = third.sub(r).sub(rest);
  const reduced = {
    turns: code.variable(turns.push),
    r: code.variable(r.push),
    tail: code.variable(tail.push),
  };
  code.rarely(x.abs().gt(LIMIT), () => reduceHugeLanes(code, x, reduced));
  return { turns: reduced.turns.lanes, r: reduced.r.lanes, tail: reduced.tail.lanes };
}

/** The reduction of four floats, in two float64 halves. */
export function quarterTurnsInDouble(code: VectorCode, x: Lanes): QuarterTurns[] {
  const wide = code.as('f64x2');
  const halves = code.widen(x);
  const reduced = halves.map((half) => {
    const { turns, count } = nearestTurns(wide, half);
    const r = half.sub(count.mul(PART_1)).sub(count.mul(REST_AFTER_1));
    return { turns: wide.variable(turns.push), r: wide.variable(r.push) };
  });
  code.rarely(x.abs().gt(LIMIT), () => {
    for (const [i, half] of halves.entries()) reduceHugeLanes(wide, half, reduced[i]);
  });
  return reduced.map(({ turns, r }) => ({ turns: turns.lanes, r: r.lanes }));
}

function nearestTurns(code: VectorCode, x: Lanes): { turns: Lanes; count: Lanes } {
  const turns = x.mul(TWO_OVER_PI).add(code.format.roundingConstant);
  return { turns, count: turns.sub(code.format.roundingConstant) };
}

/** a - b and the rounding error of that (Dekker; |a| >= |b|, or the difference is exact). */
function subtract(a: Lanes, b: Lanes): [difference: Lanes, error: Lanes] {
  const difference = a.sub(b);
  return [difference, a.sub(difference).sub(b)];
}

/** Replaces what the fast path found for the lanes of |x| > LIMIT. Infinities give NaN on either path. */
function reduceHugeLanes(
  code: VectorCode,
  x: Lanes,
  reduced: { turns: Variable; r: Variable; tail?: Variable },
): void {
  const { builder } = code;
  const reduction = payneHanek(code.library);
  const turns = builder.local('i64');
  const r = builder.local('f64');
  const tail = builder.local('f64');
  for (let lane = 0; lane < 2; lane++) {
    x.push();
    builder.lane('f64x2.extract_lane', lane).tee(r).op('f64.abs').f64(LIMIT).op('f64.gt');
    builder.if(() => {
      builder.get(r).call(reduction).set(turns).set(tail).set(r);
      const replace = (type: 'i64x2' | 'f64x2', variable: Variable, value: number) =>
        builder.get(variable.locals[0]).get(value).lane(`${type}.replace_lane`, lane).set(variable.locals[0]);
      replace('i64x2', reduced.turns, turns);
      replace('f64x2', reduced.r, r);
      if (reduced.tail !== undefined) replace('f64x2', reduced.tail, tail);
    });
  }
}
