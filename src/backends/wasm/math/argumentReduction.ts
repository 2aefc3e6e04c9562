/**
 * x = turns * pi/2 + r, |r| <= pi/4 (a hair more when rounding), for sin, cos and tan.
 *
 * Up to 2^20 by Cody and Waite: pi/2 is cut into parts of 33 bits, so that multiples below 2^20 of each are exact.
 * Beyond, lane by lane, by Payne and Hanek: x times the bits of 2/pi that matter, in integers.
 */
import type { FunctionBuilder } from '../encoder.ts';
import type { Lanes } from './lanes.ts';
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
  const reduction = payneHanek(code);
  const turns = builder.local('i64');
  const r = builder.local('f64');
  const tail = builder.local('f64');
  const replace = (
    variable: Variable,
    lane: number,
    instruction: 'i64x2.replace_lane' | 'f64x2.replace_lane',
    value: number,
  ) => builder.get(variable.local).get(value).lane(instruction, lane).set(variable.local);

  for (let lane = 0; lane < 2; lane++) {
    x.push();
    builder.lane('f64x2.extract_lane', lane).tee(r).op('f64.abs').f64(LIMIT).op('f64.gt');
    builder.if(() => {
      builder.get(r).call(reduction).set(turns).set(tail).set(r);
      replace(reduced.turns, lane, 'i64x2.replace_lane', turns);
      replace(reduced.r, lane, 'f64x2.replace_lane', r);
      if (reduced.tail !== undefined) replace(reduced.tail, lane, 'f64x2.replace_lane', tail);
    });
  }
}

/**
 * (x) -> (r, tail, turns), |x| > LIMIT; NaN for infinities.
 *
 * Payne and Hanek: with |x| = m 2^e, m an integer of 53 bits, bits of 2/pi of weight 2^(2 - e) and more contribute
 * multiples of 4 turns. The next 192 bits, times m, modulo 2^192, are turns mod 4 in units of 2^-190, with an error
 * below 2^-137. No float64 is nearer to a multiple of pi/2 than 2^-62, so r is right to more than 64 bits.
 */
function payneHanek(code: VectorCode): FunctionBuilder {
  const { library } = code;
  const word = library.shared('twoOverPi', ['i32'], ['i64'], twoOverPi);
  const multiplyHigh = library.shared('multiplyHigh', ['i64', 'i64'], ['i64'], productHigh);
  return library.shared('payneHanek', ['f64'], ['f64', 'f64', 'i64'], (f) => {
    const x = 0;
    const [m, window, high, low, turns, negative, significand] = Array.from({ length: 7 }, () =>
      f.local('i64'),
    );
    const [position, shift] = [f.local('i32'), f.local('i32')];
    const [unit, leading, rest, r] = Array.from({ length: 4 }, () => f.local('f64'));

    // m and the position of the window: the bits of `TWO_OVER_PI_BITS`, which start 64 places early.
    f.get(x)
      .op('i64.reinterpret_f64')
      .tee(m)
      .i64(52n)
      .op('i64.shr_u', 'i32.wrap_i64')
      .i32(0x7ff)
      .op('i32.and');
    f.i32(1075 + 2 - 64)
      .op('i32.sub')
      .set(position);
    f.get(m)
      .i64(2n ** 52n - 1n)
      .op('i64.and')
      .i64(2n ** 52n)
      .op('i64.or')
      .set(m);

    /** The 64 bits at `position` + 64 index. */
    const bits = (index: number) => {
      f.get(position).i32(6).op('i32.shr_u').i32(index).op('i32.add').call(word);
      f.get(position).op('i64.extend_i32_u', 'i64.shl');
      f.get(position)
        .i32(6)
        .op('i32.shr_u')
        .i32(index + 1)
        .op('i32.add')
        .call(word);
      f.i64(1n).op('i64.shr_u').i64(63n).get(position).op('i64.extend_i32_u', 'i64.sub', 'i64.shr_u');
      f.op('i64.or');
    };

    // high, low := the upper 128 of the 192 low bits of m * window.
    bits(2);
    f.get(m).call(multiplyHigh).set(high);
    bits(1);
    f.tee(window).get(m).op('i64.mul').get(high).op('i64.add').tee(low);
    f.get(high).op('i64.lt_u', 'i64.extend_i32_u'); // the carry
    f.get(window).get(m).call(multiplyHigh).op('i64.add');
    bits(0);
    f.get(m).op('i64.mul', 'i64.add').set(high);

    // The nearest turn; the signed rest in units of 2^-126 turns.
    f.get(high)
      .i64(2n ** 61n)
      .op('i64.add')
      .i64(62n)
      .op('i64.shr_u')
      .tee(turns);
    f.i64(62n).op('i64.shl').set(window);
    f.get(high).get(window).op('i64.sub').tee(high).i64(63n).op('i64.shr_s').set(negative);
    // Two's complement of the pair: invert, add one.
    f.get(low).get(negative).op('i64.xor').get(negative).op('i64.sub').set(low);
    f.get(high).get(negative).op('i64.xor').get(low).op('i64.eqz', 'i64.extend_i32_u');
    f.get(negative).op('i64.and', 'i64.add').set(high);

    // The 64 leading bits of the magnitude. Its leading one is within the upper 66 bits.
    f.get(high).op('i64.clz', 'i32.wrap_i64').tee(shift).i32(64).op('i32.eq');
    f.if(
      () => {
        f.get(low).op('i64.clz', 'i32.wrap_i64').tee(shift).i32(64).op('i32.add').set(shift);
        f.get(low).get(shift).op('i64.extend_i32_u', 'i64.shl').set(significand);
      },
      () => {
        f.get(high).get(shift).op('i64.extend_i32_u', 'i64.shl');
        f.get(low)
          .i32(64)
          .get(shift)
          .op('i32.sub', 'i64.extend_i32_u', 'i64.shr_u', 'i64.or')
          .set(significand);
      },
    );

    // unit := 2^(-62 - shift), with the sign of x and of the rest; NaN when x is infinite.
    f.i32(1023 - 62)
      .get(shift)
      .op('i32.sub', 'i64.extend_i32_u')
      .i64(52n)
      .op('i64.shl', 'f64.reinterpret_i64');
    f.get(negative).op('f64.convert_i64_s').f64(0.5).op('f64.add').get(x).op('f64.mul', 'f64.copysign');
    f.get(x).get(x).op('f64.sub', 'f64.add').set(unit);

    // r + tail := significand * pi/2. The product of the leading parts is exact.
    f.get(significand)
      .i64(-1n << 38n)
      .op('i64.and', 'f64.convert_i64_u')
      .get(unit)
      .op('f64.mul')
      .set(leading);
    f.get(significand)
      .i64(2n ** 38n - 1n)
      .op('i64.and', 'f64.convert_i64_u')
      .get(unit)
      .op('f64.mul');
    f.f64(Math.PI / 2)
      .op('f64.mul')
      .get(leading)
      .f64(HALF_PI_REST)
      .op('f64.mul', 'f64.add')
      .set(rest);
    f.get(leading).f64(HALF_PI_LEADING).op('f64.mul').tee(leading).get(rest).op('f64.add').tee(r);
    f.get(leading).get(r).op('f64.sub').get(rest).op('f64.add');
    f.get(turns).i64(0n).get(turns).op('i64.sub').get(x).f64(0).op('f64.ge', 'select');
  });
}

