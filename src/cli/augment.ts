/** Pictures moved about: a network that sees a digit in many places learns the digit rather than the place. */
import type { Random } from '../data/index.ts';
import { Tensor } from '../graph/index.ts';

/** How training pictures are varied. */
export interface Shift {
  readonly picture: readonly [rows: number, columns: number];
  /** The most pixels by which a picture moves, in each direction. */
  readonly pixels: number;
  /** What comes in where a picture has moved away. */
  readonly background: number;
}

/** Each picture of a batch [n, rows * columns] moved by a random whole number of pixels down and across. */
export function shiftPictures(batch: Tensor, { picture, pixels, background }: Shift, random: Random): Tensor {
  const [rows, columns] = picture;
  const size = rows * columns;
  const { data } = batch;
  const moved = new Float32Array(data.length).fill(background);
  for (let start = 0; start < data.length; start += size) {
    const down = random.integer(2 * pixels + 1) - pixels;
    const across = random.integer(2 * pixels + 1) - pixels;
    const [left, right] = [Math.max(0, -across), Math.min(columns, columns - across)];
    for (let row = Math.max(0, -down); row < Math.min(rows, rows - down); row++) {
      const from = start + row * columns;
      moved.set(data.subarray(from + left, from + right), from + down * columns + left + across);
    }
  }
  return new Tensor(batch.shape, 'float32', moved);
}
