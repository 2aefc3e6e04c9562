/**
 * Both sides of a rewriting rule as numbers, and what its class promises of them.
 *
 * Numbers agree if they are a few units in the last place apart, or no further than rounding makes the left side uncertain.
 * The judge of a float32 result is the left side in float64 on the same numbers: its range and its digits are beyond
 * those of float32, so it tells where the left side overflowed, underflowed or cancelled. In float64 there is no wider
 * judge at hand: the left side is taken where nothing in it overflowed or underflowed, and both sides are formulas that
 * float32 has judged already.
 */
import { runReference } from '../../src/backends/reference/run.ts';
import {
  type Application,
  ancestors,
  broadcastShapes,
  EPSILON,
  type FloatDType,
  isFloat,
  type Shape,
  Tensor,
  type Variable,
} from '../../src/graph/index.ts';
import type { RuleClass } from '../../src/rewrite/rule.ts';
import type { RuleCall } from './ruleExamples.ts';
import { uncertainty } from './uncertainty.ts';

/** Units in the last place that either side may be off. */
const ULPS = 8;

/** The smallest normal number; below it digits are lost. */
const SMALLEST: Record<FloatDType, number> = { float32: 2 ** -126, float64: 2 ** -1022 };
/** What a thousand steps may lose there. */
const UNDERFLOW: Record<FloatDType, number> = { float32: 2 ** -139, float64: 2 ** -1064 };

/** How one element came about. */
interface Element {
  /** Something infinite or NaN came of finite numbers. */
  readonly overflowed: boolean;
  /** Something below the normal numbers came of others. */
  readonly underflowed: boolean;
  /** Everything that it was computed from is finite. */
  readonly finite: boolean;
  /** The inputs that it was computed from are finite. */
  readonly given: boolean;
  /** It is NaN because an input is. */
  readonly nan: boolean;
}

/** The values of a graph's outputs, and what is known of each element. */
export interface Measured {
  readonly values: readonly Tensor[];
  element(output: number, place: number): Element;
  /** How far rounding may put it off. */
  uncertainty(output: number, place: number): number;
}

/** Whether each element of the outputs is computed from those at its own place alone. */
export function isElementwise(outputs: readonly Variable[]): boolean {
  return ancestors(outputs).applications.every(
    ({ operation: { computation, name } }) => computation.kind === 'elementwise' || name === 'broadcastTo',
  );
}

/**
 * Evaluates `outputs` on the reference backend; how they came about is looked into where somebody asks.
 * @param readers whose inputs count where a NaN is asked after
 */
export function measure(
  outputs: readonly Variable[],
  feeds: RuleCall['feeds'],
  readers: readonly Variable[] = outputs,
): Measured {
  const values = runReference(outputs, feeds);
  const history = lazily(() => new History(outputs, feeds));
  const withoutNaN = lazily(() => runReference(outputs, numbersOnly(feeds, ancestors(readers).leaves)));
  const spread = lazily(() => uncertainty(outputs, feeds));
  return {
    values,
    element: (output, place) => ({
      ...history().element(outputs[output].shape, place),
      nan: Number.isNaN(values[output].data[place]) && !Number.isNaN(withoutNaN()[output].data[place]),
    }),
    uncertainty: (output, place) => spread()[output][place],
  };
}

/** The same inputs, some of them with a number in the place of each NaN. */
function numbersOnly(feeds: RuleCall['feeds'], some: readonly Variable[]): RuleCall['feeds'] {
  const table = new Map(feeds);
  for (const [variable, { shape, dtype, data }] of feeds) {
    const numbers = data.map((value) => (Number.isNaN(value) ? 0.5 : value));
    if (some.includes(variable)) table.set(variable, new Tensor(shape, dtype, numbers));
  }
  return table;
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** All numbers that some outputs were computed from. */
class History {
  private readonly numbers: ReadonlyMap<Variable, Tensor>;
  private readonly applications: readonly Application[];
  private readonly leaves: readonly Variable[];
  private readonly local: boolean;

  constructor(outputs: readonly Variable[], feeds: RuleCall['feeds']) {
    const { applications, leaves } = ancestors(outputs);
    const all = [...new Set([...outputs, ...leaves, ...applications.flatMap(({ inputs }) => inputs)])];
    const values = runReference(all, feeds);
    this.numbers = new Map(all.map((each, i) => [each, values[i]]));
    this.applications = applications;
    this.leaves = leaves;
    this.local = isElementwise(outputs);
  }

  element(shape: Shape, place: number): Omit<Element, 'nan'> {
    const at = (variable: Variable): number[] => {
      const tensor = this.numbers.get(variable);
      if (tensor === undefined || !isFloat(tensor.dtype)) return [];
      return this.local ? [tensor.data[placeWithin(variable.shape, shape, place)]] : Array.from(tensor.data);
    };
    let [overflowed, underflowed] = [false, false];
    const given = this.leaves.every((leaf) => at(leaf).every(Number.isFinite));
    let finite = given;
    for (const { inputs, outputs } of this.applications) {
      const operands = inputs.flatMap(at);
      const made = outputs.flatMap((output) =>
        at(output).map((value) => ({ value, smallest: SMALLEST[output.dtype as FloatDType] })),
      );
      const isFinite = made.every(({ value }) => Number.isFinite(value));
      finite &&= isFinite;
      overflowed ||= !isFinite && operands.every(Number.isFinite);
      underflowed ||=
        operands.every((value) => value !== 0) &&
        made.some(({ value, smallest }) => Math.abs(value) < smallest);
    }
    return { overflowed, underflowed, finite, given };
  }
}

/** The element of a tensor of shape `from` that broadcasting puts at `place` of one of shape `to`. */
function placeWithin(from: Shape, to: Shape, place: number): number {
  let [rest, position, stride] = [place, 0, 1];
  for (let axis = to.length - 1, own = from.length - 1; own >= 0; axis--, own--) {
    const index = rest % to[axis];
    rest = Math.floor(rest / to[axis]);
    if (from[own] !== 1) position += index * stride;
    stride *= from[own];
  }
  return position;
}

/** The shape in which all of these meet; undefined if they do not. */
export function meetingShape(shapes: readonly Shape[]): Shape | undefined {
  try {
    return shapes.reduce<Shape>((a, b) => broadcastShapes('meet', a, b), []);
  } catch {
    return undefined;
  }
}

/** Whether `found` is `expected` up to rounding, which may put it off by `uncertainty`. */
export function agrees(
  found: number,
  expected: number,
  dtype: FloatDType,
  uncertainty: () => number,
): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(found);
  if (found === expected) return true;
  if (!Number.isFinite(found) || !Number.isFinite(expected)) return false;
  const distance = Math.abs(found - expected);
  if (distance <= Math.max(UNDERFLOW[dtype], ULPS * EPSILON[dtype] * Math.abs(expected))) return true;
  return distance <= 4 * uncertainty();
}

