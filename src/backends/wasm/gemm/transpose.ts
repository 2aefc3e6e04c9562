/** Turning a square block of numbers held in vectors. */
import type { FunctionBuilder } from '../encoder.ts';

/** Bytes of a shuffle that takes `size`-byte units by number: units of the first operand, then of the second. */
const units = (size: number, picks: readonly number[]): number[] =>
  picks.flatMap((unit) => Array.from({ length: size }, (_, byte) => unit * size + byte));

/** Appends the transposition of as many vectors as they have lanes (4 or 2); returns locals with the result. */
export function transpose(f: FunctionBuilder, vectors: readonly number[]): number[] {
  const shuffle = (x: number, y: number, size: number, picks: readonly number[]): number => {
    const result = f.local('v128');
    f.get(x).get(y).shuffle(units(size, picks)).set(result);
    return result;
  };
  if (vectors.length === 2) {
    const [x, y] = vectors;
    return [shuffle(x, y, 8, [0, 2]), shuffle(x, y, 8, [1, 3])];
  }
  const [x, y, z, w] = vectors;
  const [xyLow, xyHigh] = [shuffle(x, y, 4, [0, 4, 1, 5]), shuffle(x, y, 4, [2, 6, 3, 7])];
  const [zwLow, zwHigh] = [shuffle(z, w, 4, [0, 4, 1, 5]), shuffle(z, w, 4, [2, 6, 3, 7])];
  return [
    shuffle(xyLow, zwLow, 8, [0, 2]),
    shuffle(xyLow, zwLow, 8, [1, 3]),
    shuffle(xyHigh, zwHigh, 8, [0, 2]),
    shuffle(xyHigh, zwHigh, 8, [1, 3]),
  ];
}
