/** Payne and Hanek's argument reduction: x times those bits of 2/pi that matter, in integers. */
import type { FunctionBuilder } from '../encoder.ts';
import { Scalar } from './scalar.ts';
import type { Shared } from './vectorCode.ts';

/** pi/2 in 26 bits, and the rest. */
const HALF_PI_LEADING = Math.floor((Math.PI / 2) * 2 ** 25) / 2 ** 25;
const HALF_PI_REST = Math.PI / 2 - HALF_PI_LEADING + 6.123233995736766e-17;

const SIGN = 1n << 63n;

/**
 * The function (x: f64) -> (r: f64, tail: f64, turns: i64) with x = turns * pi/2 + r + tail, turns modulo 4, for
 * finite |x| >= 2^20; r and tail are NaN for infinities.
 *
 * With |x| = m 2^e, m an integer of 53 bits, bits of 2/pi of weight 2^(2 - e) and more contribute multiples of 4
 * turns. The next 192 bits, times m, modulo 2^192, are turns mod 4 in units of 2^-190, with an error below 2^-137. No
 * float64 is nearer to a multiple of pi/2 than 2^-62, so that r + tail is right to more than 60 bits.
 */
export function payneHanek(library: Shared): FunctionBuilder {
  const word = library.shared('twoOverPi', ['i64'], ['i64'], twoOverPi);
  const multiplyHigh = library.shared('multiplyHigh', ['i64', 'i64'], ['i64'], productHigh);
  return library.shared('payneHanek', ['f64'], ['f64', 'f64', 'i64'], (builder) => {
    const x = Scalar.local(builder, 'f64', 0);
    const bits = x.bitsOfFloat();
    const m = bits.and(2n ** 52n - 1n).or(2n ** 52n);

    // Where the window begins among the bits of TWO_OVER_PI, which start 64 places early.
    const position = bits
      .shiftRight(52n)
      .and(0x7ffn)
      .sub(1075n + 2n - 64n);
    const first = position.shiftRight(6n);
    /** The 64 bits after the first `skip` (mod 64) of a pair of words; two shifts, as one by 64 does nothing. */
    const funnel = (high: Scalar, low: Scalar, skip: Scalar) =>
      high.shiftLeft(skip).or(low.shiftRight(1n).shiftRight(skip.xor(63n)));
    const words = [0n, 1n, 2n, 3n].map((i) => first.add(i).call(word));
    const [upper, middle, lower] = [0, 1, 2].map((i) => funnel(words[i], words[i + 1], position));

    // high, low := the upper 128 of the 192 low bits of m * window.
    const carried = lower.call(multiplyHigh, m);
    const low = middle.mul(m).add(carried);
    const high = upper.mul(m).add(middle.call(multiplyHigh, m)).add(low.isBelow(carried));

    // The nearest turn, and the magnitude of the rest in units of 2^-126 turns: negate by inverting and adding 1.
    const turns = high.add(2n ** 61n).shiftRight(62n);
    const rest = high.sub(turns.shiftLeft(62n));
    const negative = rest.signMask();
    const restLow = low.xor(negative).sub(negative);
    const restHigh = rest.xor(negative).add(restLow.isZero().and(negative));

    // Its 64 leading bits, times 2^(-62 - shift). If restHigh is 0 move everything up by 64 bits first.
    const empty = restHigh.isZero();
    const mask = Scalar.i64(builder, 0n).sub(empty);
    const leadingWord = restHigh.or(restLow.and(mask));
    const nextWord = restLow.and(mask.xor(-1n));
    const zeros = leadingWord.leadingZeros();
    const significand = funnel(leadingWord, nextWord, zeros);
    const shift = zeros.add(empty.shiftLeft(6n));

    // That power of two, with the sign of x and of the rest; x - x is NaN when x is infinite.
    const sign = bits.xor(negative).and(SIGN);
    const unit = Scalar.i64(builder, 1023n - 62n)
      .sub(shift)
      .shiftLeft(52n)
      .or(sign)
      .floatOfBits()
      .add(x.sub(x));

    // r + tail := significand * unit * pi/2. The product of the leading parts is exact.
    const leading = significand
      .and(-1n << 38n)
      .toFloat()
      .mul(unit);
    const trailing = significand
      .and(2n ** 38n - 1n)
      .toFloat()
      .mul(unit);
    const main = leading.mul(HALF_PI_LEADING);
    const correction = trailing.mul(Math.PI / 2).add(leading.mul(HALF_PI_REST));
    const r = main.add(correction);
    r.push();
    main.sub(r).add(correction).push();
    const xSign = bits.signMask();
    turns.xor(xSign).sub(xSign).push();
  });
}

/** (a, b) -> the upper 64 bits of a * b, unsigned, by halves of 32 bits. */
function productHigh(builder: FunctionBuilder): void {
  const [a, b] = [0, 1].map((parameter) => {
    const value = Scalar.local(builder, 'i64', parameter);
    return { low: value.and(0xffffffffn), high: value.shiftRight(32n) };
  });
  const middle = a.high.mul(b.low).add(a.low.mul(b.low).shiftRight(32n));
  const mixed = a.low.mul(b.high).add(middle.and(0xffffffffn));
  a.high.mul(b.high).add(middle.shiftRight(32n)).add(mixed.shiftRight(32n)).push();
}

/** (index) -> that word of TWO_OVER_PI, by bisection. */
function twoOverPi(builder: FunctionBuilder): void {
  const choose = (from: number, to: number): void => {
    if (to - from === 1) {
      builder.i64(TWO_OVER_PI[from]);
      return;
    }
    const middle = (from + to) >> 1;
    builder.get(0).i64(BigInt(middle)).op('i64.lt_u');
    builder.if(
      () => choose(from, middle),
      () => choose(middle, to),
      'i64',
    );
  };
  choose(0, TWO_OVER_PI.length);
}

/** 64 zeros, then the bits of 2/pi (mpmath, 1400 bits): enough for the largest float64. */
const TWO_OVER_PI = [
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
