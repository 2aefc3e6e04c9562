/** Making a vector orthogonal to others. */
import { addScaled, dot } from './flat.ts';

/**
 * Takes from w, in place, its parts along the orthonormal vectors of `basis`, and returns their lengths.
 *
 * It does so twice: where w lies almost in the span of the basis, the first round leaves what rounding put there, and the
 * second takes that as well. "Twice is enough" (Kahan, in Parlett, "The Symmetric Eigenvalue Problem", 1980, section 6.9).
 */
export function orthogonalize(w: Float64Array, basis: readonly Float64Array[]): Float64Array {
  const along = new Float64Array(basis.length);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < basis.length; i++) {
      const part = dot(basis[i], w);
      addScaled(w, -part, basis[i]);
      along[i] += part;
    }
  }
  return along;
}
