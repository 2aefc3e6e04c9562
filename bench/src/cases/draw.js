/** The numbers that the benchmarks compute with: the same in every engine, in Python too (engines/pytorch/draw.py). */

/**
 * What an operand holds: uniform numbers from -scale to scale.
 * @typedef {{ shape: number[], scale: number, seed: number }} Drawn
 */

/** @returns {Drawn} */
export const drawn = (shape, scale, seed) => ({ shape, scale, seed });

export const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

/** Uniform numbers from -scale to scale; the same ones for the same seed (mulberry32). */
export function uniform(length, scale, seed) {
  let state = seed;
  const numbers = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    numbers[i] = (((bits ^ (bits >>> 14)) >>> 0) / 2 ** 31 - 1) * scale;
  }
  return numbers;
}

/** The numbers of an operand. @param {Drawn} operand */
export const draw = ({ shape, scale, seed }) => uniform(sizeOf(shape), scale, seed);

/** The labels of a batch: whole numbers below `classes`. */
export const labelsOf = (batch, classes) =>
  Int32Array.from({ length: batch }, (_, i) => (i * 7 + 3) % classes);

/** Where `sample` looks: enough elements to tell a wrong result from a right one. */
const sampled = 64;

/** The positions that a check compares in a result of `length` numbers. */
export function samplePositions(length) {
  const stride = Math.floor(length / sampled) + 1;
  return Array.from({ length: Math.ceil(length / stride) }, (_, i) => i * stride);
}

/** The elements of a result that a check compares. */
export const sample = (numbers) => samplePositions(numbers.length).map((position) => numbers[position]);