/** pi/2 in 26 bits, and the rest. */
const HALF_PI_LEADING = Math.floor((Math.PI / 2) * 2 ** 25) / 2 ** 25;
const HALF_PI_REST = Math.PI / 2 - HALF_PI_LEADING + 6.123233995736766e-17;

/** (a, b) -> the upper 64 bits of a * b, unsigned, by halves of 32 bits. */
function productHigh(f: FunctionBuilder): void {
  const [a, b] = [0, 1];
  const [middle, mixed] = [f.local('i64'), f.local('i64')];
  const low = (local: number) => f.get(local).i64(0xffffffffn).op('i64.and');
  const high = (local: number) => f.get(local).i64(32n).op('i64.shr_u');
  low(a);
  low(b);
  f.op('i64.mul').i64(32n).op('i64.shr_u');
  high(a);
  low(b);
  f.op('i64.mul', 'i64.add').set(middle);
  low(a);
  high(b);
  f.op('i64.mul');
  low(middle);
  f.op('i64.add').set(mixed);
  high(a);
  high(b);
  f.op('i64.mul');
  high(middle);
  f.op('i64.add');
  high(mixed);
  f.op('i64.add');
}

/** (index) -> that word of TWO_OVER_PI_BITS, by bisection. */
function twoOverPi(f: FunctionBuilder): void {
  const choose = (from: number, to: number): void => {
    if (to - from === 1) {
      f.i64(TWO_OVER_PI_BITS[from]);
      return;
    }
    const middle = (from + to) >> 1;
    f.get(0).i32(middle).op('i32.lt_u');
    f.if(
      () => choose(from, middle),
      () => choose(middle, to),
      'i64',
    );
  };
  choose(0, TWO_OVER_PI_BITS.length);
}

/** 64 zeros, then the bits of 2/pi (mpmath, 1400 bits): enough for the largest float64. */
const TWO_OVER_PI_BITS = [
  0x0000000000000000n,
  0xa2f9836e4e441529n,
  0xfc2757d1f534ddc0n,
  0xdb6295993c439041n,
  0xfe5163abdebbc561n,
  0xb7246e3a424dd2e0n,
  0x06492eea09d1921cn,
  0xfe1deb1cb129a73en,
  0xe88235f52ebb4484n,
  0xe99c7026b45f7e41n,
  0x3991d639835339f4n,
  0x9c845f8bbdf9283bn,
  0x1ff897ffde05980fn,
  0xef2f118b5a0a6d1fn,
  0x6d367ecf27cb09b7n,
  0x4f463f669e5fea2dn,
  0x7527bac7ebe5f17bn,
  0x3d0739f78a5292ean,
  0x6bfb5fb11f8d5d08n,
  0x56033046fc7b6babn,
];
