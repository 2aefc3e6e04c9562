/** Gradients within a budget of memory: which values of the forward pass to store, and which to compute again. */

import { operationCount } from '../autodiff/cost.ts';
import { stabilizeAround, withPlainDerivatives, withPlainForms } from '../autodiff/differentiate.ts';
import {
  type GradientsOf,
  type GradientOptions as StoredGradientOptions,
  gradients as storedGradients,
} from '../autodiff/index.ts';
import { at, ChainruleError, creationMark, type Variable } from '../graph/index.ts';
import { finalize } from '../rewrite/passes.ts';
import { storedBytes } from './chain.ts';
import { attempt, search } from './search.ts';

export interface GradientOptions extends StoredGradientOptions {
  /**
   * The most working memory, in bytes, that the program of z and its gradients may take. Without it, everything that
   * the backward pass reads is stored.
   */
  memoryBudget?: number;
}

/** What a plan costs and saves. Bytes are those of the compiled program of z and the gradients. */
export interface MemoryReport {
  /** What was asked for. */
  readonly budgetBytes: number;
  /**
   * The working memory that the program takes: arguments, results and all between. Parameters and constants are apart
   * (only `evaluate` copies them into it).
   */
  readonly peakBytes: number;
  /** The same if everything is stored. */
  readonly unconstrainedPeakBytes: number;
  /** What the first run through the forward pass leaves for the backward pass. */
  readonly storedBytes: number;
  /** Scalar operations of the program (see `operationCount`). */
  readonly operations: number;
  /** `operations` by what they are if everything is stored: 1 if nothing is computed again. */
  readonly recomputeFactor: number;
}

export interface PlannedGradients<Targets extends readonly Variable[]> {
  readonly gradients: GradientsOf<Targets>;
  readonly report: MemoryReport;
}

/**
 * The gradients of z with respect to each of `targets`, as expressions that can be evaluated, printed, drawn and
 * differentiated again.
 *
 * With a `memoryBudget`, part of the forward pass is computed again in the backward pass, by the cheapest plan that is
 * found to fit ({@link planGradients}): the same numbers in less memory for more operations.
 *
 * @param z a floating-point scalar, or of any shape if `seed` says with what weights its elements count
 * @param targets any variables, leaves or not
 * @throws DisconnectedError for a target on which z does not depend (unless `{ disconnected: 'zero' }`)
 * @throws UndefinedGradientError for an integer target, or where the path meets an operation without a derivative
 * @throws MemoryBudgetError if no plan fits
 * @see Goodfellow et al., algorithm 6.5, eq. 6.54
 */
export function gradients<const Targets extends readonly Variable[]>(
  z: Variable,
  targets: Targets,
  options: GradientOptions = {},
): GradientsOf<Targets> {
  const { memoryBudget } = options;
  if (memoryBudget === undefined) return storedGradients(z, targets, options);
  return planGradients(z, targets, { ...options, memoryBudget }).gradients;
}

/**
 * The gradients of z, and what their plan costs and saves.
 *
 * The forward pass is read as a chain of at most 128 stages, whose best schedule is computed (see optimum.ts). Each schedule
 * is then built and compiled, and the cheapest kept of those whose program takes no more than the budget: the bytes of the
 * report are those that `compile` will take for a function that returns z and these gradients. Regions of
 * {@link checkpoint} are the planner's to divide.
 *
 * @throws as {@link gradients}
 */
export function planGradients<const Targets extends readonly Variable[]>(
  z: Variable,
  targets: Targets,
  options: GradientOptions & { memoryBudget: number },
): PlannedGradients<Targets> {
  const { memoryBudget } = options;
  if (!(memoryBudget > 0))
    throw new ChainruleError(
      `gradients: a memory budget of ${memoryBudget} bytes; it must be positive${at()}`,
    );
  const since = creationMark();
  const stored = attempt(z, storedGradients(z, targets, options));
  const [stable] = stabilizeAround(targets, [z]);
  const found = stored.peakBytes <= memoryBudget ? stored : search(stable, targets, options, stored);
  const count = (gradients: readonly Variable[]): number => operationCount(finalize([z, ...gradients]));
  const operations = count(found.gradients);
  const gradients =
    found === stored
      ? found.gradients
      : withPlainForms(found.gradients, since, () => {
          const plain = withPlainDerivatives([z], targets);
          return storedGradients(plain.outputs[0], plain.targets, options);
        });
  return {
    gradients: gradients as readonly Variable[] as GradientsOf<Targets>,
    report: {
      budgetBytes: memoryBudget,
      peakBytes: found.peakBytes,
      unconstrainedPeakBytes: stored.peakBytes,
      storedBytes: storedBytes(z, found.gradients),
      operations,
      recomputeFactor: found === stored ? 1 : operations / count(stored.gradients),
    },
  };
}
