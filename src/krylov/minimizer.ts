/** What minimisers share: options, results, and the loop around their steps. */

import type { Evaluated } from '../engine/index.ts';
import { aFunction, atLeastZero, limit, type Requirement } from '../graph/index.ts';
import { norm, plus } from './flat.ts';
import type { Objective, Point } from './objective.ts';

/** Where a minimiser stands after an iteration. */
export interface MinimizerProgress<X> {
  /** 1 after the first iteration. */
  readonly iteration: number;
  readonly value: number;
  readonly gradientNorm: number;
  /** The length of the step taken; 0 where it was rejected. */
  readonly stepNorm: number;
  /** The place; made when it is asked for. */
  readonly x: X;
}

export interface MinimizerOptions<X> {
  /** Stops where the Euclidean norm of the gradient is at most this. Default the square root of the machine epsilon of x0: 1.5e-8 in float64, 3.5e-4 in float32. */
  tolerance?: number;
  /** Default 10,000. */
  maxIterations?: number;
  /** Called after every iteration; it stops the minimiser by returning false. */
  callback?: (progress: MinimizerProgress<X>) => unknown;
}

export const minimizerRequirements: { readonly [name: string]: Requirement } = {
  tolerance: atLeastZero,
  maxIterations: limit,
  callback: aFunction,
};

/**
 * Why a minimiser stopped:
 *
 * - `converged`: the gradient is within the tolerance
 * - `maxIterations`: it is not, after as many iterations as were allowed
 * - `stagnated`: no step lowers the value or the gradient any more: what is left is rounding
 * - `notFinite`: f or its derivatives are NaN or infinite where the minimiser stands
 * - `stopped`: the callback asked for it
 */
export type MinimizerReason = 'converged' | 'maxIterations' | 'stagnated' | 'notFinite' | 'stopped';

export interface Minimum<X> {
  /** The best place met, of the structure, shapes and dtypes of x0. */
  readonly x: X;
  /** f at x. */
  readonly value: number;
  /** The Euclidean norm of f's gradient at x, over all tensors together. */
  readonly gradientNorm: number;
  readonly iterations: number;
  /** How often f was computed, always with its gradient. */
  readonly evaluations: number;
  /** How many Hessian-vector products were computed. */
  readonly products: number;
  /** Whether the gradient is within the tolerance: the same as `reason === 'converged'`. */
  readonly converged: boolean;
  readonly reason: MinimizerReason;
}

/** From a place to the next; to the same where the step was rejected. Otherwise the reason why there is no next. */
export type Step = (point: Point) => Point | 'stagnated' | 'notFinite';

/** After so many steps that lower neither the value nor the gradient, what is left is rounding. */
const PATIENCE = 10;

/** How far a value of f may be off, by rounding: sums of many terms lose a few units in the last place. */
export function noiseOf(value: number, epsilon: number): number {
  return 10 * epsilon * Math.abs(value);
}

/** Takes steps until the gradient is small enough, or there is a reason to stop. */
export function minimize<X>(
  { start, epsilon, restore, evaluations, products }: Objective<X>,
  options: MinimizerOptions<Evaluated<X>>,
  step: Step,
): Minimum<Evaluated<X>> {
  const { tolerance = Math.sqrt(epsilon), maxIterations = 10_000, callback } = options;
  let point = start;
  let best = start;
  let iterations = 0;
  let idle = 0;
  const minimum = (reason: MinimizerReason): Minimum<Evaluated<X>> => ({
    x: restore(best.x),
    value: best.value,
    gradientNorm: best.gradientNorm,
    iterations,
    evaluations: evaluations(),
    products: products(),
    converged: reason === 'converged',
    reason,
  });
  if (!isFinitePoint(start)) return minimum('notFinite');
  for (;;) {
    if (best.gradientNorm <= tolerance) return minimum('converged');
    if (iterations >= maxIterations) return minimum('maxIterations');
    const next = step(point);
    if (next === 'stagnated' || next === 'notFinite') return minimum(next);
    iterations++;
    const lower = next.value < best.value - noiseOf(best.value, epsilon) && isMove(point.x, next.x, epsilon);
    if (lower || next.gradientNorm < best.gradientNorm) {
      best = next;
      idle = 0;
    } else if (next !== point && ++idle >= PATIENCE) {
      return minimum('stagnated');
    }
    const [{ value, gradientNorm, x }, before] = [next, point];
    point = next;
    const go = callback?.({
      iteration: iterations,
      value,
      gradientNorm,
      stepNorm: norm(plus(x, -1, before.x)),
      get x() {
        return restore(x);
      },
    });
    if (go === false && best.gradientNorm > tolerance) return minimum('stopped');
  }
}

/** Whether any element changes by more than a few units in the last place: along a kink, steps of that size lower f for ever. */
function isMove(from: Float64Array, to: Float64Array, epsilon: number): boolean {
  return to.some((each, i) => Math.abs(each - from[i]) > 16 * epsilon * Math.abs(each));
}

/** Whether f has a value and a gradient there. */
export function isFinitePoint({ value, gradientNorm }: Point): boolean {
  return Number.isFinite(value) && Number.isFinite(gradientNorm);
}
