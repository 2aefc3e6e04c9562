/**
 * What the solvers of linear systems share: their options and results, and the loop around them.
 *
 * A method is a cycle: from a residual r it finds a correction d with A d close to r. The loop adds the correction,
 * measures the new residual b - A x with a product of its own, and starts another cycle where that is too large. So no
 * method claims more than was measured, and what rounding took from the first cycle the next gives back (iterative
 * refinement, Golub and Van Loan, "Matrix Computations", 4th edition, section 3.5.3).
 */
import { aFunction, anything, atLeastZero, checkOptions, limit } from '../graph/index.ts';
import { divided, norm, plus } from './flat.ts';
import { checkFinite, layoutOf, type Product, type Vector } from './vectors.ts';

/** Where a solver stands after an iteration. */
export interface Progress<V> {
  /** 1 after the first iteration. */
  readonly iteration: number;
  /** |b - A x|, as the method follows it. */
  readonly residualNorm: number;
  /** The solution so far; made when it is asked for. */
  readonly x: V;
}

export interface SolverOptions<V> {
  /** Where to start. Default zero. */
  x0?: V;
  /** Stops at |b - A x| <= tolerance |b|. Default the square root of the machine epsilon of b: 1.5e-8 in float64, 3.5e-4 in float32. */
  tolerance?: number;
  /** Stops at |b - A x| <= absoluteTolerance as well. Default 0. */
  absoluteTolerance?: number;
  /** Default ten times the size of b. */
  maxIterations?: number;
  /** r -> M r, with M close to the inverse of A; linear. Default none. */
  preconditioner?: Product<V>;
  /** Called after every iteration; it stops the solver by returning false. */
  callback?: (progress: Progress<V>) => unknown;
}

/**
 * Why any solver may stop:
 *
 * - `converged`: the measured residual is within the tolerance
 * - `maxIterations`: it is not, after as many iterations as were allowed
 * - `stagnated`: it falls no more, because of rounding, or because A is singular and b out of its reach
 * - `notFinite`: the product or the preconditioner gave NaN or infinity
 * - `stopped`: the callback asked for it
 */
export type StopReason = 'converged' | 'maxIterations' | 'stagnated' | 'notFinite' | 'stopped';

/** What a solver found. Euclidean norms, over all tensors of a vector together. */
export interface Solution<V, Extra extends string = never> {
  /** The solution, of the structure, shapes and dtypes of b. */
  readonly x: V;
  /** Whether |b - A x| is within the tolerance: the same as `reason === 'converged'`. */
  readonly converged: boolean;
  readonly reason: StopReason | Extra;
  readonly iterations: number;
  /** How often the product was asked for. */
  readonly products: number;
  /** |b - A x|, measured at the end (before x is rounded to a float32 b). */
  readonly residualNorm: number;
  /** |b - A x| before the first iteration and after each, as the method follows it. */
  readonly residualNorms: readonly number[];
}

/** A system A x = b in lists of numbers. */
export interface System<V> {
  readonly b: Float64Array;
  readonly x0: Float64Array | undefined;
  /** The machine epsilon of the products. */
  readonly epsilon: number;
  readonly tolerance: number;
  readonly options: SolverOptions<V>;
  multiply(v: Float64Array): Float64Array;
  /** M r, or r itself where there is no preconditioner: not to be written to. */
  precondition(r: Float64Array): Float64Array;
  restore(numbers: Float64Array): V;
  products(): number;
}

/** The system that a user states, checked. @throws ChainruleError, ShapeError, DTypeError, NumericalError */
export function systemOf<V extends Vector>(
  method: string,
  product: Product<V>,
  b: V,
  options: SolverOptions<V>,
): System<V> {
  checkOptions(method, options, {
    x0: anything,
    tolerance: atLeastZero,
    absoluteTolerance: atLeastZero,
    maxIterations: limit,
    preconditioner: aFunction,
    callback: aFunction,
  });
  const { flatten, restore, epsilon } = layoutOf(method, 'b', b);
  const { preconditioner, tolerance = Math.sqrt(epsilon) } = options;
  const numbersOf = (vector: V, what: string): Float64Array => {
    const numbers = flatten(vector, what);
    checkFinite(method, what, numbers);
    return numbers;
  };
  let products = 0;
  return {
    b: numbersOf(b, 'b'),
    x0: options.x0 === undefined ? undefined : numbersOf(options.x0, 'x0'),
    epsilon,
    tolerance,
    options,
    restore,
    multiply(v) {
      products++;
      return flatten(product(restore(v)), 'the product');
    },
    precondition: (r) =>
      preconditioner === undefined ? r : flatten(preconditioner(restore(r)), 'the preconditioner'),
    products: () => products,
  };
}

