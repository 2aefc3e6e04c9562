/** Plans are solved for, built and compiled until one is found that fits, and no cheaper one is likely to. */
import { resolve, seedOf } from '../autodiff/backprop.ts';
import { costOf } from '../autodiff/cost.ts';
import type { GradientOptions } from '../autodiff/index.ts';
import { compileGraph } from '../compile/compile.ts';
import {
  ancestors,
  at,
  creationMark,
  disconnected,
  type Gradient,
  MemoryBudgetError,
  prune,
  type Variable,
} from '../graph/index.ts';
import { simplifyDerivatives } from '../rewrite/passes.ts';
import { type Chain, scaled, stagesOf } from './chain.ts';
import { type Optimum, solve } from './optimum.ts';
import { type Start, sweepBack, sweepStored } from './sweep.ts';

/** Memory is counted in this many steps. */
const STEPS = 320;

/** How far beyond the budget a chain is solved: what it takes for memory is not quite what a program takes. */
const HEADROOM = 1.25;

/** How much of the budget the first plan is made for: a program's memory has gaps. */
const FILLED = 0.95;

/** Plans whose second runs cost more than so many forward passes are not looked at. */
const MOST_RUNS = 16;

/** A plan is sought that saves at least this part of a forward pass over the one at hand. */
const WORTHWHILE = 0.03;

/** How many plans are compiled in search of the best. */
const ATTEMPTS = 6;

/** How often the memory is halved in search of the least. */
const HALVINGS = 10;

/** Gradients as one plan builds them, and the working memory of the program of z and these. */
export interface Attempt {
  readonly gradients: readonly Variable[];
  readonly peakBytes: number;
}

export function attempt(z: Variable, gradients: readonly Variable[]): Attempt {
  const outputs = [z, ...gradients];
  const inputs = ancestors(outputs).leaves.filter(({ source }) => source.kind === 'input');
  inputs.sort((a, b) => a.id - b.id);
  return { gradients, peakBytes: compileGraph({ outputs, inputs }).program.arenaBytes };
}

/**
 * The cheapest plan that is found to keep to the budget.
 * @param stored the gradients if everything is stored, which does not fit
 * @throws MemoryBudgetError if none is found
 */
export function search(
  z: Variable,
  targets: readonly Variable[],
  options: GradientOptions & { readonly memoryBudget: number },
  stored: Attempt,
): Attempt {
  const { memoryBudget } = options;
  const start: Start = { z, seed: seedOf(z, options.seed), reached: prune([z], targets).reached };
  const since = creationMark();
  const found = (table: ReadonlyMap<Variable, Gradient>): Variable[] =>
    simplifyDerivatives(
      targets.map((target) => resolve('gradients', z, target, table.get(target) ?? disconnected, options)),
      since,
    );
  const plain = found(sweepStored(ancestors([z]).applications, start));
  const stages = stagesOf(z, targets, plain, start.reached);
  const forward = costOf(stages.stages.flat());
  // What the chain takes for the memory of the program in which everything is stored tells its bytes from the program's.
  const ratio = storedPeak(stages.chain) / stored.peakBytes;

  /** The plans for up to `most` bytes of a program's memory. */
  const plansWithin = (most: number): Plans => {
    const optimum = solve(scaled(stages.chain, (ratio * most) / STEPS), STEPS);
    return {
      optimum,
      unit: most / STEPS,
      least: cheaperThan(optimum, MOST_RUNS * forward),
      build: (memory) => attempt(z, found(sweepBack(stages, optimum.choice, memory, start))),
    };
  };

  const best = narrow(plansWithin(HEADROOM * memoryBudget), memoryBudget, WORTHWHILE * forward);
  if (best !== undefined) return best;
  const least = leastOf(plansWithin, stored, MOST_RUNS * forward);
  if (least.peakBytes <= memoryBudget) return least;
  throw new MemoryBudgetError(
    `gradients: ${z.toString()} and its gradients do not fit into a memory budget of ${memoryBudget} bytes: the least ` +
      `found is ${least.peakBytes} (${stored.peakBytes} with everything stored); give at least that much, or a smaller ` +
      `batch${at()}`,
    least.peakBytes,
  );
}

/** What a chain takes at most if everything is kept. */
function storedPeak({ keep, work }: Chain): number {
  let [kept, peak] = [0, 0];
  keep.forEach((bytes, stage) => {
    kept += bytes;
    peak = Math.max(peak, kept + work[stage]);
  });
  return peak;
}

/** The best plans for each amount of memory, in steps. */
interface Plans {
  readonly optimum: Optimum;
  /** The bytes of a step. */
  readonly unit: number;
  /** The least memory whose plan is not too dear; beyond all steps if there is none. */
  readonly least: number;
  build(memory: number): Attempt;
}

/** The least memory in which the best plan costs at most `cost`; beyond all steps if there is none. */
function cheaperThan(optimum: Optimum, cost: number): number {
  let [low, high] = [0, STEPS + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (optimum.cost(middle) <= cost) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Looks for the largest memory whose plan, built and compiled, takes no more than `budget`. What one plan takes too much,
 * or leaves, is what the next is given less, or more.
 * @param worthwhile by how much a plan must be cheaper to be looked at when one is found
 */
function narrow(
  { optimum, unit, least, build }: Plans,
  budget: number,
  worthwhile: number,
): Attempt | undefined {
  let best: Attempt | undefined;
  // What has not been tried lies from `low` to `high`, without `high`.
  let [low, high] = [least, STEPS + 1];
  let guess = Math.floor((FILLED * budget) / unit);
  for (let count = 1; low < high && (count <= ATTEMPTS || best === undefined); count++) {
    const inside = count < ATTEMPTS ? Math.min(Math.max(guess, low), high - 1) : low;
    const memory = Math.max(low, cheaperThan(optimum, optimum.cost(inside)));
    const made = build(memory);
    const spare = budget - made.peakBytes;
    if (spare < 0) high = memory;
    else {
      best = made;
      low = cheaperThan(optimum, optimum.cost(memory) - worthwhile);
    }
    guess = memory + Math.floor(spare / unit);
  }
  return best;
}

/**
 * A plan for the least memory, whatever the budget. The program of one that computes much again may take more than that of
 * a cheaper one, so cheaper ones are built too.
 */
function leastOf(plansWithin: (most: number) => Plans, stored: Attempt, dearest: number): Attempt {
  for (let halvings = HALVINGS; halvings >= 0; halvings--) {
    const { optimum, least, build } = plansWithin(stored.peakBytes / 2 ** halvings);
    if (least > STEPS) continue;
    const tried = [1, 2, 4].map((part) => cheaperThan(optimum, dearest / part));
    const built = [...new Set(tried)].filter((memory) => memory <= STEPS).map(build);
    return [stored, ...built].reduce((a, b) => (b.peakBytes < a.peakBytes ? b : a));
  }
  return stored;
}
