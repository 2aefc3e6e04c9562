/** Products with the Jacobian and with its transpose, of functions: thin doors to forward and reverse mode. */
import {
  at,
  disconnected,
  type Gradient,
  isVariable,
  leavesOf,
  mapTree,
  ShapeError,
  type TensorLike,
  toVariable,
  UndefinedGradientError,
  Variable,
  variablesOf,
} from '../graph/index.ts';
import { cast } from '../operations/conversion.ts';
import { full } from '../operations/generators.ts';
import { identity } from '../operations/identity.ts';
import { buildGradients, resolve } from './backprop.ts';
import { pushForward } from './forward.ts';
import type { Arguments } from './grad.ts';

/** A function traced once, on fresh nodes of its own, so that nested derivatives never confuse their perturbations. */
export interface Traced<Args extends readonly unknown[], T> {
  /** The arguments, every leaf a fresh node. */
  readonly args: Args;
  readonly inputs: readonly Variable[];
  readonly value: T;
  readonly outputs: readonly Variable[];
}

/** Calls f on fresh nodes for all leaves of `xs`, the list of its arguments. */
export function traceFresh<Args extends readonly any[], T>(
  f: (...args: Args) => T,
  xs: Arguments<Args>,
): Traced<Args, T> {
  const args = mapTree(variablesOf(xs), isVariable, (leaf) => identity(leaf)) as Args;
  const value = f(...args);
  return { args, inputs: leavesOf(args, isVariable), value, outputs: leavesOf(value, isVariable) };
}

/** The leaves of `given` in the order of `like`, each checked to be of the same shape and brought to the same dtype. */
export function leavesLike(operation: string, given: unknown, like: readonly Variable[]): Variable[] {
  const leaves = leavesOf(variablesOf(given), isVariable) as Variable[];
  if (leaves.length !== like.length) {
    throw new ShapeError(
      `${operation}: ${leaves.length} vectors for ${like.length} tensors; give one of the same structure${at()}`,
    );
  }
  return leaves.map((leaf, i) => {
    if (leaf.rank !== like[i].rank || leaf.shape.some((extent, axis) => extent !== like[i].shape[axis])) {
      throw new ShapeError(
        `${operation}: a vector of shape [${leaf.shape.join(', ')}] for ${like[i].toString()}; the shapes must be equal${at()}`,
      );
    }
    return cast(leaf, like[i].dtype);
  });
}

/** `tree` with its Variables replaced, in order. */
export function refill<T>(tree: T, leaves: readonly Variable[]): T {
  let next = 0;
  return mapTree(tree, isVariable, () => leaves[next++]) as T;
}

/** A tangent as an expression: zeros where nothing moves. @throws UndefinedGradientError */
function resolveTangent(operation: string, output: Variable, tangent: Gradient): Variable {
  if (tangent instanceof Variable) return tangent;
  if (tangent.gradient === 'undefined') {
    throw new UndefinedGradientError(
      `${operation}: ${output.toString()} has no derivative, because ${tangent.reason}; take another path, or stopGradient around it${at()}`,
    );
  }
  return full(output.shape, 0, output.dtype);
}

/**
 * f at `xs` and what is needed to push tangents through it: `[f(...xs), vs => J vs]`. f is traced once, for all tangents.
 * @param xs the list of f's arguments; tensors, or nested arrays and objects of them
 */
export function linearize<Args extends readonly any[], T>(
  f: (...args: Args) => T,
  xs: Arguments<Args>,
): [value: T, push: (vs: Arguments<Args>) => T] {
  const { inputs, value, outputs } = traceFresh(f, xs);
  const push = (vs: Arguments<Args>): T => {
    const tangents = leavesLike('jvp', vs, inputs);
    const table = pushForward(outputs, new Map(inputs.map((each, i) => [each, tangents[i]])));
    return refill(
      value,
      outputs.map((output) => resolveTangent('jvp', output, table.get(output) ?? disconnected)),
    );
  };
  return [value, push];
}

/**
 * Forward mode: the value of f at `xs` and its derivative along `vs`, the Jacobian-vector product J v.
 *
 * `jvp(f, [x, ...], [v, ...])` costs about as much as f twice, however many inputs and outputs f has.
 * @param xs the list of f's arguments; tensors, or nested arrays and objects of them
 * @param vs as `xs`, in structure and shapes
 * @returns `[value, tangent]`, both of the structure that f returns
 * @throws ShapeError where `vs` does not fit `xs`; UndefinedGradientError where an output has no derivative
 */
export function jvp<Args extends readonly any[], T>(
  f: (...args: Args) => T,
  xs: Arguments<Args>,
  vs: Arguments<Args>,
): [value: T, tangent: T] {
  const [value, push] = linearize(f, xs);
  return [value, push(vs)];
}

/**
 * Reverse mode: the value of f at `xs` and the pullback, which takes u (of the structure that f returns) to the
 * vector-Jacobian product J^T u, one part for each argument. Parts on which f does not depend get zeros.
 * @throws ShapeError where u does not fit; UndefinedGradientError where a derivative does not exist
 */
export function vjp<Args extends readonly any[], T>(
  f: (...args: Args) => T,
  xs: Arguments<Args>,
): [value: T, pullback: (u: TensorLike | unknown) => Args] {
  const { args, inputs, value, outputs } = traceFresh(f, xs);
  const pullback = (u: unknown): Args => {
    const seeds = value instanceof Variable ? [seedOf(u, value)] : leavesLike('vjp', u, outputs);
    const table = buildGradients(outputs, inputs, seeds);
    const found = inputs.map((each) =>
      resolve('vjp', outputs[0] ?? each, each, table.get(each) ?? disconnected, { disconnected: 'zero' }),
    );
    return refill(args, found);
  };
  return [value, pullback];
}

function seedOf(u: unknown, value: Variable): Variable {
  return leavesLike('vjp', toVariable(u as TensorLike, value.dtype), [value])[0];
}
