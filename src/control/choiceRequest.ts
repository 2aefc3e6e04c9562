/** What a choice between two branches is made from. */
import type { Choice, Variable } from '../graph/index.ts';

export interface Branch {
  /** Its own stands for the operands, one for each. */
  readonly placeholders: readonly Variable[];
  /** Results that the other branch gives as well, in the same order and of the same types. */
  readonly shared: readonly Variable[];
  /** Results of this branch alone; they have no meaning where the other one ran. */
  readonly own: readonly Variable[];
}

export interface ChoiceRequest {
  /** A bool scalar: true takes the first branch. */
  readonly predicate: Variable;
  readonly operands: readonly Variable[];
  readonly branches: readonly [Branch, Branch];
  /** Everything made from this variable number on belongs inside the branches. */
  readonly since: number;
}

export interface ChoiceResult {
  readonly shared: readonly Variable[];
  readonly own: readonly [readonly Variable[], readonly Variable[]];
}

export type MakeChoice = (request: ChoiceRequest) => ChoiceResult;

/** A choice as the rules see it. */
export interface ChoiceRules {
  readonly computation: Choice<Variable>;
  /** For each branch: at which of its outputs a variable inside it can be read. */
  readonly history: readonly [ReadonlyMap<Variable, number>, ReadonlyMap<Variable, number>];
}

/** The position among the operation's outputs of output `i` of a branch. */
export function outputPosition({ bodies, shared }: Choice<Variable>, branch: number, i: number): number {
  return i < shared || branch === 0 ? i : i - shared + bodies[0].outputs.length;
}

/** One value for each of the two branches. */
export function both<T>(make: (branch: 0 | 1) => T): [T, T] {
  return [make(0), make(1)];
}
