/** Numbers from symbols, at any time: `z.evaluate()`, `evaluate([z, dx], feeds)`. */
import {
  type Feeds,
  isVariable,
  leavesOf,
  mapTree,
  type Shape,
  type Tensor,
  type Variable,
} from '../graph/index.ts';
import { getBackend } from './backend.ts';

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
  const tensors = getBackend().evaluate(variables, feeds);
  let next = 0;
  return mapTree(outputs, isVariable, () => tensors[next++]);
}