const round = (value: number, dtype: FloatDType): number =>
  dtype === 'float32' ? Math.fround(value) : value;

/** One element of both sides. */
interface Pair {
  readonly left: number;
  readonly right: number;
  /** The left side in a wider dtype. */
  readonly truth: number | undefined;
  readonly dtype: FloatDType;
  how(): Element;
  truthHow(): Element | undefined;
  uncertainty(): number;
}

/** Right or no worse than the left, the real number being `truth`. */
function isNoWorse({ left, right, truth, dtype, uncertainty }: Pair): boolean {
  if (agrees(right, left, dtype, uncertainty)) return true;
  if (truth === undefined) return false;
  if (agrees(right, round(truth, dtype), dtype, uncertainty)) return true;
  return Math.abs(right - truth) <= Math.abs(left - truth);
}

/** What an exact rule promises. */
function breaksExactness(pair: Pair): boolean {
  if (isNoWorse(pair)) return false;
  const { overflowed, underflowed } = pair.how();
  return pair.truth !== undefined || !(overflowed || underflowed);
}

/** What a rule that removes a singularity promises. */
function breaksStability(pair: Pair): boolean {
  const { left, right, truth, dtype } = pair;
  const slack = (): number => pair.uncertainty() + throughLogarithm(right, dtype);
  if (Number.isFinite(left) && agrees(right, left, dtype, slack)) return false;
  const { finite, given, nan, underflowed } = pair.how();
  if (finite && Number.isFinite(left)) return breaksExactness(pair);
  // A NaN that was put in is no singularity.
  if (nan) return !Number.isNaN(right);
  if (truth !== undefined && agrees(right, round(truth, dtype), dtype, slack)) return false;
  if (truth !== undefined && Number.isFinite(truth) && pair.truthHow()!.finite)
    return !(underflowed && (Number.isFinite(right) || right === left));
  // What has underflowed to zero has lost its sign, and with it the domain of a logarithm.
  const unsigned = truth === undefined ? underflowed : pair.truthHow()!.underflowed;
  if (unsigned && !Number.isFinite(left)) return false;
  // Of infinite operands a formula in real numbers says nothing.
  if (!given && !Number.isFinite(left)) return false;
  // A pole is infinite, from either side, where its quotient of zeros or infinities is NaN.
  return Number.isNaN(left) ? false : !Number.isFinite(right) && right !== left;
}

/** How far a number may be off that is computed by way of its logarithm. */
function throughLogarithm(value: number, dtype: FloatDType): number {
  return value === 0 ? 0 : EPSILON[dtype] * Math.abs(value * Math.log(Math.abs(value)));
}

/** The first element at which the right side breaks the promise of a rule's class, in words. */
export function broken(
  ruleClass: RuleClass,
  left: Measured,
  right: readonly Tensor[],
  truth: Measured | undefined,
  feeds: RuleCall['feeds'],
): string | undefined {
  const breaks = ruleClass === 'removesSingularity' ? breaksStability : breaksExactness;
  for (let i = 0; i < right.length; i++) {
    const { dtype, data } = right[i];
    const expected = left.values[i].data;
    for (let place = 0; place < expected.length; place++) {
      const real = truth?.values[i].data[place];
      const wrong = isFloat(dtype)
        ? breaks({
            left: expected[place],
            right: data[place],
            truth: real,
            dtype,
            how: () => left.element(i, place),
            truthHow: () => truth?.element(i, place),
            uncertainty: () => left.uncertainty(i, place),
          })
        : data[place] !== expected[place];
      if (!wrong) continue;
      const inReal = real === undefined ? '' : `, in float64 ${real}`;
      return `${inputsText(left.values[i].shape, place, feeds)}: left ${expected[place]}, right ${data[place]}${inReal}`;
    }
  }
  return undefined;
}

/** What the inputs are where an output of this shape has its element `place`. */
export function inputsText(shape: Shape, place: number, feeds: RuleCall['feeds']): string {
  const texts = [...feeds].map(([variable, tensor]) => {
    const name = variable.source.kind === 'input' ? (variable.source.name ?? '?') : '?';
    const fits = meetingShape([variable.shape, shape])?.join() === shape.join();
    if (fits) return `${name} = ${text(tensor.data[placeWithin(variable.shape, shape, place)])}`;
    return `${name} = [${Array.from(tensor.data, text).join(', ')}]`;
  });
  return `element ${place}, at ${texts.join(', ')}`;
}

const text = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));
