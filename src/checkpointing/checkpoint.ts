/**
 * Regions whose inside is not kept for the backward pass but computed there again: Griewank's checkpoints, placed
 * by the user.
 *
 * The inside of a region is ordinary graph. What makes it a region is the operation at its exit, which reads the results
 * and, beside them, everything that the inside was computed from. Its rule for the gradient does not go back through
 * the inside: it computes the results again from a gate that opens when their gradients arrive, and goes back through
 * that.
 */

import { accumulate, passBack } from '../autodiff/backprop.ts';
import type { TensorFunction } from '../autodiff/index.ts';
import { refill } from '../autodiff/products.ts';
import {
  ancestors,
  applyOperation,
  disconnected,
  type Gradient,
  getOperation,
  input,
  isFloat,
  isVariable,
  leavesOf,
  type Operation,
  rebuild,
  type Variable,
  variablesOf,
  zero,
} from '../graph/index.ts';
import { spread } from '../operations/broadcasting.ts';
import { isFree } from './barrier.ts';
import { applicationIn, firstRun, runAgain } from './run.ts';

/** The first `results` inputs are what the region gives; the others are all that it depends on. */
interface Exit extends Record<string, unknown> {
  readonly results: number;
}

type Pullback = Parameters<NonNullable<Operation<Exit>['pullback']>>[0];

/** The way out of a region: its results, unchanged. It leaves no trace in a compiled program. */
export const exitOperation: Operation<Exit> = {
  name: 'checkpoint',
  infer: (inputs, { results }) => inputs.slice(0, results).map(({ shape, dtype }) => ({ shape, dtype })),
  bprop: (edge) =>
    pullback({ ...edge, wanted: edge.inputs.map((_, index) => index === edge.index) })[edge.index],
  pullback,
  // Tangents come out of a region of their own, so that a backward pass through them recomputes them too.
  jvp({ inputs, tangents, attributes: { results } }) {
    const moved = tangents.slice(0, results).filter(isVariable);
    const sources = [...inputs.slice(results), ...tangents.slice(results).filter(isVariable)];
    const made = applyOperation(exitOperation, [...moved, ...sources], { results: moved.length });
    let next = 0;
    return tangents.slice(0, results).map((tangent) => (tangent === undefined ? zero : made[next++]));
  },
  batch: ({ inputs, mapped, attributes, size }) =>
    applyOperation(
      exitOperation,
      inputs.map((each, i) => (i < attributes.results && !mapped[i] ? spread(each, size) : each)),
      attributes,
    ),
  computation: { kind: 'composition', expand: (inputs, { results }) => inputs.slice(0, results) },
  regionResults: ({ results }) => results,
};

/** Gradients with respect to what a region depends on, by way of results computed again. */
function pullback({ inputs, gradients, wanted, attributes }: Pullback): readonly Gradient[] {
  const results = inputs.slice(0, attributes.results);
  const sources = new Set(inputs.slice(attributes.results));
  const isSource = (variable: Variable): boolean => sources.has(variable);
  const table = new Map<Variable, Gradient>();
  results.forEach((result, i) => {
    if (isFloat(result.dtype)) table.set(result, accumulate(table.get(result) ?? disconnected, gradients[i]));
  });
  const { applications } = ancestors(results, isSource);
  const reached = new Set(inputs.filter((input, i) => wanted[i] && isSource(input)));
  const moving = applications.filter((application) => {
    const moves = application.inputs.some((input) => reached.has(input));
    if (moves) for (const output of application.outputs) reached.add(output);
    return moves;
  });
  const run = runAgain(firstRun, isSource, gradients.filter(isVariable));
  for (const application of moving.reverse())
    passBack(application, reached, table, { seen: applicationIn(run, application) });
  // A source that is there twice gets its gradient once.
  const answered = new Set<Variable>();
  return inputs.map((input, i) => {
    if (i < results.length || answered.has(input)) return disconnected;
    answered.add(input);
    return table.get(input) ?? disconnected;
  });
}

/**
 * Saves memory for operations: `checkpoint(f)` computes what f does, but a gradient through it keeps only the arguments
 * and whatever f uses from outside. All that lies between is computed a second time when the backward pass comes to it, to
 * the same numbers. (What several regions use gets its gradients region by region: a sum in another order, which may
 * differ in the last digit.)
 *
 * ```ts
 * const block = checkpoint((x: Variable) => tanh(matmul(tanh(matmul(x, w1)), w2)));
 * const [dx, dw1] = gradients(sum(block(x)), [x, w1]);
 * ```
 * Regions nest. Forward mode recomputes nothing. Where each region should begin and end is what
 * {@link gradients} with a `memoryBudget` works out for itself.
 *
 * @param f takes and returns tensors, or nested arrays and objects of them
 * @see Chen et al. (2016), "Training deep nets with sublinear memory cost"
 */
export function checkpoint<Args extends readonly any[], T>(f: (...args: Args) => T): TensorFunction<Args, T> {
  const call = (...args: readonly unknown[]): T => {
    const given = args.map((arg) => variablesOf(arg));
    const actual = leavesOf(given, isVariable);
    const stands = actual.map(({ shape, dtype }) => input(shape, { dtype }));
    // What is older than this is made outside.
    const { id: since } = input([]);
    const value = f(...(refill(given, stands) as unknown as Args));
    const results = leavesOf(value, isVariable);
    const { leaves } = ancestors(results, (each) => each.id < since || isDrawn(each));
    const replaced = new Map(stands.map((stand, i) => [stand, actual[i]]));
    const made = rebuild([...results, ...leaves], replaced);
    const sources = new Set(made.slice(results.length).filter((each) => !isFree(each)));
    const inputs = [...made.slice(0, results.length), ...sources];
    return refill(value, applyOperation(exitOperation, inputs, { results: results.length }));
  };
  return call as TensorFunction<Args, T>;
}

/** Whether a variable is a random number, or the like: it cannot be computed again, and counts as made outside. */
function isDrawn(variable: Variable): boolean {
  return getOperation(variable)?.operation.opaque === true;
}
