/** Whole Jacobians of functions with any number of outputs. */
import {
  anything,
  at,
  checkOptions,
  isVariable,
  mapTree,
  type Shape,
  ShapeError,
  type Variable,
} from '../graph/index.ts';
import { cast } from '../operations/conversion.ts';
import { stabilize } from '../rewrite/passes.ts';
import { sizeOfAll } from './cost.ts';
import { differentiate } from './differentiate.ts';
import type { Arguments } from './grad.ts';
import { refill } from './products.ts';
import { STRATEGIES, type Strategy, type StrategyName } from './strategies.ts';
import { type Direction, possible } from './sweeps.ts';
import { type TracedArgument, traceArgument } from './traceArgument.ts';

/** By columns, by rows, or `auto`: what needs the fewest scalar operations. */
export type JacobianMode = Direction | 'auto';

/**
 * X's structure, with each tensor's shape behind the shape S. What accepts any tensor (as the arguments of `jacobian(f)`
 * do) is one tensor.
 */
type Blocks<S extends Shape, X> = [Variable] extends [X]
  ? Variable<readonly [...S, ...number[]]>
  : X extends Variable<infer T extends Shape>
    ? Variable<readonly [...S, ...T]>
    : { readonly [K in keyof X]: Blocks<S, X[K]> };

/** The structure of the output Y, each tensor of it replaced by the structure of the argument X. */
export type JacobianOf<Y, X> =
  Y extends Variable<infer S extends Shape> ? Blocks<S, X> : { readonly [K in keyof Y]: JacobianOf<Y[K], X> };

export interface JacobianOptions<A extends number = number> {
  /** Which argument to differentiate with respect to. Default 0. */
  argument?: A;
  /** Default `auto`. */
  mode?: JacobianMode;
}

/** What the Jacobian of a function takes, in scalar operations (see `operationCount`), in each way to compute it. */
export interface JacobianCost {
  /** By columns. Infinity where there is no derivative in forward mode. */
  readonly forward: number;
  /** By rows. Infinity where there is no derivative in reverse mode, as in a loop without a limit. */
  readonly reverse: number;
  /**
   * As the product of two narrow Jacobians, where all paths from the input to the output pass through one tensor that is
   * smaller than both: by rows up to there, by columns from there on. Infinity where there is no such tensor.
   */
  readonly bottleneck: number;
  /**
   * What `auto` takes: the one with the least, where a choice of forward must also pay for laying out columns as rows,
   * one move for each element of the Jacobian.
   */
  readonly mode: StrategyName;
}

interface Plan extends JacobianCost {
  readonly chosen: Strategy;
}

function plan(operation: string, { inputs, outputs }: TracedArgument): Plan {
  const [forward, reverse, bottleneck] = possible(
    [STRATEGIES.forward, STRATEGIES.reverse, STRATEGIES.bottleneck].map(
      (strategy) => () => strategy(operation, inputs, outputs),
    ),
  );
  const layout = sizeOfAll(inputs) * sizeOfAll(outputs);
  const price = (strategy: Strategy): number => strategy.cost + (strategy === forward ? layout : 0);
  const chosen = [reverse, forward, bottleneck]
    .filter((each) => each !== undefined)
    .reduce((least, each) => (price(each) < price(least) ? each : least));
  const costOf = (strategy: Strategy | undefined): number => strategy?.cost ?? Infinity;
  return {
    forward: costOf(forward),
    reverse: costOf(reverse),
    bottleneck: costOf(bottleneck),
    mode: chosen.name,
    chosen,
  };
}

/** The Jacobian of a traced function as a tree of trees. */
export function jacobianOfTraced(operation: string, traced: TracedArgument, mode: JacobianMode): unknown {
  const { inputs } = traced;
  const blocks = differentiate(traced.outputs, inputs, (outputs, sought) => {
    const chosen =
      mode === 'auto'
        ? plan(operation, { ...traced, inputs: sought, outputs }).chosen
        : STRATEGIES[mode](operation, sought, outputs);
    // As a gradient, a block has the dtype of what it is with respect to, whichever way it was computed.
    return (chosen as Strategy)
      .blocks()
      .flatMap((row) => row.map((block, i) => cast(block, inputs[i].dtype)));
  });
  const rows = traced.outputs.map((_, i) => blocks.slice(i * inputs.length, (i + 1) * inputs.length));
  let next = 0;
  return mapTree(traced.value, isVariable, () => refill(traced.argument, rows[next++] as Variable[]));
}

/**
 * The Jacobian of a function of any shape to any shape: `jacobian(f)(x, ...)` has shape [...output, ...input], with
 * element (i, j) the derivative of output i with respect to input j.
 *
 * Where f takes or returns nested objects and arrays, the result has the structure of the output, and in each place of
 * a tensor the structure of the input. Forward mode takes one pass for each element of the input, reverse mode one for
 * each of the output; all passes of a mode are one batched graph. `auto` counts the scalar operations of both, and of the
 * two multiplied at the narrowest place where there is one, and takes what is cheapest; `jacobianCost` tells the counts.
 *
 * @throws UndefinedGradientError for an integer argument, or where a derivative does not exist; DTypeError where an
 * output is not floating point
 */
export function jacobian<Args extends readonly any[], T, const A extends number = 0>(
  f: (...args: Args) => T,
  options: JacobianOptions<A> = {},
): (...args: Arguments<Args>) => JacobianOf<T, Args[A]> {
  checkOptions('jacobian', options, { argument: anything, mode: anything });
  const { argument = 0, mode = 'auto' } = options;
  if (!['auto', 'forward', 'reverse'].includes(mode))
    throw new ShapeError(`jacobian: no mode ${String(mode)}; use auto, forward or reverse${at()}`);
  return (...args) =>
    jacobianOfTraced('jacobian', traceArgument('jacobian', f, args, argument), mode) as JacobianOf<
      T,
      Args[A]
    >;
}

/**
 * What `jacobian(f)` takes in either direction, counted in scalar operations on the graphs that it would run: products
 * that depend on the seeds once for each seed, what the passes share (the values of f along the way) once.
 */
export function jacobianCost<Args extends readonly any[]>(
  f: (...args: Args) => unknown,
  options: Pick<JacobianOptions, 'argument'> = {},
): (...args: Arguments<Args>) => JacobianCost {
  checkOptions('jacobianCost', options, { argument: anything });
  const { argument = 0 } = options;
  return (...args) => {
    const traced = traceArgument('jacobianCost', f, args, argument);
    const outputs = stabilize(traced.outputs);
    const { chosen: _, ...cost } = plan('jacobianCost', { ...traced, outputs });
    return cost;
  };
}
