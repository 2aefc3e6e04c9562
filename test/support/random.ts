/** Reproducible pseudo-random numbers for tests. */
export { seedOf, shuffle, uniform } from '../../src/check/random.ts';
