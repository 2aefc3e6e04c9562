/** Which elements of a buffer one row of a loop uses. */
import type { Access } from './program.ts';

/** The elements of a buffer that row 0 of a loop uses, from the first to the last one. */
export function windowOf(
  { offset, strides }: Access,
  extents: readonly number[],
): { low: number; high: number } {
  let [low, high] = [offset, offset];
  for (let axis = 1; axis < extents.length; axis++) {
    const reach = (extents[axis] - 1) * strides[axis];
    if (reach < 0) low += reach;
    else high += reach;
  }
  return { low, high };
}
