/** General square systems. */
import { checkOptions, positiveInteger } from '../graph/index.ts';
import { addScaled, divided, norm } from './flat.ts';
import { type Rotation, rotationOf } from './givens.ts';
import { orthogonalize } from './orthogonalize.ts';
import { type Solution, type SolverOptions, solve, systemOf } from './solver.ts';
import type { Product, Vector } from './vectors.ts';

export interface GmresOptions<V> extends SolverOptions<V> {
  /** After how many iterations to start anew from the solution so far, which bounds the memory: as many vectors. Default 30. */
  restart?: number;
}

/**
 * Why {@link gmres} may also stop:
 *
 * - `breakdown`: A is singular, and products with A lead nowhere new although b is not reached
 */
export type GmresReason = 'breakdown';

/**
 * Solves A x = b for any square A by the method of generalised minimal residuals: one product per iteration, and a residual
 * that never rises. Where A is symmetric {@link minres} needs no restarts, and memory for a few vectors only.
 *
 * With restarts the method may stagnate; more iterations between them, or a preconditioner, help. It preconditions from the
 * right, A M u = b with x = M u, so that all residuals are those of A x = b.
 * @param product v -> A v
 * @param b the right-hand side: a Tensor of any shape, or nested arrays and objects of them, float32 or float64
 * @throws ShapeError, DTypeError where vectors do not fit b; NumericalError where b or x0 is not finite
 * @see Saad and Schultz, "GMRES: a generalized minimal residual algorithm", 1986, algorithm 4
 */
export function gmres<V extends Vector>(
  product: NoInfer<Product<V>>,
  b: V,
  { restart = 30, ...options }: NoInfer<GmresOptions<V>> = {},
): Solution<V, GmresReason> {
  checkOptions('gmres', { restart }, { restart: positiveInteger });
  const system = systemOf<V>('gmres', product, b, options);
  const { multiply, precondition, epsilon } = system;

  return solve<V, GmresReason>(system, true, (b, step) => {
    const basis = [b];
    // The Hessenberg matrix of A M in the basis, its QR decomposition made column by column, and what the right-hand side becomes.
    const columns: Float64Array[] = [];
    const rotations: Rotation[] = [];
    const rightHand = [1];
    let largest = 0;

    /** M V y with the least-squares solution y, by back substitution. */
    const correction = (): Float64Array => {
      const y = rightHand.slice(0, columns.length);
      const sum = new Float64Array(b.length);
      for (let j = y.length - 1; j >= 0; j--) {
        y[j] /= columns[j][j];
        for (let i = 0; i < j; i++) y[i] -= columns[j][i] * y[j];
        addScaled(sum, y[j], basis[j]);
      }
      return precondition(sum);
    };

    while (columns.length < restart) {
      const w = multiply(precondition(basis[columns.length]));
      const length = norm(w);
      if (!Number.isFinite(length)) return { correction: correction(), end: 'notFinite' };
      const column = orthogonalize(w, basis);
      const rest = norm(w);
      largest = Math.max(largest, length);
      rotations.forEach(({ c, s }, i) => {
        [column[i], column[i + 1]] = [c * column[i] + s * column[i + 1], c * column[i + 1] - s * column[i]];
      });
      const last = columns.length;
      // What is left of w beside a complete basis is rounding.
      const rotation = rotationOf(column[last], basis.length === b.length ? 0 : rest);
      if (Math.abs(rotation.r) <= 10 * (last + 1) * epsilon * largest) {
        return { correction: correction(), end: 'breakdown' };
      }
      column[last] = rotation.r;
      columns.push(column);
      rotations.push(rotation);
      rightHand.push(-rotation.s * rightHand[last]);
      rightHand[last] *= rotation.c;
      const end = step(Math.abs(rightHand[last + 1]), correction);
      if (end !== undefined) return { correction: correction(), end };
      basis.push(divided(w, rest));
    }
    return { correction: correction(), end: 'restart' };
  });
}
