/** Two ways to the same derivative, compared: how far they are apart, where they are furthest, where neither exists. */
import type { Shape } from '../graph/index.ts';
import { refinedSlope, type Sides, sidesOf } from './differences.ts';
import { largest } from './measures.ts';

/** What derivatives promise; see derivatives.ts. */
export type Identity = 'reverse' | 'forward' | 'transpose' | 'second' | 'mixed';

/** The element with the largest error. */
export interface Mismatch {
  /** `argument 0.weights[2, 3]`. */
  readonly where: string;
  /** By differences, or by the other side of the identity. */
  readonly expected: number;
  readonly found: number;
  /** Relative. */
  readonly error: number;
  /** Of the differences. */
  readonly step?: number;
}

/** A point at which there is no derivative to compare with. */
export interface KinkFound extends Sides {
  readonly where: string;
  /** What the rules answer there; at a corner it lies between the two slopes. */
  readonly found: number;
}

export interface Comparison {
  readonly identity: Identity;
  readonly ok: boolean;
  /** The largest relative error. */
  readonly error: number;
  /** What it may be. */
  readonly tolerance: number;
  readonly worst: Mismatch | undefined;
  readonly kinks: readonly KinkFound[];
}

/** A tensor of numbers, and what it is called. */
export interface Named {
  readonly name: string;
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** A tensor of slopes by differences, or some of its elements. */
export interface Measured {
  readonly name: string;
  readonly shape: Shape;
  /** Which elements were measured, in row-major order. */
  readonly places: readonly number[];
  readonly slopes: ArrayLike<number>;
  readonly steps: readonly number[];
  /** The largest values met of what the slopes are of, which is what they carry the rounding of. */
  readonly sizes: ArrayLike<number>;
  /** Whether the slopes on the two sides seem to differ. */
  readonly suspects: readonly boolean[];
  /** What the k-th slope is the slope of, at a distance t from the point. */
  curve(k: number): (t: number) => number;
}

/** The error of a derivative below this part of the function's own size is relative to that part: differences tell no more. */
const FLOOR = 1e-3;

/** Differences that leave more doubt than this prove nothing. */
const COARSE = 1e-3;

/** `name[2, 3]` for the element at `place`. */
export function placeName(name: string, shape: Shape, place: number): string {
  if (shape.length === 0) return name;
  const index: number[] = [];
  let rest = place;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return `${name}[${index.join(', ')}]`;
}

/** Holds derivatives against slopes; where they disagree, finer differences decide. */
export function compareSlopes(
  identity: Identity,
  tolerance: number,
  measured: readonly Measured[],
  found: readonly ArrayLike<number>[],
): Comparison {
  const kinks: KinkFound[] = [];
  let worst: Mismatch | undefined;
  const meet = (mismatch: Mismatch): void => {
    if (worst === undefined || !(mismatch.error <= worst.error)) worst = mismatch;
  };
  measured.forEach((tensor, i) => {
    tensor.places.forEach((place, k) => {
      const where = placeName(tensor.name, tensor.shape, place);
      const own = found[i][place];
      const [slope, size, step] = [tensor.slopes[k], tensor.sizes[k], tensor.steps[k]];
      const error = scaledError(own, slope, scaleOf(own, slope, size));
      if (error <= tolerance && !tensor.suspects[k]) {
        meet({ where, expected: slope, found: own, error, step });
        return;
      }
      const curve = tensor.curve(k);
      const fine = refinedSlope(curve, size, step);
      const scale = scaleOf(own, fine.slope, size);
      const sharp = fine.doubt <= COARSE * scale;
      const rest = Math.max(0, Math.abs(own - fine.slope) - fine.error) / scale;
      if (sharp && rest <= tolerance) {
        meet({ where, expected: fine.slope, found: own, error: rest, step: fine.step });
        return;
      }
      const sides = sharp ? undefined : sidesOf(curve, size, step);
      if (sides !== undefined && (sides.kind !== 'corner' || between(own, sides, tolerance * scale)))
        kinks.push({ where, found: own, ...sides });
      else {
        const expected = Number.isFinite(fine.slope) ? fine.slope : slope;
        const wrong = scaledError(own, expected, scaleOf(own, expected, size));
        // Differences too coarse to prove a derivative right do not prove it.
        meet({ where, expected, found: own, error: Math.max(wrong, 2 * tolerance), step: fine.step });
      }
    });
  });
  return conclude(identity, tolerance, worst, kinks);
}

/** Holds two results of the same derivative against each other. */
export function compareNumbers(
  identity: Identity,
  tolerance: number,
  expected: readonly Named[],
  found: readonly ArrayLike<number>[],
): Comparison {
  const scale = largest([...expected.map(({ data }) => data), ...found].map((list) => largest(finite(list))));
  let worst: Mismatch | undefined;
  expected.forEach(({ name, shape, data }, i) => {
    for (let place = 0; place < data.length; place++) {
      const error = agreement(found[i][place], data[place], scale);
      if (worst !== undefined && error <= worst.error) continue;
      worst = { where: placeName(name, shape, place), expected: data[place], found: found[i][place], error };
    }
  });
  return conclude(identity, tolerance, worst, []);
}

/** Holds two inner products of lists of tensors against each other, relative to the sum of their absolute terms. */
export function compareInnerProducts(
  identity: Identity,
  tolerance: number,
  expected: readonly (readonly [ArrayLike<number>, ArrayLike<number>])[],
  found: readonly (readonly [ArrayLike<number>, ArrayLike<number>])[],
): Comparison {
  const [one, other] = [expected, found].map((pairs) => {
    let [value, size] = [0, 0];
    for (const [a, b] of pairs) {
      value += dot(a, b);
      for (let i = 0; i < a.length; i++) size += Math.abs(a[i] * b[i]);
    }
    return { value, size };
  });
  const error = agreement(other.value, one.value, Math.max(one.size, other.size));
  const worst = { where: 'the inner products', expected: one.value, found: other.value, error };
  return conclude(identity, tolerance, worst, []);
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

function conclude(
  identity: Identity,
  tolerance: number,
  worst: Mismatch | undefined,
  kinks: readonly KinkFound[],
): Comparison {
  const error = worst?.error ?? 0;
  return { identity, ok: error <= tolerance, error, tolerance, worst, kinks };
}

/** |a - b| / scale, with 0 / 0 = 0; NaN and differing infinities are infinitely far. */
function scaledError(a: number, b: number, scale: number): number {
  if (a === b) return 0;
  const error = Math.abs(a - b) / scale;
  return Number.isNaN(error) ? Infinity : error;
}

/** {@link scaledError} of two ways to one number, which may both say that there is none. */
function agreement(a: number, b: number, scale: number): number {
  return Number.isNaN(a) && Number.isNaN(b) ? 0 : scaledError(a, b, scale);
}

const finite = (list: ArrayLike<number>): number[] => Array.from(list).filter(Number.isFinite);

/** What an error of a slope is relative to. */
function scaleOf(found: number, slope: number, size: number): number {
  return Math.max(FLOOR * size, largest(finite([found, slope])));
}

/** Whether a derivative is one of the slopes between those of the two sides. */
function between(value: number, { left, right }: Sides, slack: number): boolean {
  return Math.min(left, right) - slack <= value && value <= Math.max(left, right) + slack;
}
