/** The generator that layers draw their first weights from, unless they are given one. */
import { Random } from '../data/random.ts';

let generator = new Random(0);

/**
 * Restarts the default generator: the same seed, and the same layers made in the same order, give the same network.
 * A program that never calls it starts from seed 0, so it too is reproducible.
 */
export function setSeed(seed: number): void {
  generator = new Random(seed);
}

/** Where a layer's random numbers come from: at most one of the two. */
export interface RandomSource {
  /** A seed for this layer alone. */
  seed?: number;
  /** A generator to draw from, which advances. */
  random?: Random;
}

/** The generator that `source` names; the default one where it names none. */
export function randomOf({ seed, random }: RandomSource): Random {
  return random ?? (seed === undefined ? generator : new Random(seed));
}
