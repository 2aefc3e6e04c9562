/** Symmetric positive definite systems. */
import { addScaled, dot, norm, plus } from './flat.ts';
import { type Solution, type SolverOptions, solve, systemOf } from './solver.ts';
import type { Product, Vector } from './vectors.ts';

/**
 * Why {@link conjugateGradient} may also stop:
 *
 * - `negativeCurvature`: it met a `direction` d with d . A d <= 0, so A is not positive definite
 * - `indefinitePreconditioner`: r . M r <= 0
 */
export type ConjugateGradientReason = 'negativeCurvature' | 'indefinitePreconditioner';

export interface ConjugateGradientSolution<V> extends Solution<V, ConjugateGradientReason> {
  /** The direction d of negative curvature, where that is the reason. As a step from x it is downhill: d . (b - A x) > 0. */
  readonly direction?: V;
  /** d . A d / d . d, where d is `direction`: a bound from above on the smallest eigenvalue of A. */
  readonly curvature?: number;
}

/**
 * Solves A x = b for a symmetric positive definite A by the method of conjugate gradients: one product per iteration, at
 * most as many iterations as there are different eigenvalues if nothing is rounded, and a number that grows with the root of
 * the condition number. x minimises x . A x / 2 - b . x.
 *
 * ```ts
 * const product = compile((v: Variable) => hvp(f, x, v));
 * const { x: step, converged } = conjugateGradient(product, b);
 * ```
 *
 * A may be singular where b is in its range. Where A turns out not to be positive definite the reason is
 * `negativeCurvature`; {@link minres} solves such systems.
 * @param product v -> A v
 * @param b the right-hand side: a Tensor of any shape, or nested arrays and objects of them, float32 or float64
 * @throws ShapeError, DTypeError where vectors do not fit b; NumericalError where b or x0 is not finite
 * @see Hestenes and Stiefel, 1952; Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithm 5.3
 */
export function conjugateGradient<V extends Vector>(
  product: NoInfer<Product<V>>,
  b: V,
  options: NoInfer<SolverOptions<V>> = {},
): ConjugateGradientSolution<V> {
  const system = systemOf<V>('conjugateGradient', product, b, options);
  const { multiply, precondition, epsilon, restore } = system;
  let met: { direction: V; curvature: number } | undefined;

  const solution = solve<V, ConjugateGradientReason>(system, false, (b, step) => {
    const x = new Float64Array(b.length);
    const r = b.slice();
    let z = precondition(r);
    let slope = dot(r, z);
    let p: Float64Array = z.slice();
    for (;;) {
      if (Number.isNaN(slope)) return { correction: x, end: 'notFinite' };
      if (slope <= 0) return { correction: x, end: 'indefinitePreconditioner' };
      const Ap = multiply(p);
      const curvature = dot(p, Ap);
      if (!Number.isFinite(curvature)) return { correction: x, end: 'notFinite' };
      // What is this small is rounding: for a positive definite A the cosine of p and A p is at least 2 / sqrt(condition number).
      if (curvature <= epsilon * norm(p) * norm(Ap)) {
        met = { direction: restore(p), curvature: curvature / dot(p, p) };
        return { correction: x, end: 'negativeCurvature' };
      }
      const alpha = slope / curvature;
      addScaled(x, alpha, p);
      addScaled(r, -alpha, Ap);
      const end = step(norm(r), () => x);
      if (end !== undefined) return { correction: x, end };
      z = precondition(r);
      const next = dot(r, z);
      p = plus(z, next / slope, p);
      slope = next;
    }
  });
  return solution.reason === 'negativeCurvature' ? { ...solution, ...met } : solution;
}
