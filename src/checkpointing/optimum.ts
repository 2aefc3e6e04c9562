/**
 * The best way to go back through a chain in bounded memory, by dynamic programming.
 *
 * A chain is gone through by one run forward, which leaves memory behind, and then backward. At its first stage the run
 * has a choice: to keep what the stage's backward pass needs and go on; or to run up to some later stage keeping only
 * what passes from there on, go on from there, and when the backward pass has come back to that point run the first part
 * again, with the same choices. So
 *
 *     C(s, t, m) = min( C(s + 1, t, m - keep(s)),
 *                       min over s <= k < t of C(k + 1, t, m - state(s, k)) + again(s, k) + C(s, k, m) )
 *
 * is the least cost of what runs a second (third, ...) time for stages s to t in memory m. For equal stages this is
 * the binomial scheme of Griewank and Walther (2000, "Algorithm 799: revolve"); for unequal ones it is the optimum among
 * schedules in which what is stored or kept, and what a kept stage has read, stays until the backward pass has used it
 * (Beaumont, Eyraud-Dubois, Herrmann, Joly and Shilova, 2019, "Optimal checkpointing for heterogeneous chains: how to train
 * deep neural networks with limited memory").
 */
import type { Chain } from './chain.ts';

/** What a run does at its first stage, and what memory then remains for the stages that it goes on to. */
export type Choice =
  | { readonly kind: 'keep'; readonly rest: number }
  /** Goes on to behind stage `last` with only what passes from there on; comes back to run the part again. */
  | { readonly kind: 'split'; readonly last: number; readonly rest: number };

export interface Optimum {
  /** The least cost of all that runs again, by memory; infinite where it does not fit. */
  cost(memory: number): number;
  /** The best choice for stages `first` to `last` (of which there are several) in `memory` where they fit. */
  choice(first: number, last: number, memory: number): Choice;
}

const KEEP = -1;

/**
 * Solves a chain for all amounts of memory up to `most`, in whole units.
 */
export function solve(chain: Chain, most: number): Optimum {
  const { length } = chain;
  const stride = most + 1;
  // Only parts with first <= last have a row.
  const at = (first: number, last: number): number =>
    ((first * (2 * length - first + 1)) / 2 + last - first) * stride;
  const cost = new Float64Array(at(length, length)).fill(Number.POSITIVE_INFINITY);
  const choice = new Int16Array(cost.length);

  const fits = new Float64Array(length * length);
  for (let stage = 0; stage < length; stage++) {
    const needed = chain.keep[stage] + chain.work[stage];
    cost.fill(0, at(stage, stage) + Math.min(stride, needed), at(stage, stage) + stride);
    fits[stage * length + stage] = needed;
  }

  /** The least memory in which a part fits. */
  const least = (first: number, last: number): number => fits[first * length + last];
  for (let span = 1; span < length; span++) {
    for (let first = 0; first + span < length; first++) {
      const last = first + span;
      const here = at(first, last);
      const kept = chain.keep[first];
      const rest = at(first + 1, last) - kept;
      const from = Math.max(kept + chain.work[first], kept + least(first + 1, last));
      for (let memory = from; memory <= most; memory++) {
        cost[here + memory] = cost[rest + memory];
        choice[here + memory] = KEEP;
      }
      // Where everything can be kept, nothing is better.
      let enough = Math.min(from, stride);
      while (enough <= most && cost[here + enough] > 0) enough++;
      for (let middle = first; middle < last; middle++) {
        const left = at(first, middle);
        const state = chain.state(first, middle);
        const right = at(middle + 1, last) - state;
        const again = chain.again(first, middle);
        const lowest = Math.max(
          chain.forward(first, middle),
          least(first, middle),
          state + least(middle + 1, last),
        );
        for (let memory = lowest; memory < enough; memory++) {
          const total = cost[right + memory] + again + cost[left + memory];
          if (total < cost[here + memory]) {
            cost[here + memory] = total;
            choice[here + memory] = middle;
          }
        }
      }
      let fit = 0;
      while (fit <= most && cost[here + fit] === Number.POSITIVE_INFINITY) fit++;
      fits[first * length + last] = fit;
    }
  }
  return {
    cost: (memory) => cost[at(0, length - 1) + Math.min(memory, most)],
    choice(first, last, memory) {
      const found = choice[at(first, last) + Math.min(memory, most)];
      return found === KEEP
        ? { kind: 'keep', rest: memory - chain.keep[first] }
        : { kind: 'split', last: found, rest: memory - chain.state(first, found) };
    },
  };
}
