/**
 * Programs by the structure of the graph they compute: a graph that is built anew in every round of a loop is compiled
 * once.
 */
import {
  ancestors,
  attributeKey,
  type Feeds,
  feedFor,
  operationNumber,
  Parameter,
  type Tensor,
  type TypedArray,
  type Variable,
} from '../graph/index.ts';

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

  evaluate(outputs: readonly Variable[], feeds: Feeds | undefined): Tensor[] {
    const { key, leaves } = structureOf(outputs);
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

/** Whether a leaf's number is part of the program itself: scalar constants are. */
function isLiteral(leaf: Variable): boolean {
  return leaf.source.kind === 'constant' && leaf.rank === 0;
}

/** A text that two graphs share exactly if they compute the same function of their leaves, and those leaves. */
function structureOf(outputs: readonly Variable[]): { key: string; leaves: Variable[] } {
  const { applications, leaves } = ancestors(outputs);
  const names = new Map<Variable, string>();
  const parts: string[] = [];
  const open: Variable[] = [];
  for (const leaf of leaves) {
    if (isLiteral(leaf) && leaf.source.kind === 'constant') {
      const value = leaf.source.tensor.data[0];
      names.set(leaf, `${leaf.dtype}:${Object.is(value, -0) ? '-0' : value}`);
    } else {
      names.set(leaf, `i${open.length}`);
      parts.push(leaf.type);
      open.push(leaf);
    }
  }
  let count = 0;
  for (const { operation, inputs, attributes, outputs: made, site } of applications) {
    // A routine's errors name the line, so two lines are two programs.
    if (operation.computation.kind === 'routine') parts.push(site.toString());
    parts.push(
      `${operationNumber(operation)}(${inputs.map((each) => names.get(each)).join()})${attributeKey(attributes)}`,
    );
    for (const output of made) names.set(output, `v${count++}`);
  }
  parts.push(outputs.map((output) => names.get(output)).join());
  return { key: parts.join(';'), leaves: open };
}
