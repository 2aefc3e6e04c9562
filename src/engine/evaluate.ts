/** Numbers from symbols, at any time: `z.evaluate()`, `evaluate([z, dx], feeds)`. */
import {
  ancestors,
  attributeKey,
  type Feeds,
  feedFor,
  input,
  isVariable,
  leavesOf,
  mapTree,
  Parameter,
  type Shape,
  substitute,
  type Tensor,
  type TypedArray,
  type Variable,
} from '../graph/index.ts';
import { getBackend, type Runnable } from './backend.ts';

/** A Variable's Tensor, in the same nested structure. */
export type Evaluated<T> =
  T extends Variable<infer S extends Shape>
    ? Tensor<S>
    : T extends readonly unknown[] | Record<string, unknown>
      ? { -readonly [K in keyof T]: Evaluated<T[K]> }
      : T;

/**
 * Evaluates `outputs` (a Variable, or nested arrays and objects of them), computing nothing that they do not need.
 *
 * Graphs of the same structure share one compiled program: evaluating a graph built anew in each round of a loop
 * compiles it once.
 * @param feeds the values of the inputs that `outputs` depend on
 * @throws EvaluationError for an input without a value
 */
export function evaluate<const T>(outputs: T, feeds?: Feeds): Evaluated<T> {
  const variables = leavesOf(outputs, isVariable);
  const tensors = evaluateAll(variables, feeds);
  let next = 0;
  return mapTree(outputs, isVariable, () => tensors[next++]);
}

/** Programs are kept for this many structures, the least recently used going first. */
const KEPT = 128;

const programs = new Map<string, Runnable>();

function evaluateAll(outputs: readonly Variable[], feeds: Feeds | undefined): Tensor[] {
  const { key, leaves } = structureOf(outputs);
  const values = leaves.map((leaf) => valueOf(leaf, feeds));
  const cacheKey = `${getBackend().name} ${key}`;
  let program = programs.get(cacheKey);
  programs.delete(cacheKey);
  program ??= prepare(outputs, leaves);
  programs.set(cacheKey, program);
  if (programs.size > KEPT) programs.delete(programs.keys().next().value as string);
  return program(values);
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

const operationNumbers = new WeakMap<object, number>();
let operationCount = 0;

function numberOf(operation: object): number {
  let number = operationNumbers.get(operation);
  if (number === undefined) {
    number = operationCount++;
    operationNumbers.set(operation, number);
  }
  return number;
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
  for (const { operation, inputs, attributes, outputs: made } of applications) {
    parts.push(
      `${numberOf(operation)}(${inputs.map((each) => names.get(each)).join()})${attributeKey(attributes)}`,
    );
    for (const output of made) names.set(output, `v${count++}`);
  }
  parts.push(outputs.map((output) => names.get(output)).join());
  return { key: parts.join(';'), leaves: open };
}

/** Compiles with every leaf as an input, so that the program holds on to no parameter and no tensor. */
function prepare(outputs: readonly Variable[], leaves: readonly Variable[]): Runnable {
  const placeholders = leaves.map((leaf) => input(leaf.shape, { dtype: leaf.dtype }));
  return getBackend().prepare(
    substitute(outputs, new Map(leaves.map((leaf, i) => [leaf, placeholders[i]]))),
    placeholders,
    new Map(),
  );
}
