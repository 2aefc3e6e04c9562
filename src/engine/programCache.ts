/**
 * Programs by the structure of the graph they compute: a graph that is built anew in every round of a loop is compiled
 * once.
 */
import {
  type Feeds,
  feedFor,
  Parameter,
  structureOf,
  type Tensor,
  type TypedArray,
  type Variable,
} from '../graph/index.ts';
import { getRewriting } from '../rewrite/level.ts';

/** A graph made ready to run: call it with the numbers of its inputs. */
export type Runnable = (inputs: readonly TypedArray[]) => Tensor[];

/** Programs are kept for this many structures, the least recently used going first. */
const KEPT = 128;

export class ProgramCache {
  private readonly programs = new Map<string, Runnable>();
  private readonly prepare: (outputs: readonly Variable[], inputs: readonly Variable[]) => Runnable;

  /**
   * @param prepare compiles a graph with all its leaves (but scalar constants) as inputs, so that the program holds on
   * to no parameter and no tensor
   */
  constructor(prepare: (outputs: readonly Variable[], inputs: readonly Variable[]) => Runnable) {
    this.prepare = prepare;
  }

  clear(): void {
    this.programs.clear();
  }

  evaluate(outputs: readonly Variable[], feeds: Feeds | undefined): Tensor[] {
    const { key: structure, leaves } = structureOf(outputs);
    const key = `${getRewriting()};${structure}`;
    const values = leaves.map((leaf) => valueOf(leaf, feeds));
    const program = this.programs.get(key) ?? this.prepare(outputs, leaves);
    this.programs.delete(key);
    this.programs.set(key, program);
    if (this.programs.size > KEPT) this.programs.delete(this.programs.keys().next().value as string);
    return program(values);
  }
}

function valueOf(leaf: Variable, feeds: Feeds | undefined): TypedArray {
  if (leaf instanceof Parameter) return leaf.storage.read();
  if (leaf.source.kind === 'constant') return leaf.source.tensor.data;
  return feedFor(leaf, feeds).data;
}
