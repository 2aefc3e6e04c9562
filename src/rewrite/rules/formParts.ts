/** What exponential forms are put together from: weights, terms, and stacks of them. */
import { getOperation, type Shape, type Variable } from '../../graph/index.ts';
import type { ReductionAttributes } from '../../operations/broadcasting.ts';
import { registry } from '../../operations/index.ts';
import { uniformValue } from '../../operations/uniform.ts';
import { madeBy, operationOf } from '../axes.ts';
import { isPositive } from '../facts.ts';

const { broadcastTo, concat, neg, reshape, where } = registry;

/** `f` of both where both are there; one of them as it is, or as `alone` makes it, where the other is not. */
export function join(
  f: (a: Variable, b: Variable) => Variable,
  a: Variable | undefined,
  b: Variable | undefined,
  alone: (b: Variable) => Variable = (b) => b,
): Variable | undefined {
  if (b === undefined) return a;
  return a === undefined ? alone(b) : f(a, b);
}

export const mapped = (f: (v: Variable) => Variable, v: Variable | undefined): Variable | undefined =>
  v === undefined ? undefined : f(v);

/** A weight that is the same along the axes of a sum, in the shape of the sum. */
export function besideSum(weight: Variable, rank: number, { axes, keepDims }: ReductionAttributes): Variable {
  if (keepDims || weight.rank === 0) return weight;
  const padded = [...new Array<number>(rank - weight.rank).fill(1), ...weight.shape];
  return reshape(
    weight,
    padded.filter((_, axis) => !axes.includes(axis)),
  );
}

/** A weight of 0 takes its term out of a logSumExp, even if that is NaN; in a product it is NaN still. */
export function keepingNaN(weight: Variable, exponent: Variable): Variable {
  if (isPositive(weight) || isNeverZero(weight)) return weight;
  return where(registry.isNaN(exponent), Number.NaN, weight);
}

/** Whether no element is 0, if the variables in it are neither 0 nor infinite where it divides. */
export function isNeverZero(v: Variable): boolean {
  const value = uniformValue(v);
  if (value !== undefined) return value !== 0;
  const application = getOperation(v);
  if (application?.operation === operationOf('reciprocal')) return true;
  return application?.operation === operationOf('div') && isNeverZero(application.inputs[0]);
}

/** The terms of a sum, those that it subtracts with a minus sign. */
export function addendsOf(v: Variable, depth: number): Variable[] {
  const application = getOperation(v);
  if (application === undefined || depth === 0) return [v];
  const { operation, inputs } = application;
  if (operation === operationOf('neg')) return addendsOf(inputs[0], depth - 1).map((each) => neg(each));
  if (operation !== operationOf('add') && operation !== operationOf('sub')) return [v];
  const [first, second] = inputs.map((each) => addendsOf(each, depth - 1));
  return [...first, ...(operation === operationOf('add') ? second : second.map((each) => neg(each)))];
}

/** log c for a weight that is known to be a number c > 0. */
export function logOfNumber(weight: Variable | undefined): number | undefined {
  const value = weight === undefined ? 1 : uniformValue(weight);
  return value !== undefined && value > 0 && value < Infinity ? Math.log(value) : undefined;
}

/** log(1 + erf(x)) for v = 1 + erf(x), which vanishes where x is far below 0. */
export function tailOfErf(v: Variable): Variable | undefined {
  const [a, b] = madeBy(v, operationOf('add'))?.inputs ?? [];
  const place =
    a === undefined ? -1 : [a, b].findIndex((each) => madeBy(each, operationOf('erf')) !== undefined);
  return place >= 0 && uniformValue([b, a][place]) === 1 ? registry.log1p([a, b][place]) : undefined;
}

/** Tensors that broadcast to `shape`, along a new axis in front. */
export function stack(parts: readonly Variable[], shape: Shape): Variable {
  return concat(
    parts.map((each) => reshape(broadcastTo(each, shape), [1, ...shape])),
    0,
  );
}