/** How a cycle ends: with the residual that it follows within the tolerance, at its full length, or for a reason to stop. */
export type CycleEnd<Extra extends string> =
  | 'estimated'
  | 'restart'
  | Exclude<StopReason, 'converged' | 'stagnated'>
  | Extra;

/** What ends an iteration: tells how large the residual is now, and hears whether to end the cycle, and why. */
export type Step = (
  residualNorm: number,
  correction: () => Float64Array,
) => 'estimated' | 'maxIterations' | 'stopped' | undefined;

/** Given a residual of norm 1, a correction d with A d near it. It calls `step` after each iteration. */
export type Cycle<Extra extends string> = (
  residual: Float64Array,
  step: Step,
) => {
  correction: Float64Array;
  end: CycleEnd<Extra>;
  /** Whether the measured residual bears out what `end` says. */
  confirm?: (residual: Float64Array) => boolean;
};

/**
 * Runs cycles until the measured residual is small enough, or there is a reason to stop.
 * @param neverRises whether the residuals of the method fall, so that one that is measured to be larger is rounding
 */
export function solve<V, Extra extends string = never>(
  system: System<V>,
  neverRises: boolean,
  cycle: Cycle<Extra>,
): Solution<V, Extra> {
  const { b, tolerance, options, multiply, restore, products } = system;
  const { absoluteTolerance = 0, maxIterations = 10 * b.length, callback } = options;
  const residualAt = (x: Float64Array): Float64Array => plus(b, -1, multiply(x));
  const target = Math.max(tolerance * norm(b), absoluteTolerance);
  let iterations = 0;
  // A x = 0 is solved by 0, whatever the start: nothing else is within a tolerance relative to it.
  const x0 = norm(b) === 0 ? undefined : system.x0;
  let x = x0 ?? new Float64Array(b.length);
  let residual = x0 === undefined ? b : residualAt(x);
  let size = norm(residual);
  const residualNorms = [size];

  const solution = (reason: StopReason | Extra): Solution<V, Extra> => ({
    x: restore(x),
    converged: reason === 'converged',
    reason,
    iterations,
    products: products(),
    residualNorm: size,
    residualNorms,
  });

  if (!Number.isFinite(size)) return solution('notFinite');
  for (;;) {
    if (size <= target) return solution('converged');
    if (iterations >= maxIterations) return solution('maxIterations');
    const [start, before] = [x, size];
    const step: Step = (relative, correction) => {
      const residualNorm = relative * before;
      iterations++;
      residualNorms.push(residualNorm);
      const go = callback?.({
        iteration: iterations,
        residualNorm,
        get x() {
          return restore(plus(start, before, correction()));
        },
      });
      if (residualNorm <= target) return 'estimated';
      if (go === false) return 'stopped';
      return iterations >= maxIterations ? 'maxIterations' : undefined;
    };
    const { correction, end, confirm } = cycle(divided(residual, before), step);
    const next = plus(start, before, correction);
    residual = residualAt(next);
    const measured = norm(residual);
    const finite = Number.isFinite(measured);
    // A cycle that fell short of what it claimed has met rounding: half is the least to make another worth it. One that ran to
    // its full length may be slow, but not idle.
    const enough = (end === 'estimated' ? 0.5 : 1 - 1e-12) * before;
    const stagnated =
      end === 'estimated' || end === 'restart' ? !(measured < enough) : confirm?.(residual) === false;
    if (finite && (measured < before || !(neverRises || stagnated))) [x, size] = [next, measured];
    if (size <= target) return solution('converged');
    if (!finite) return solution('notFinite');
    if (stagnated) return solution('stagnated');
    if (end !== 'estimated' && end !== 'restart') return solution(end);
  }
}
