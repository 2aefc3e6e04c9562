import { describe, expect, test } from 'vitest';
import type { Chain } from '../../src/checkpointing/chain.ts';
import { solve } from '../../src/checkpointing/optimum.ts';
import { uniform } from '../support/random.ts';

interface Stage {
  readonly cost: number;
  readonly keep: number;
  readonly state: number;
}

/** A chain in which each stage reads what the one before it hands on. */
function chainOf(stages: readonly Stage[]): Chain {
  return {
    length: stages.length,
    keep: stages.map(({ keep }) => keep),
    work: stages.map(() => 0),
    state: (_, last) => stages[last].state,
    forward: () => 0,
    again: (first, last) => stages.slice(first, last + 1).reduce((sum, { cost }) => sum + cost, 0),
  };
}

function binomial(n: number, k: number): number {
  let product = 1;
  for (let i = 1; i <= k; i++) product = (product * (n - k + i)) / i;
  return Math.round(product);
}

/**
 * How many steps the binomial scheme runs ahead for `length` equal steps and places for `states` states, the initial one
 * among them, beside the steps that it records (Griewank and Walther 2000): r length - C(states + r, r - 1), where
 * r is the least number with length <= C(states + r, states).
 */
function revolve(length: number, states: number): number {
  let r = 0;
  while (binomial(states + r, states) < length) r++;
  return r * length - binomial(states + r, r - 1);
}

describe('equal stages', () => {
  // A stage that is kept fills what one stage takes back, so that nothing else can be kept beside states.
  const RECORD = 100;
  const stage = { cost: 1, keep: RECORD, state: 1 };

  test.each([2, 3, 5, 10, 17, 40])('%i of them take the steps of the binomial scheme', (length) => {
    const optimum = solve(chainOf(new Array<Stage>(length).fill(stage)), RECORD + 12);
    for (const states of [1, 2, 3, 5, 12]) {
      // The initial state is outside the memory; the one that the recorded step starts from is in it.
      expect(optimum.cost(RECORD + states), `${states} states`).toBe(revolve(length, states));
    }
  });
});

/** The least cost of second runs, by trying everything: Dijkstra's algorithm on all that memory can hold. */
function leastCost(stages: readonly Stage[], memory: number): number {
  const length = stages.length;
  interface State {
    /** Stages still to go back through. */
    readonly open: number;
    /** Bits: states stored in front of stages, and stages kept. */
    readonly stored: number;
    readonly kept: number;
    /** The stage in front of which the run stands. */
    readonly head: number;
  }
  const total = stages.reduce((sum, { cost }) => sum + cost, 0);
  const bytes = ({ stored, kept }: State): number =>
    stages.reduce(
      (sum, { keep, state }, i) => sum + (kept & (1 << i) ? keep : 0) + (stored & (1 << (i + 1)) ? state : 0),
      0,
    );
  // A step back reads what the stage has read: no stage is kept without that.
  const hasInput = ({ stored, kept }: State, stage: number): boolean =>
    stage === 0 || (stored & (1 << stage)) !== 0 || (kept & (1 << (stage - 1))) !== 0;
  const keyOf = ({ open, stored, kept, head }: State): string => `${open} ${stored} ${kept} ${head}`;
  const start: State = { open: length, stored: 0, kept: 0, head: 0 };
  const best = new Map<string, number>([[keyOf(start), 0]]);
  const queue: [number, State][] = [[0, start]];
  while (queue.length > 0) {
    queue.sort((a, b) => b[0] - a[0]);
    const [cost, state] = queue.pop() as [number, State];
    if ((best.get(keyOf(state)) as number) < cost) continue;
    if (state.open === 0) return cost - total;
    const go = (next: State, added: number): void => {
      if (bytes(next) > memory || !stages.every((_, i) => !(next.kept & (1 << i)) || hasInput(next, i)))
        return;
      const key = keyOf(next);
      if ((best.get(key) ?? Number.POSITIVE_INFINITY) <= cost + added) return;
      best.set(key, cost + added);
      queue.push([cost + added, next]);
    };
    const { open, stored, kept, head } = state;
    if (head < open) {
      go({ ...state, head: head + 1 }, stages[head].cost);
      go({ ...state, kept: kept | (1 << head), head: head + 1 }, stages[head].cost);
    }
    // What stands at the head can be stored; what is stored, or handed on by a stage that is kept, can be run from.
    if (head > 0 && head < open) go({ ...state, stored: stored | (1 << head) }, 0);
    for (let from = 0; from < open; from++) {
      if (hasInput(state, from) && from !== head) go({ ...state, head: from }, 0);
      if (stored & (1 << from)) go({ ...state, stored: stored & ~(1 << from) }, 0);
      if (kept & (1 << from)) go({ ...state, kept: kept & ~(1 << from) }, 0);
    }
    const last = 1 << (open - 1);
    if (kept & last) {
      go({ open: open - 1, stored: stored & (last - 1) & ~last, kept: kept & ~last, head: 0 }, 0);
    }
  }
  return Number.POSITIVE_INFINITY;
}

describe('against a search through everything', () => {
  test('the optimum, where all states have one size', () => {
    const random = uniform(3);
    for (let round = 0; round < 6; round++) {
      const stages = Array.from(
        { length: 5 },
        (): Stage => ({ cost: 1 + Math.floor(9 * random()), keep: 2, state: 1 }),
      );
      const optimum = solve(chainOf(stages), 10);
      for (let memory = 1; memory <= 10; memory++)
        expect(optimum.cost(memory), `${JSON.stringify(stages)} in ${memory}`).toBe(
          leastCost(stages, memory),
        );
    }
  });

  test('never less than it, and nothing at all where everything fits', () => {
    const random = uniform(4);
    for (let round = 0; round < 4; round++) {
      const stages = Array.from({ length: 4 }, (): Stage => {
        const state = 1 + Math.floor(3 * random());
        return { cost: 1 + Math.floor(9 * random()), keep: state + Math.floor(3 * random()), state };
      });
      const most = stages.reduce((sum, { keep }) => sum + keep, 0);
      const optimum = solve(chainOf(stages), most);
      for (let memory = 1; memory <= most; memory++)
        expect(optimum.cost(memory)).toBeGreaterThanOrEqual(leastCost(stages, memory));
      expect(optimum.cost(most)).toBe(0);
      expect(optimum.cost(most - 1)).toBeGreaterThan(0);
    }
  });
});

test('more memory never costs more', () => {
  const random = uniform(8);
  const stages = Array.from({ length: 30 }, (): Stage => {
    const state = 1 + Math.floor(3 * random());
    return { cost: 1 + Math.floor(9 * random()), keep: state + Math.floor(5 * random()), state };
  });
  const optimum = solve(chainOf(stages), 80);
  for (let memory = 1; memory <= 80; memory++)
    expect(optimum.cost(memory)).toBeLessThanOrEqual(optimum.cost(memory - 1));
});
