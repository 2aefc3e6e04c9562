/**
 * The passes that make up a Jacobian. A forward sweep pushes tangents of inputs to all outputs, and gives columns; a
 * reverse sweep pulls cotangents of outputs back to all inputs, and gives rows. Each is built once, for seeds left open,
 * and then batched over as many seeds as are needed.
 */
import { disconnected, input, UndefinedGradientError, type Variable } from '../graph/index.ts';
import { full } from '../operations/generators.ts';
import { buildGradients, resolve } from './backprop.ts';
import { pushForward } from './forward.ts';
import { resolveTangent } from './products.ts';
import { batchGraph } from './vmap.ts';

export type Direction = 'forward' | 'reverse';

/** Products with a Jacobian, or with its transpose, as a graph on top of seeds. */
export interface Sweep {
  readonly seeds: readonly Variable[];
  /** Forward: one for each output. Reverse: one for each input. */
  readonly products: readonly Variable[];
}

/** A seed left open, for what has the type of `like`. */
function openSeed(like: Variable): Variable {
  return input(like.shape, { dtype: like.dtype });
}

/** J t for tangents t of `moving`, which are some of the inputs. */
export function forwardSweep(
  operation: string,
  outputs: readonly Variable[],
  moving: readonly Variable[],
  seedOf = openSeed,
): Sweep {
  const seeds = moving.map(seedOf);
  const table = pushForward(outputs, new Map(moving.map((each, i) => [each, seeds[i]])));
  const products = outputs.map((each) => resolveTangent(operation, each, table.get(each) ?? disconnected));
  return { seeds, products };
}

/** J^T u for cotangents u of `weighed`, which are some of the outputs. */
export function reverseSweep(
  operation: string,
  weighed: readonly Variable[],
  inputs: readonly Variable[],
  seedOf = openSeed,
): Sweep {
  const seeds = weighed.map(seedOf);
  const table = buildGradients(weighed, inputs, seeds);
  const products = inputs.map((each) =>
    resolve(operation, weighed[0], each, table.get(each) ?? disconnected, { disconnected: 'zero' }),
  );
  return { seeds, products };
}

/**
 * The products for `size` seeds at once.
 * @param values one for each seed of the sweep, with a leading axis of extent `size`
 * @returns the products, each with that axis in front
 */
export function batchSweep(
  { seeds, products }: Sweep,
  values: readonly Variable[],
  size: number,
): Variable[] {
  if (size === 0) return products.map(({ shape, dtype }) => full([0, ...shape], 0, dtype));
  return batchGraph(products, new Map(seeds.map((seed, i) => [seed, values[i]])), size);
}

/**
 * What the attempts give, undefined for one that meets an undefined derivative.
 * @throws UndefinedGradientError where all of them do: that of the last
 */
export function possible<T>(attempts: readonly (() => T)[]): (T | undefined)[] {
  let reason: UndefinedGradientError | undefined;
  const made = attempts.map((attempt) => {
    try {
      return attempt();
    } catch (error) {
      if (!(error instanceof UndefinedGradientError)) throw error;
      reason = error;
      return undefined;
    }
  });
  if (reason !== undefined && made.every((each) => each === undefined)) throw reason;
  return made;
}
