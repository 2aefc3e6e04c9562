/** Products with the Jacobian and with its transpose, of functions: thin doors to forward and reverse mode. */
import {
  at,
  DTypeError,
  disconnected,
  type Gradient,
  isFloat,
  isTensorLike,
  isVariable,
  kindOf,
  leavesOf,
  mapTree,
  ShapeError,
  sameShape,
  type TensorLike,
  toVariable,
  UndefinedGradientError,
  Variable,
  variablesOf,
  zero,
} from '../graph/index.ts';
import { cast } from '../operations/conversion.ts';
import { full } from '../operations/generators.ts';
import { identity } from '../operations/identity.ts';
import { uniformValue } from '../operations/uniform.ts';
import { buildGradients, resolve } from './backprop.ts';
import { differentiate } from './differentiate.ts';
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
  if (!Array.isArray(xs)) {
    throw new DTypeError(
      `expected the list of the function's arguments, got ${kindOf(xs)}; write [x] for one argument${at()}`,
    );
  }
  // Argument by argument: a list of numbers would read as one tensor.
  const args = xs.map((x) =>
    mapTree(variablesOf(x), isVariable, (leaf) => identity(leaf)),
  ) as unknown as Args;
  const value = f(...args);
  return { args, inputs: leavesOf(args, isVariable), value, outputs: leavesOf(value, isVariable) };
}

/**
 * The tensors of `given` that stand where `like`, a tree of Variables, has its leaves: each checked to be of the same
 * shape and brought to the same dtype. An integer has no tangent space: its vector is zeros.
 * @throws ShapeError, UndefinedGradientError
 */
export function leavesLike(operation: string, given: unknown, like: unknown): Variable[] {
  const leaves: Variable[] = [];
  walkBeside(operation, like, given, '', (leaf, value) => leaves.push(vectorFor(operation, leaf, value)));
  return leaves;
}

/** Visits the Variables of `like` with what `given` has in their places. Structures nest a few deep, so this may recurse. */
function walkBeside(
  operation: string,
  like: unknown,
  given: unknown,
  path: string,
  visit: (leaf: Variable, value: TensorLike) => void,
): void {
  const misfit = (): never => {
    throw new ShapeError(
      `${operation}: the vectors${path === '' ? '' : ` at ${path}`} are not of the structure of what they move; give one ` +
        `for each tensor, in the same arrays and objects${at()}`,
    );
  };
  if (like instanceof Variable) {
    if (!isTensorLike(given)) misfit();
    visit(like, given as TensorLike);
  } else if (Array.isArray(like)) {
    if (!Array.isArray(given) || given.length !== like.length) misfit();
    like.forEach((each, i) => {
      walkBeside(operation, each, (given as unknown[])[i], `${path}[${i}]`, visit);
    });
  } else {
    for (const [key, each] of Object.entries(like as object)) {
      walkBeside(operation, each, (given as Record<string, unknown> | null)?.[key], `${path}.${key}`, visit);
    }
  }
}

function vectorFor(operation: string, leaf: Variable, value: TensorLike): Variable {
  const vector = toVariable(value, leaf.dtype);
  if (!sameShape(vector.shape, leaf.shape)) {
    throw new ShapeError(
      `${operation}: a vector of shape [${vector.shape.join(', ')}] for ${leaf.toString()}; the shapes must be equal${at()}`,
    );
  }
  if (isFloat(leaf.dtype)) return cast(vector, leaf.dtype);
  if (!isKnownZero(vector)) {
    throw new UndefinedGradientError(
      `${operation}: a vector for ${leaf.toString()}: ${leaf.dtype} has no tangent space; give zeros of its shape, or cast ` +
        `it to a float dtype before it is used${at()}`,
    );
  }
  return full(vector.shape, 0, leaf.dtype);
}

function isKnownZero(x: Variable): boolean {
  if (x.source.kind === 'constant') return x.source.tensor.data.every((value) => value === 0);
  return uniformValue(x) === 0;
}

