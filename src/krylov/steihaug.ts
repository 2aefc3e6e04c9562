/** Steps within a trust region. */
import { addScaled, dot, norm, plus, scaled } from './flat.ts';

/** A step p within |p| <= radius that lowers the model m(p) = g . p + p . B p / 2. */
export interface TrustRegionStep {
  readonly step: Float64Array;
  /** m(0) - m(p) */
  readonly decrease: number;
  /** Whether |p| = radius. */
  readonly onBoundary: boolean;
}

/**
 * Steihaug's conjugate gradients: solve B p = -g until the residual is within `tolerance`, but go no further than the
 * boundary of the region, and along a direction of negative curvature just as far.
 * @returns undefined where a product is not finite
 * @see Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithm 7.2
 */
export function steihaug(
  multiply: (v: Float64Array) => Float64Array,
  gradient: Float64Array,
  radius: number,
  tolerance: number,
  maxProducts: number,
): TrustRegionStep | undefined {
  const z = new Float64Array(gradient.length);
  const r = gradient.slice();
  let d = scaled(-1, gradient);
  let square = dot(r, r);
  let decrease = 0;
  for (let products = 0; products < maxProducts; products++) {
    const Bd = multiply(d);
    const curvature = dot(d, Bd);
    if (!Number.isFinite(curvature)) return undefined;
    const slope = dot(r, d);
    const fall = (tau: number): number => -tau * slope - (tau * tau * curvature) / 2;
    if (curvature <= 0) {
      const ends = boundary(z, d, radius);
      const tau = fall(ends[0]) > fall(ends[1]) ? ends[0] : ends[1];
      return { step: plus(z, tau, d), decrease: decrease + fall(tau), onBoundary: true };
    }
    const alpha = square / curvature;
    if (norm(plus(z, alpha, d)) >= radius) {
      const tau = boundary(z, d, radius)[1];
      return { step: plus(z, tau, d), decrease: decrease + fall(tau), onBoundary: true };
    }
    addScaled(z, alpha, d);
    addScaled(r, alpha, Bd);
    decrease += fall(alpha);
    if (norm(r) <= tolerance) break;
    const next = dot(r, r);
    const beta = next / square;
    d = d.map((each, i) => beta * each - r[i]);
    square = next;
  }
  return { step: z, decrease, onBoundary: false };
}

/** Where the line z + tau d crosses the sphere of this radius: the roots of |d|^2 tau^2 + 2 z . d tau + |z|^2 - radius^2. */
function boundary(z: Float64Array, d: Float64Array, radius: number): [number, number] {
  const [a, half, c] = [dot(d, d), dot(z, d), dot(z, z) - radius * radius];
  const root = Math.sqrt(Math.max(0, half * half - a * c));
  // The sum without cancellation gives one root, and the product of both, c / a, the other.
  const sum = -half - (half < 0 ? -root : root);
  const [one, other] = [sum / a, c / sum];
  return one < other ? [one, other] : [other, one];
}
