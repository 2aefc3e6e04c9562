/** The limited-memory BFGS method. */
import type { Argument } from '../autodiff/index.ts';
import type { Evaluated } from '../engine/index.ts';
import { checkOptions, positiveInteger, type Variable } from '../graph/index.ts';
import { addScaled, dot, norm, plus, scaled } from './flat.ts';
import { lineSearch, type Sample } from './lineSearch.ts';
import {
  type MinimizerOptions,
  type Minimum,
  minimize,
  minimizerRequirements,
  noiseOf,
} from './minimizer.ts';
import { objectiveOf, type Point } from './objective.ts';

/**
 * The line search takes values that are so many times as near as rounding makes them for equal: terms may cancel in f, and the
 * slopes, which are more exact there, then decide. Hager and Zhang (2005) allow far more.
 */
const INEXACT = 1000;

export interface LBFGSOptions<X> extends MinimizerOptions<X> {
  /** How many steps to remember. Default 10. */
  memory?: number;
}

/** A step s and the change y of the gradient that came of it, so that B s = y. */
interface Secant {
  readonly s: Float64Array;
  readonly y: Float64Array;
  /** 1 / s . y */
  readonly rho: number;
}

/**
 * Minimises a scalar function by its gradients: L-BFGS builds a model of the curvature from the last steps. An iteration
 * costs f with its gradient, mostly once. Where Hessian-vector products are at hand, {@link newtonCG} takes fewer and dearer
 * iterations, and ends with more digits.
 *
 * ```ts
 * const { x, value } = lbfgs(({ w, b }: { w: Variable; b: Variable }) => loss(w, b), { w: w0, b: b0 });
 * ```
 * @param f a scalar function of a Variable, or of nested arrays and objects of them
 * @param x0 where to start: tensors in the structure of f's argument
 * @throws ShapeError, DTypeError where f is not scalar or x0 not floating point; NumericalError where x0 is not finite
 * @see Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithms 7.4 and 7.5, with the line search 3.5
 */
export function lbfgs<X>(
  f: (x: X) => Variable,
  x0: Argument<X>,
  options: LBFGSOptions<Evaluated<X>> = {},
): Minimum<Evaluated<X>> {
  checkOptions('lbfgs', options, { ...minimizerRequirements, memory: positiveInteger });
  const { memory = 10 } = options;
  const objective = objectiveOf('lbfgs', f, x0);
  const { epsilon } = objective;
  let secants: Secant[] = [];

  /** The Wolfe step along the quasi-Newton direction. */
  const search = (point: Point): Point | undefined => {
    const direction = directionOf(point.gradient, secants);
    const sampleOf = (alpha: number, each: Point): Sample & { point: Point } => ({
      alpha,
      value: each.value,
      slope: dot(each.gradient, direction),
      point: each,
    });
    const start = sampleOf(0, point);
    if (!(start.slope < 0)) return undefined;
    // Without a model of the curvature nothing is known of the length of a step: the first has length 1, or |gradient| if that is less.
    const first = secants.length > 0 ? 1 : Math.min(1, 1 / point.gradientNorm);
    const sample = (alpha: number): Sample & { point: Point } =>
      sampleOf(alpha, objective.at(plus(point.x, alpha, direction)));
    return lineSearch(sample, start, first, INEXACT * noiseOf(point.value, epsilon))?.point;
  };

  return minimize(objective, options, (point) => {
    let next = search(point);
    if (next === undefined && secants.length > 0) {
      // Rounding has spoilt the model: once more, down the gradient.
      secants = [];
      next = search(point);
    }
    if (next === undefined) return 'stagnated';
    const s = plus(next.x, -1, point.x);
    const y = plus(next.gradient, -1, point.gradient);
    const curvature = dot(s, y);
    if (curvature > epsilon * norm(s) * norm(y)) {
      secants = [...secants, { s, y, rho: 1 / curvature }].slice(-memory);
    }
    return next;
  });
}

/** -H g by the two-loop recursion (algorithm 7.4), from H = (s . y / y . y) I of the last step (eq. 7.20). */
function directionOf(gradient: Float64Array, secants: readonly Secant[]): Float64Array {
  const q = scaled(-1, gradient);
  const alphas = new Float64Array(secants.length);
  for (let i = secants.length - 1; i >= 0; i--) {
    const { s, y, rho } = secants[i];
    alphas[i] = rho * dot(s, q);
    addScaled(q, -alphas[i], y);
  }
  const last = secants.at(-1);
  const r = last === undefined ? q : scaled(1 / (last.rho * dot(last.y, last.y)), q);
  secants.forEach(({ s, y, rho }, i) => {
    addScaled(r, alphas[i] - rho * dot(y, r), s);
  });
  return r;
}
