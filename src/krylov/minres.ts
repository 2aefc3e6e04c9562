/** Symmetric systems, definite or not. */
import { addScaled, divided, dot, norm } from './flat.ts';
import { rotationOf } from './givens.ts';
import { type Solution, type SolverOptions, solve, systemOf } from './solver.ts';
import type { Product, Vector } from './vectors.ts';

/**
 * Why {@link minres} may also stop:
 *
 * - `leastSquares`: b is not in the range of A, which is singular; x has the least residual r that there is. Without a
 *   preconditioner |A r| <= sqrt(machine epsilon) |A| |r|: no better can be told from rounding
 * - `indefinitePreconditioner`: r . M r <= 0
 */
export type MinresReason = 'leastSquares' | 'indefinitePreconditioner';

/**
 * Solves A x = b for a symmetric A by the method of minimal residuals: one product per iteration and a residual that never
 * rises. A may be indefinite, as the Hessian at a saddle point is, or singular. Where A is known to be positive definite
 * {@link conjugateGradient} does a little less work.
 *
 * @param product v -> A v
 * @param b the right-hand side: a Tensor of any shape, or nested arrays and objects of them, float32 or float64
 * @param options `preconditioner` must be symmetric positive definite, even if A is not; the norm that never rises is then its own
 * @throws ShapeError, DTypeError where vectors do not fit b; NumericalError where b or x0 is not finite
 * @see Paige and Saunders, "Solution of sparse indefinite systems of linear equations", 1975; with a preconditioner, Elman,
 * Silvester and Wathen, "Finite Elements and Fast Iterative Solvers", 2nd edition, algorithm 4.1
 */
export function minres<V extends Vector>(
  product: NoInfer<Product<V>>,
  b: V,
  options: NoInfer<SolverOptions<V>> = {},
): Solution<V, MinresReason> {
  const system = systemOf<V>('minres', product, b, options);
  const { multiply, precondition, epsilon } = system;

  /** The largest |A z| seen: what |A| is taken to be. */
  let largest = 0;
  /** Whether A r is as small as rounding lets it be. In the norms of the preconditioner, where z has length 1 for v . z = 1. */
  const isLeast = (r: Float64Array): boolean => {
    const z = precondition(r);
    const image = multiply(z);
    const [length, lengthImage] = [dot(r, z), dot(image, precondition(image))].map(Math.sqrt);
    return lengthImage <= 10 * Math.sqrt(epsilon) * largest * length;
  };

  return solve<V, MinresReason>(system, options.preconditioner === undefined, (b, step) => {
    const x = new Float64Array(b.length);
    const r = b.slice();
    // Lanczos vectors v and z = M v, with v_i . z_j = 1 where i = j, else 0; A z_j = beta_j v_j-1 + alpha_j v_j + beta_j+1 v_j+1.
    let z: Float64Array = precondition(b);
    const square = dot(b, z);
    if (Number.isNaN(square)) return { correction: x, end: 'notFinite' };
    if (square <= 0) return { correction: x, end: 'indefinitePreconditioner' };
    let eta = Math.sqrt(square);
    let v: Float64Array = divided(b, eta);
    z = divided(z, eta);
    let vOld: Float64Array = new Float64Array(b.length);
    let beta = 0;
    // The last two rotations of the QR decomposition of T, and directions: the columns of Z R^-1.
    let [older, old] = [rotationOf(1, 0), rotationOf(1, 0)];
    let [wOlder, wOld] = [new Float64Array(b.length), new Float64Array(b.length)];
    let scale = 0;
    for (;;) {
      const next = multiply(z);
      const alpha = dot(next, z);
      addScaled(next, -alpha, v);
      addScaled(next, -beta, vOld);
      const zNext = precondition(next);
      const squareNext = dot(next, zNext);
      if (!Number.isFinite(alpha + squareNext)) return { correction: x, end: 'notFinite' };
      if (squareNext < 0) return { correction: x, end: 'indefinitePreconditioner' };
      const betaNext = Math.sqrt(squareNext);
      scale = Math.max(scale, Math.hypot(beta, alpha, betaNext));
      largest = Math.max(largest, scale);

      // The new column (beta, alpha, betaNext) of T, turned by the last two rotations and by its own.
      const second = older.s * beta;
      const first = old.c * older.c * beta + old.s * alpha;
      const diagonal = old.c * alpha - old.s * older.c * beta;
      const rotation = rotationOf(diagonal, betaNext);

      // |A r| / |A| |r| before this step (Choi, Paige and Saunders, "MINRES-QLP", 2011). Where it is small, A is as good as
      // singular there, unless it is only ill-conditioned, and this step takes almost all of r.
      const reach = Math.hypot(diagonal, old.c * betaNext) / scale;
      const tiny = reach <= Math.sqrt(epsilon) && Math.abs(rotation.s) > 1e-3;
      if (!(reach > 10 * epsilon) || tiny) return { correction: x, end: 'leastSquares', confirm: isLeast };
      const w = z.map((each, i) => (each - second * wOlder[i] - first * wOld[i]) / rotation.r);
      addScaled(x, rotation.c * eta, w);
      eta *= -rotation.s;
      const vNext = betaNext === 0 ? next : divided(next, betaNext);
      for (let i = 0; i < r.length; i++) r[i] = rotation.s ** 2 * r[i] + rotation.c * eta * vNext[i];
      const end = step(norm(r), () => x);
      if (end !== undefined) return { correction: x, end };
      [wOlder, wOld] = [wOld, w];
      [vOld, v, z] = [v, vNext, divided(zNext, betaNext)];
      [older, old] = [old, rotation];
      beta = betaNext;
    }
  });
}