/** `tree` with its Variables replaced, in order. */
export function refill<T>(tree: T, leaves: readonly Variable[]): T {
  let next = 0;
  return mapTree(tree, isVariable, () => leaves[next++]) as T;
}

/** A tangent as an expression: zeros where nothing moves. @throws UndefinedGradientError */
export function resolveTangent(operation: string, output: Variable, tangent: Gradient): Variable {
  if (tangent instanceof Variable) return tangent;
  if (tangent.gradient === 'undefined') {
    throw new UndefinedGradientError(
      `${operation}: ${output.toString()} has no derivative, because ${tangent.reason}; take another path, or stopGradient around it${at()}`,
    );
  }
  return full(output.shape, 0, output.dtype);
}

/** What tangents of `inputs` move `outputs` by, zeros where they stand still. @throws UndefinedGradientError */
export function pushThrough(
  operation: string,
  outputs: readonly Variable[],
  inputs: readonly Variable[],
  tangents: ReadonlyMap<Variable, Gradient>,
): Variable[] {
  const found = differentiate(outputs, inputs, (stable, moved) => {
    const pushed = inputs.map((each, i) => [moved[i], tangents.get(each) ?? disconnected] as const);
    const table = pushForward(stable, new Map(pushed));
    return stable.map((output) => table.get(output) ?? disconnected);
  });
  return found.map((tangent, i) => resolveTangent(operation, outputs[i], tangent));
}

/** What comes back from `seeds` at `outputs` to `inputs`, zeros where nothing does. @throws UndefinedGradientError */
export function pullThrough(
  operation: string,
  outputs: readonly Variable[],
  inputs: readonly Variable[],
  seeds: readonly Variable[],
): Variable[] {
  const found = differentiate(outputs, inputs, (stable, sought) => {
    const table = buildGradients(stable, sought, seeds);
    return sought.map((each) => table.get(each) ?? disconnected);
  });
  return inputs.map((each, i) =>
    resolve(operation, outputs[0] ?? each, each, found[i], { disconnected: 'zero' }),
  );
}

/**
 * f at `xs` and what is needed to push tangents through it: `[f(...xs), vs => J vs]`. f is traced once, for all tangents.
 * @param xs the list of f's arguments; tensors, or nested arrays and objects of them
 */
export function linearize<Args extends readonly any[], T>(
  f: (...args: Args) => T,
  xs: Arguments<Args>,
): [value: T, push: (vs: Arguments<Args>) => T] {
  const { args, inputs, value, outputs } = traceFresh(f, xs);
  const push = (vs: Arguments<Args>): T => {
    const tangents = leavesLike('jvp', vs, args);
    // What is known to stand still is not multiplied by its slope, which may be infinite.
    const seeds = inputs.map((each, i) => [each, isKnownZero(tangents[i]) ? zero : tangents[i]] as const);
    return refill(value, pushThrough('jvp', outputs, inputs, new Map<Variable, Gradient>(seeds)));
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
 * vector-Jacobian product J^T u, one part for each argument. Parts on which f does not depend get zeros, and so do
 * integers, which have no tangent space but the zero.
 * @throws ShapeError where u does not fit; UndefinedGradientError where a derivative does not exist
 */
export function vjp<Args extends readonly any[], T>(
  f: (...args: Args) => T,
  xs: Arguments<Args>,
): [value: T, pullback: (u: TensorLike | unknown) => Args] {
  const { args, inputs, value, outputs } = traceFresh(f, xs);
  const pullback = (u: unknown): Args => {
    const seeds = leavesLike('vjp', u, value);
    const found = pullThrough(
      'vjp',
      outputs,
      inputs.filter((each) => isFloat(each.dtype)),
      seeds,
    );
    let next = 0;
    return refill(
      args,
      inputs.map((each) => (isFloat(each.dtype) ? found[next++] : full(each.shape, 0, each.dtype))),
    );
  };
  return [value, pullback];
}
