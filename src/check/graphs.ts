/** Derivatives of sample calls, as graphs. */
import { buildGradients, resolve } from '../autodiff/backprop.ts';
import { pushForward } from '../autodiff/forward.ts';
import { resolveTangent } from '../autodiff/products.ts';
import { batchGraph } from '../autodiff/vmap.ts';
import {
  constant,
  disconnected,
  filled,
  input,
  isFloat,
  type Tensor,
  type Variable,
} from '../graph/index.ts';
import { type Call, floatInputs } from './call.ts';
import { drawWeights } from './draw.ts';

/** J^T w for the Jacobian of `ys` with respect to `xs`: zeros where nothing arrives. @throws UndefinedGradientError */
export function pullBack(
  ys: readonly Variable[],
  xs: readonly Variable[],
  w: readonly Variable[],
): Variable[] {
  const table = buildGradients(ys, xs, w);
  return xs.map((x) => resolve('check', ys[0], x, table.get(x) ?? disconnected, { disconnected: 'zero' }));
}

/** J v: zeros where nothing moves. @throws UndefinedGradientError */
export function push(ys: readonly Variable[], xs: readonly Variable[], v: readonly Variable[]): Variable[] {
  const table = pushForward(ys, new Map(xs.map((x, i) => [x, v[i]])));
  return ys.map((y) => resolveTangent('check', y, table.get(y) ?? disconnected));
}

/** Constants of the types of these variables. */
export function constantsLike(like: readonly Variable[], random: () => number): Variable[] {
  return like.map(({ shape, dtype }) => constant(drawWeights(shape, dtype, random)));
}

/** J^T w and J v of a call, for random w and v. */
export function derivativesOf(
  call: Call,
  random: () => number,
): { gradients: Variable[]; tangents: Variable[] } {
  const xs = floatInputs(call);
  const ys = call.outputs.filter(({ dtype }) => isFloat(dtype));
  if (xs.length === 0 || ys.length === 0) return { gradients: [], tangents: [] };
  return {
    gradients: pullBack(ys, xs, constantsLike(ys, random)),
    tangents: push(ys, xs, constantsLike(xs, random)),
  };
}

/** Placeholders for batches of these. */
export function batchesOf(inputs: readonly Variable[], size: number): Map<Variable, Variable> {
  return new Map(inputs.map((each) => [each, input([size, ...each.shape], { dtype: each.dtype })] as const));
}

/** The graph for a batch in which all `inputs` are mapped, and what to feed it. */
export function batchedCall(
  variables: readonly Variable[],
  inputs: readonly Variable[],
  draws: readonly (readonly Tensor[])[],
): Pick<Call, 'outputs' | 'feeds'> {
  const stands = batchesOf(inputs, draws.length);
  const feeds = inputs.map(
    (each, i) => [stands.get(each)!, sideBySide(draws.map((draw) => draw[i]))] as const,
  );
  return { outputs: batchGraph(variables, stands, draws.length), feeds: new Map(feeds) };
}

/** Tensors of one type along a new axis in front. */
export function sideBySide(tensors: readonly Tensor[]): Tensor {
  const [{ shape, dtype, data }] = tensors;
  const whole = filled([tensors.length, ...shape], dtype, 0);
  tensors.forEach((each, k) => whole.data.set(each.data, k * data.length));
  return whole;
}
