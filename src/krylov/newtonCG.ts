/** Newton's method for functions of many variables. */
import type { Argument } from '../autodiff/index.ts';
import type { Evaluated } from '../engine/index.ts';
import { aboveZero, checkOptions, limit, type Variable } from '../graph/index.ts';
import { norm, plus } from './flat.ts';
import {
  isFinitePoint,
  type MinimizerOptions,
  type Minimum,
  minimize,
  minimizerRequirements,
  noiseOf,
} from './minimizer.ts';
import { objectiveOf } from './objective.ts';
import { steihaug } from './steihaug.ts';

export interface NewtonOptions<X> extends MinimizerOptions<X> {
  /** How far the first step may go. Default 1, or |x0| where that is more. */
  radius?: number;
  /** The most Hessian-vector products in one iteration. Default the number of unknowns. */
  maxProducts?: number;
}

/**
 * Minimises a scalar function by Newton's method with conjugate gradients, within a trust region. Each iteration costs f
 * with its gradient and a few Hessian-vector products; f is traced and compiled twice, and the Hessian never formed. Near a
 * minimum with a positive definite Hessian the number of exact digits all but doubles with every iteration.
 *
 * ```ts
 * const { x, converged } = newtonCG((x: Variable) => rosenbrock(x), tensor([-1.2, 1], { dtype: 'float64' }));
 * ```
 *
 * Negative curvature is used to go down and away from saddle points. A start where the gradient is exactly zero is returned
 * as it is.
 * @param f a scalar function of a Variable, or of nested arrays and objects of them
 * @param x0 where to start: tensors in the structure of f's argument. float64 is worth having: in float32 the gradient can
 * hardly be made smaller than 1e-4
 * @throws ShapeError, DTypeError where f is not scalar or x0 not floating point; NumericalError where x0 is not finite
 * @see Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithms 4.1 and 7.2; Steihaug, 1983
 */
export function newtonCG<X>(
  f: (x: X) => Variable,
  x0: Argument<X>,
  options: NewtonOptions<Evaluated<X>> = {},
): Minimum<Evaluated<X>> {
  checkOptions('newtonCG', options, { ...minimizerRequirements, radius: aboveZero, maxProducts: limit });
  const objective = objectiveOf('newtonCG', f, x0);
  const { start, epsilon } = objective;
  const { maxProducts = start.x.length } = options;
  let radius = options.radius ?? Math.max(1, norm(start.x));

  return minimize(objective, options, (point) => {
    // Early on half of the gradient is enough; later more and more of it makes convergence superlinear (algorithm 7.1). Relative
    // to the first gradient, f and 1000 f take the same steps.
    const forcing = Math.min(0.5, Math.sqrt(point.gradientNorm / start.gradientNorm));
    const model = steihaug(
      (v) => objective.curvature(point.x, v),
      point.gradient,
      radius,
      forcing * point.gradientNorm,
      maxProducts,
    );
    if (model === undefined) return 'notFinite';
    const trial = objective.at(plus(point.x, 1, model.step));
    const length = norm(model.step);
    // What rounding may take from a difference of values counts for the step (Conn, Gould and Toint, "Trust-Region Methods", 17.4.2).
    const noise = noiseOf(point.value, epsilon);
    const ratio = (point.value - trial.value + noise) / (model.decrease + noise);
    const accepted = ratio > 1e-4 && isFinitePoint(trial);
    if (!accepted || ratio < 0.25) radius = length / 4;
    else if (ratio > 0.75 && model.onBoundary) radius *= 2;
    if (accepted) return trial;
    return radius <= epsilon * norm(point.x) || radius === 0 ? 'stagnated' : point;
  });
}
