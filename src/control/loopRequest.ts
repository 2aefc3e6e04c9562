/** What a loop is made from. The rules of derivatives and of batching make new loops out of old ones. */
import type { Iteration, Rounds, Variable } from '../graph/index.ts';

export interface LoopRequest {
  /** Values that each round hands on. The placeholders of carries and slices are fresh, made before what depends on them. */
  readonly carries: readonly {
    readonly placeholder: Variable;
    readonly init: Variable;
    readonly next: Variable;
  }[];
  /** Tensors of which a round sees one element along axis 0. */
  readonly slices: readonly { readonly placeholder: Variable; readonly from: Variable }[];
  /** What to stack along axis 0. */
  readonly stacked: readonly Variable[];
  readonly rounds: Rounds;
  /** Goes on while the first carry is true. */
  readonly conditional: boolean;
  /** Whether the backward pass runs the loop again, instead of keeping every round's intermediate results. */
  readonly recompute: boolean;
}

export interface LoopResult {
  /** The carries after the last round. */
  readonly finals: readonly Variable[];
  readonly stacked: readonly Variable[];
}

export type MakeLoop = (request: LoopRequest) => LoopResult;

/** A loop as the rules see it. */
export interface Loop {
  readonly computation: Iteration<Variable>;
  /** At which output a variable of the body is stacked. */
  readonly history: ReadonlyMap<Variable, number>;
  readonly recompute: boolean;
}

/** The parts of a loop's inputs or of its body's. */
export function partsOf<T>(
  { carries, slices }: Iteration<Variable>,
  list: readonly T[],
): { carries: readonly T[]; slices: readonly T[]; fixed: readonly T[] } {
  return {
    carries: list.slice(0, carries),
    slices: list.slice(carries, carries + slices),
    fixed: list.slice(carries + slices),
  };
}
