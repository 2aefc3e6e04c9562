/** Functions of Variables made into functions of Tensors: traced once per signature, then run as programs. */

import type { Arguments } from '../autodiff/index.ts';
import type { Source } from '../compile/compile.ts';
import {
  at,
  DTypeError,
  input,
  isTensorLike,
  isVariable,
  leavesOf,
  mapTree,
  Parameter,
  ShapeError,
  Tensor,
  type TensorLike,
  tensor,
  type Updates,
  Variable,
} from '../graph/index.ts';
import { getRewriting } from '../rewrite/level.ts';
import { backendKey, getBackend } from './backend.ts';
import type { Evaluated } from './evaluate.ts';
import type { Runnable } from './programCache.ts';

/** A result together with new values for parameters. */
export class WithUpdates<T> {
  readonly result: T;
  readonly updates: Updates;

  constructor(result: T, updates: Updates) {
    this.result = result;
    this.updates = updates;
  }
}

/**
 * Makes a compiled function also update parameters: `return withUpdates(J, optimizer.minimize(J))`. All new values are
 * computed from the old ones, then all are written, in place.
 * @throws DTypeError, ShapeError where a new value is not of its parameter's type
 */
export function withUpdates<T>(result: T, ...updates: readonly Updates[]): WithUpdates<T> {
  const merged = new Map<Parameter, Variable>();
  for (const [parameter, value] of updates.flatMap((each) => [...each])) {
    if (!(parameter instanceof Parameter))
      throw new DTypeError(`withUpdates: ${String(parameter)} is not a Parameter${at()}`);
    if (value.type !== parameter.type) {
      const Mismatch = value.dtype === parameter.dtype ? ShapeError : DTypeError;
      throw new Mismatch(
        `withUpdates: the new value of ${parameter.toString()} is ${value.type}; reshape or cast it${at()}`,
      );
    }
    merged.set(parameter, value);
  }
  return new WithUpdates(result, merged);
}

/** What a compiled function returns. */
export type CompiledResult<T> = T extends WithUpdates<infer R> ? Evaluated<R> : Evaluated<T>;

interface Trace {
  run: Runnable;
  /** The structure that f returned, its Variables replaced by their positions among the outputs. */
  assemble(outputs: readonly Tensor[]): unknown;
}

/**
 * Compiles `f`, a function of Variables (or nested arrays and objects of them) that returns Variables.
 *
 * The first call with arguments of new shapes or dtypes traces f: it runs once, with placeholders, and the graph that
 * it returns becomes a program. Later calls only run the program. f must therefore not depend on the numbers: use
 * `where` to choose, and `z.evaluate()` outside for control flow.
 */
export function compile<Args extends readonly any[], T>(
  f: (...args: Args) => T,
): (...args: Arguments<Args>) => CompiledResult<T> {
  const traces = new Map<string, Trace>();
  const compiled = (...args: Arguments<Args>): CompiledResult<T> => {
    const { values, signature } = valuesOf(args);
    const key = `${backendKey()} ${getRewriting()} ${signature}`;
    let trace = traces.get(key);
    if (trace === undefined) {
      const { source, assemble } = traceFunction(f, args, values);
      const run = getBackend().prepare(source.outputs, source.inputs, source.updates);
      trace = { run, assemble };
      traces.set(key, trace);
    }
    return trace.assemble(trace.run(values.map(({ data }) => data))) as CompiledResult<T>;
  };
  functions.set(compiled, f);
  return compiled;
}

/** What compiled functions were made of. */
const functions = new WeakMap<object, (...args: any) => unknown>();

/** The function that `compile` was given, by what it returned; undefined for anything else. */
export function functionBehind(compiled: unknown): ((...args: any) => unknown) | undefined {
  return typeof compiled === 'function' ? functions.get(compiled) : undefined;
}

/** The numbers of arguments, in order, and a text that says where they stand and what their types are. */
export function valuesOf(args: readonly unknown[]): { values: Tensor[]; signature: string } {
  const values: Tensor[] = [];
  const signature: string[] = [];
  const describe = (leaf: TensorLike, path: string): void => {
    const value = numbersOf(leaf, path);
    values.push(value);
    signature.push(path, value.dtype, value.shape.join());
  };
  args.forEach((arg, i) => mapTree(arg, isTensorLike, describe, `argument ${i}`));
  return { values, signature: signature.join(' ') };
}

function numbersOf(leaf: TensorLike, path: string): Tensor {
  if (leaf instanceof Tensor) return leaf;
  if (leaf instanceof Variable) {
    throw new DTypeError(
      `compile: ${path} is a Variable (${leaf.toString()}), but a compiled function takes numbers; pass a Tensor, or call ` +
        `the function itself inside the graph${at()}`,
    );
  }
  return tensor(leaf);
}

/** The graph of `f` for arguments of these types, with an input for each of `values`. */
export function traceFunction(
  f: (...args: any) => unknown,
  args: readonly unknown[],
  values: readonly Tensor[],
): Pick<Trace, 'assemble'> & { readonly source: Required<Source> } {
  const placeholders = values.map(({ shape, dtype }) => input(shape, { dtype }));
  let next = 0;
  const symbols = args.map((arg) => mapTree(arg, isTensorLike, () => placeholders[next++]));
  const returned = f(...symbols);
  const updates: Updates = returned instanceof WithUpdates ? returned.updates : new Map();
  const result = returned instanceof WithUpdates ? returned.result : returned;
  const outputs = leavesOf(result, isVariable);
  let position = 0;
  const places = mapTree(result, isVariable, () => position++);
  return {
    source: { outputs, inputs: placeholders, updates },
    assemble: (tensors) => mapTree(places, isPlace, (place) => tensors[place]),
  };
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number';
}
