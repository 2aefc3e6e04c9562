/** How much code a loop may take. */

/** Bodies of at most this many nodes are unrolled, to keep several loads under way. */
export const SMALL_BODY = 10;
/** Vectors of small bodies computed together. */
export const UNROLL = 4;
/** Bodies of at most this many nodes are still computed for two vectors. */
const MIDDLING_BODY = 40;

/** How many vectors of a body are computed together. */
export function unrollFor(nodes: number): number {
  return nodes <= SMALL_BODY ? UNROLL : nodes <= MIDDLING_BODY ? 2 : 1;
}
