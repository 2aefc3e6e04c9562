/**
 * Reproducible random numbers: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * 2021), 128 bits of state, period 2^128 - 1. The same seed gives the same numbers in Node and in browsers.
 */
import { at, ChainruleError } from '../graph/index.ts';

/** The four 32-bit words of a generator's state, for saving and resuming. */
export type RandomState = readonly [number, number, number, number];

const TWO_32 = 2 ** 32;

/** MurmurHash3's finaliser: a bijection of 32-bit words in which every input bit moves about half of the output. */
function mix(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A state that depends on every word: four hashes, one per lane, that start from different constants. */
function absorb(words: readonly number[]): Uint32Array {
  const state = new Uint32Array(4);
  for (let lane = 0; lane < 4; lane++) {
    let h = mix(Math.imul(lane + 1, 0x9e3779b9));
    for (const word of words) h = mix((h ^ word) + 0x9e3779b9);
    state[lane] = h;
  }
  // The one state that xoshiro cannot leave.
  if (state.every((word) => word === 0)) state[0] = 1;
  return state;
}

/** A whole number as two 32-bit words, so that seeds beyond 32 bits all count. */
function wordsOf(what: string, value: number): [number, number] {
  if (!Number.isSafeInteger(value)) {
    throw new ChainruleError(`Random: ${what} ${value} is not a whole number from -2^53 to 2^53${at()}`);
  }
  return [value >>> 0, Math.floor(value / TWO_32) >>> 0];
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * A seeded generator of random numbers.
 *
 * ```ts
 * const random = new Random(7);
 * random.uniform();            // in [0, 1)
 * random.fork(3).normal();     // an independent stream that leaves `random` where it stands
 * ```
 */
export class Random {
  private readonly words: Uint32Array;

  /** @throws ChainruleError unless `seed` is a whole number. */
  constructor(seed: number) {
    this.words = absorb(wordsOf('seed', seed));
  }

  /** A generator that continues from a saved `state`. @throws ChainruleError where all four words are zero. */
  static from(state: RandomState): Random {
    if (state.every((word) => word === 0)) {
      throw new ChainruleError(`Random: a state of four zeros would stay zero for ever${at()}`);
    }
    const random = new Random(0);
    random.words.set(state);
    return random;
  }

  get state(): RandomState {
    const [a, b, c, d] = this.words;
    return [a, b, c, d];
  }

  /**
   * A generator for the purpose that `key` names (an epoch, a worker): the same state and key always give the same
   * stream, different keys give independent ones, and this generator does not advance.
   */
  fork(key: number): Random {
    const child = new Random(0);
    child.words.set(absorb([...this.words, ...wordsOf('key', key)]));
    return child;
  }

  /** A whole number from 0 to 2^32 - 1, each equally likely. */
  bits(): number {
    const s = this.words;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** A real number in [low, high), one of 2^53 steps. */
  uniform(low = 0, high = 1): number {
    const upper = this.bits() >>> 5;
    const lower = this.bits() >>> 6;
    return low + (high - low) * ((upper * 2 ** 26 + lower) / 2 ** 53);
  }

  /** A normally distributed number, by the transform of Box and Muller (1958). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A whole number from 0 to `bound` - 1, each exactly equally likely. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > TWO_32) {
      throw new ChainruleError(`Random: integer(${bound}) takes a whole number from 1 to 2^32${at()}`);
    }
    // Draws beyond the last whole multiple of `bound` would favour the small results.
    const limit = TWO_32 - (TWO_32 % bound);
    let drawn = this.bits();
    while (drawn >= limit) drawn = this.bits();
    return drawn % bound;
  }

  /** Puts the elements in random order, in place (Fisher and Yates), and returns the same array. */
  shuffle<A extends { readonly length: number; [index: number]: any }>(array: A): A {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = array[i];
      array[i] = array[j];
      array[j] = held;
    }
    return array;
  }

  /** The numbers 0 to `count` - 1 in random order. */
  permutation(count: number): Uint32Array {
    return this.shuffle(Uint32Array.from({ length: count }, (_, i) => i));
  }
}
