/** Functions of several arguments, traced as functions of one of them. */
import {
  at,
  DTypeError,
  disconnected,
  isFloat,
  isVariable,
  leavesOf,
  type Variable,
} from '../graph/index.ts';
import { gradients, resolve } from './backprop.ts';
import { checkArgument } from './grad.ts';
import { scalarResult } from './hessianProducts.ts';
import { refill, traceFresh } from './products.ts';

/** What f made of its arguments, all of them fresh nodes; inputs and outputs are known to be floating point. */
export interface TracedArgument {
  /** The argument to differentiate with respect to, and its leaves. */
  readonly argument: unknown;
  readonly inputs: readonly Variable[];
  /** What f returned, and its leaves. */
  readonly value: unknown;
  readonly outputs: readonly Variable[];
  /** The leaves of all arguments. */
  readonly given: readonly Variable[];
}

/** Calls f on fresh nodes. @throws ShapeError, DTypeError, UndefinedGradientError where it cannot be differentiated */
export function traceArgument(
  operation: string,
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  which: number,
): TracedArgument {
  checkArgument(operation, which, args);
  const traced = traceFresh<any[], unknown>(f, args as any[]);
  const argument = traced.args[which];
  const inputs = leavesOf(argument, isVariable);
  for (const output of traced.outputs) {
    if (!isFloat(output.dtype)) {
      throw new DTypeError(
        `${operation}: ${output.toString()} is not floating point, so nothing can be differentiated${at()}`,
      );
    }
  }
  for (const each of inputs) {
    // The word for a target without a tangent space.
    if (!isFloat(each.dtype)) resolve(operation, each, each, disconnected, {});
  }
  return { argument, inputs, value: traced.value, outputs: traced.outputs, given: traced.inputs };
}

/** The gradient of a scalar function as a function of that argument. */
export function traceGradient(
  operation: string,
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  which: number,
): TracedArgument {
  const traced = traceArgument(operation, f, args, which);
  const outputs = gradients(scalarResult(operation, traced.value), traced.inputs, { disconnected: 'zero' });
  return { ...traced, value: refill(traced.argument, outputs), outputs };
}
