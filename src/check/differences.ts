/** Numerical differentiation: what derivative rules are held against. */
import { EPSILON, type TypedArray } from '../graph/index.ts';
import { largest } from './measures.ts';

/** Large enough to keep rounding small, since the error of {@link slopesAlong} is of order h^6. */
export const STEP = 0.006;

/** Richardson extrapolation of central differences with steps h, h/2 and h/4. */
function extrapolate(coarse: number, middle: number, fine: number): number {
  const first = (4 * middle - coarse) / 3;
  const second = (4 * fine - middle) / 3;
  return (16 * second - first) / 15;
}

/**
 * df/dx by central differences with steps h, h/2 and h/4, extrapolated twice (Richardson): the error is of order
 * h^6, so a step large enough to keep rounding small can be taken.
 */
export function derivative(f: (x: number) => number, x: number, h = STEP): number {
  const central = (step: number): number => (f(x + step) - f(x - step)) / (2 * step);
  return extrapolate(central(h), central(h / 2), central(h / 4));
}

/** The partial derivatives of f, by {@link derivative} along each element of `at` (which is left as it was). */
export function numericalGradient(f: () => number, at: TypedArray, h?: number): Float64Array {
  return Float64Array.from(at, (value, i) => {
    const slope = derivative(
      (moved) => {
        at[i] = moved;
        return f();
      },
      value,
      h,
    );
    at[i] = value;
    return slope;
  });
}

/** Several numbers as functions of the distance t from a point. */
export type Curve = (t: number) => Float64Array;

/** The slopes of the numbers of a curve at 0, one of each for every number. */
export interface Slopes {
  readonly slopes: Float64Array;
  /** The largest value met. */
  readonly sizes: Float64Array;
  /** Whether the slopes on the two sides seem not to meet; see {@link sidesOf}. */
  readonly suspects: readonly boolean[];
}

/** Rounding of differences is of this size, relative to the values. */
const NOISE = 8 * EPSILON.float64;

/** A bend smaller than this, relative to the values, is not told from rounding. */
const FAINT = 1e3 * NOISE;

/** {@link derivative} of all numbers of a curve at once. */
export function slopesAlong(curve: Curve, h = STEP): Slopes {
  const middle = curve(0);
  const values = [h, h / 2, h / 4].map((step) => ({ after: curve(step), before: curve(-step), step }));
  const slopes = middle.map((_, i) => {
    const [coarse, half, fine] = values.map(({ after, before, step }) => (after[i] - before[i]) / (2 * step));
    return extrapolate(coarse, half, fine);
  });
  const sizes = middle.map((value, i) =>
    largest(values.flatMap(({ after, before }) => [value, after[i], before[i]]).filter(Number.isFinite)),
  );
  const suspects = Array.from(middle, (value, i) => {
    const [wide, , narrow] = values.map(({ after, before }) => after[i] - value + (before[i] - value));
    return isBent(wide, narrow, FAINT * sizes[i]);
  });
  return { slopes, sizes, suspects };
}

/**
 * Whether the two sides do not meet in one slope within the step: f(h) + f(-h) - 2 f(0) of a smooth function falls with the
 * square of h, of a corner with h, of a jump not at all.
 * @param wide that sum for a step
 * @param narrow and for a quarter of it
 * @param least what is too small to be told from rounding
 */
function isBent(wide: number, narrow: number, least: number): boolean {
  return Math.abs(narrow) > 0.15 * Math.abs(wide) && Math.abs(narrow) > least;
}

/** The slope at 0 of one number, as well as differences can tell. */
export interface Slope {
  readonly slope: number;
  /** What of it may be truncation or rounding. */
  readonly error: number;
  /** By how much the slopes on the two sides may differ, unseen; infinite where they are seen to. */
  readonly doubt: number;
  readonly step: number;
}

/**
 * The slope at 0 with the step that leaves the least doubt, among ever smaller ones: for functions that vary on a scale
 * below `h`, or have a corner or a border within it.
 * @param size of the values whose rounding f carries
 */
export function refinedSlope(f: (t: number) => number, size: number, h = STEP): Slope {
  const middle = f(0);
  let best: Slope = { slope: Number.NaN, error: Infinity, doubt: Infinity, step: h };
  for (let k = 0; k < 14; k++) {
    const step = h / 8 ** k;
    const values = [step, step / 2, step / 4].map((t) => ({ after: f(t), before: f(-t), t }));
    const [coarse, half, fine] = values.map(({ after, before, t }) => (after - before) / (2 * t));
    const [wide, , narrow] = values.map(({ after, before }) => after - middle + (before - middle));
    const slope = extrapolate(coarse, half, fine);
    const error = Math.abs(slope - (4 * fine - half) / 3) + (NOISE * size) / step;
    const doubt = isBent(wide, narrow, FAINT * size) ? Infinity : error + (FAINT * size) / step;
    if (doubt < best.doubt) best = { slope, error, doubt, step };
  }
  return best;
}

/** A point without a derivative, and the slopes on its two sides. */
export interface Sides {
  /** The slopes differ; they grow without bound; or one side has no values. */
  readonly kind: 'corner' | 'jump' | 'border';
  readonly left: number;
  readonly right: number;
}

/**
 * The one-sided slopes at 0, if they do not settle on one number as the step shrinks.
 * @param size of the values whose rounding f carries
 */
export function sidesOf(f: (t: number) => number, size: number, h = STEP): Sides | undefined {
  const middle = f(0);
  const oneSided = (step: number): number => (4 * f(step) - f(2 * step) - 3 * middle) / (2 * step);
  const [wide, narrow] = [h / 600, h / 60000].map((step) => ({
    left: oneSided(-step),
    right: oneSided(step),
  }));
  const { left, right } = narrow;
  if (![left, right].every(Number.isFinite)) return { kind: 'border', left, right };
  const noise = (10 * NOISE * size) / (h / 60000);
  // Of a smooth function the two slopes approach each other as the square of the step, and stay the same themselves.
  const grows = (a: number, b: number): boolean => Math.abs(a) > noise && Math.abs(a) > 5 * Math.abs(b);
  if (grows(left, wide.left) || grows(right, wide.right)) return { kind: 'jump', left, right };
  const gap = Math.abs(right - left);
  const parts = gap > noise && gap > 0.3 * Math.abs(wide.right - wide.left);
  return parts ? { kind: 'corner', left, right } : undefined;
}
