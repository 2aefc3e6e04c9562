/** A loop of known length over the elements of tensors. */

import type { Argument } from '../autodiff/index.ts';
import {
  anything,
  at,
  checkOptions,
  DTypeError,
  flag,
  input,
  ShapeError,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { concat } from '../operations/joining.ts';
import { reshape } from '../operations/movement.ts';
import { slice } from '../operations/slicing.ts';
import { placeholderLike } from './body.ts';
import { type Flat, flatten, traceCarry } from './carry.ts';
import { makeLoop } from './loop.ts';
import type { LoopResult } from './loopRequest.ts';

export interface ScanOptions {
  /** From the last element to the first; results stand at the places of their elements. */
  reverse?: boolean;
  /** How many rounds; needed where there are no tensors to go through. */
  length?: number;
  /**
   * Keep for the backward pass only the carries before every so many rounds, and compute the rounds between them again:
   * memory for `length / segment + segment` rounds instead of `length`, for one more forward pass. `'sqrt'` takes the
   * square root of the length, which makes that sum smallest. (Chen et al., "Training deep nets with sublinear memory
   * cost", 2016.)
   */
  segment?: number | 'sqrt';
}

/** The same structure of Variables with one more axis. */
export type Stacked<Y> = Y extends Variable
  ? Variable
  : Y extends readonly unknown[] | Readonly<Record<string, unknown>>
    ? { -readonly [K in keyof Y]: Stacked<Y[K]> }
    : Y;

/**
 * `[carry, y] = f(carry, x)` for each x in turn: `scan(f, init, xs)` is `[the last carry, all ys]`.
 *
 * ```ts
 * const [last, states] = scan((h: Variable, x: Variable) => {
 *   const next = tanh(add(matmul(h, U), matmul(x, W)));
 *   return [next, next];
 * }, zeros, sequence);                                   // sequence [time, batch, features] -> states [time, batch, units]
 * ```
 * f is called once, on symbols, and must build the same graph for all rounds. It may use any Variables from outside; what
 * depends neither on the carry nor on x is computed once. The graph has the same size whatever the length.
 *
 * All derivatives go through: the backward pass is a scan in reverse over what the forward pass has kept (memory
 * proportional to the length, unless `segment` is given), forward mode keeps nothing.
 * @param init a tensor or nested arrays and objects of them; every round keeps their shapes and dtypes. Plain numbers take
 *   the dtype that f gives them; a list of plain numbers is one vector
 * @param xs tensors, in any structure, that f sees element by element along axis 0; or null, and f gets null
 * @returns the carry after the last round, and the ys, each with a leading axis of the rounds
 * @throws ShapeError where the extents of axis 0 differ, or f changes the carry's shape; DTypeError where f changes its dtype
 */
export function scan<C, X, Y>(
  f: (carry: C, x: X) => readonly [C, Y],
  init: Argument<NoInfer<C>>,
  xs: Argument<NoInfer<X>> | null | undefined,
  options: ScanOptions = {},
): [carry: C, ys: Stacked<Y>] {
  checkOptions('scan', options, { reverse: flag, length: anything, segment: anything });
  const sliced = flatten(xs, 'xs');
  const from = sliced.leaves.map((leaf) => toVariable(leaf));
  const length = lengthOf(sliced, from, options.length);
  const traced = traceCarry('scan', init, (carry) => {
    const placeholders = from.map(({ shape, dtype }) => input(shape.slice(1), { dtype }));
    const result: unknown = f(carry, sliced.fill(placeholders));
    if (!Array.isArray(result) || result.length !== 2) {
      throw new DTypeError(`scan: the function must return [carry, y], two values in a list${at()}`);
    }
    const ys = flatten(result[1], 'y');
    return { next: result[0], rest: { placeholders, ys } };
  });
  const { placeholders, ys } = traced.rest;
  const step: Step = {
    carries: traced.placeholders,
    nexts: traced.nexts,
    slices: placeholders,
    stacked: ys.leaves.map((leaf) => toVariable(leaf)),
  };
  const rounds = { length, reverse: options.reverse === true };
  const segment = segmentOf(options.segment, length);
  const { finals, stacked } =
    segment < length
      ? scanSegments(step, traced.inits, from, rounds, segment)
      : scanRounds(step, traced.inits, from, rounds);
  return [traced.fill(finals), ys.fill(stacked)];
}

/** The number of rounds. */
function lengthOf({ paths }: Flat, from: readonly Variable[], given: number | undefined): number {
  if (given !== undefined && (!Number.isInteger(given) || given < 0)) {
    throw new ShapeError(`scan: a length of ${given}; give a whole number of at least 0${at()}`);
  }
  from.forEach(({ rank }, i) => {
    if (rank === 0)
      throw new ShapeError(`scan: ${paths[i]} is a scalar; a tensor to go through has an axis 0${at()}`);
  });
  const length = given ?? from.at(0)?.shape[0];
  if (length === undefined) {
    throw new ShapeError(
      `scan: there is nothing to go through; give { length } to say how many rounds there are${at()}`,
    );
  }
  const other = from.findIndex(({ shape }) => shape[0] !== length);
  if (other >= 0) {
    throw new ShapeError(
      `scan: ${paths[other]} of shape [${from[other].shape.join(', ')}] has ${from[other].shape[0]} elements along axis 0, ` +
        `but there are ${length} rounds (${given === undefined ? `the extent of ${paths[0]}` : 'the length given'})${at()}`,
    );
  }
  return length;
}

/** How many rounds go without a stored carry. */
function segmentOf(segment: ScanOptions['segment'], length: number): number {
  if (segment === undefined) return length;
  if (segment === 'sqrt') return Math.max(1, Math.ceil(Math.sqrt(length)));
  if (!Number.isInteger(segment) || segment < 1) {
    throw new ShapeError(
      `scan: a segment of ${segment} rounds; give a whole number of at least 1, or 'sqrt'${at()}`,
    );
  }
  return segment;
}

/** A function traced on placeholders. */
interface Step {
  readonly carries: readonly Variable[];
  readonly slices: readonly Variable[];
  readonly nexts: readonly Variable[];
  readonly stacked: readonly Variable[];
}

interface ScanRounds {
  readonly length: number;
  readonly reverse: boolean;
}

function scanRounds(
  { carries, slices, nexts, stacked }: Step,
  inits: readonly Variable[],
  from: readonly Variable[],
  rounds: ScanRounds,
  recompute = false,
): LoopResult {
  return makeLoop({
    carries: carries.map((placeholder, i) => ({ placeholder, init: inits[i], next: nexts[i] })),
    slices: slices.map((placeholder, i) => ({ placeholder, from: from[i] })),
    stacked,
    rounds,
    conditional: false,
    recompute,
  });
}

/** A scan over segments, of which each is a scan that the backward pass runs again; then the rounds that are left. */
function scanSegments(
  step: Step,
  inits: readonly Variable[],
  from: readonly Variable[],
  { length, reverse }: ScanRounds,
  segment: number,
): LoopResult {
  const count = Math.floor(length / segment);
  const left = length - count * segment;
  const part = (x: Variable, start: number, extent: number): Variable => slice(x, [start], [start + extent]);
  const carries = inits.map(placeholderLike);
  const segments = step.slices.map(({ shape, dtype }) => input([segment, ...shape], { dtype }));
  const inner = scanRounds(step, carries, segments, { length: segment, reverse }, true);
  const outer = makeLoop({
    carries: carries.map((placeholder, i) => ({ placeholder, init: inits[i], next: inner.finals[i] })),
    slices: segments.map((placeholder, i) => ({
      placeholder,
      from: reshape(part(from[i], reverse ? left : 0, count * segment), [count, ...placeholder.shape]),
    })),
    stacked: inner.stacked,
    rounds: { length: count, reverse },
    conditional: false,
    recompute: false,
  });
  const stacked = outer.stacked.map((each) => reshape(each, [count * segment, ...each.shape.slice(2)]));
  if (left === 0) return { finals: outer.finals, stacked };
  const rest = from.map((each) => part(each, reverse ? 0 : count * segment, left));
  const last = scanRounds(step, outer.finals, rest, { length: left, reverse }, true);
  return {
    finals: last.finals,
    stacked: stacked.map((each, i) => concat(reverse ? [last.stacked[i], each] : [each, last.stacked[i]], 0)),
  };
}
