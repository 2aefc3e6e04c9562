/** Plane rotations. */

/** The rotation that turns (a, b) into (r, 0): c a + s b = r, -s a + c b = 0. */
export interface Rotation {
  readonly c: number;
  readonly s: number;
  readonly r: number;
}

/**
 * The Givens rotation of (a, b), without overflow.
 * @see Golub and Van Loan, "Matrix Computations", 4th edition, section 5.1.8
 */
export function rotationOf(a: number, b: number): Rotation {
  if (b === 0) return { c: 1, s: 0, r: a };
  const r = Math.hypot(a, b);
  return { c: a / r, s: b / r, r };
}
