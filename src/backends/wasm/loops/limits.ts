/** How much code a loop may take. */

/** Bodies of at most this many nodes are unrolled, to keep several loads under way. */
export const SMALL_BODY = 10;
/** Vectors of small bodies computed together. */
export const UNROLL = 4;
