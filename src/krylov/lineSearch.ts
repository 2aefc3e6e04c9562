/** Steps along a line that satisfy the strong Wolfe conditions. */

/** The function along the line. */
export interface Sample {
  readonly alpha: number;
  readonly value: number;
  readonly slope: number;
}

/** Sufficient decrease: a value below that of a line of this part of the first slope. */
const C1 = 1e-4;
/** Curvature: a slope of at most this part of the first. */
const C2 = 0.9;
/** More evaluations than this have never helped. */
const TRIALS = 40;

/**
 * A step that satisfies the strong Wolfe conditions phi(a) <= phi(0) + c1 a phi'(0) and |phi'(a)| <= c2 |phi'(0)| with
 * c1 = 1e-4 and c2 = 0.9, up to `noise` in the values: where those no longer tell two places apart, the slopes decide.
 * @param sample the function along the line
 * @param start the sample at 0, its slope negative
 * @param first the step to try first
 * @returns a step, one with sufficient decrease only where there is no better, or undefined where there is none
 * @see Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithms 3.5 and 3.6
 */
export function lineSearch<S extends Sample>(
  sample: (alpha: number) => S,
  start: S,
  first: number,
  noise: number,
): S | undefined {
  let trials = 0;
  const take = (alpha: number): S => {
    trials++;
    return sample(alpha);
  };
  const isHigh = (each: Sample): boolean =>
    !(each.value <= start.value + C1 * each.alpha * start.slope + noise && Number.isFinite(each.slope));
  const isFlat = (each: Sample): boolean => Math.abs(each.slope) <= -C2 * start.slope;

  /** Between a low end, the best so far, and a high one lie steps that satisfy the conditions (algorithm 3.6). */
  const zoom = (low: S, high: S): S | undefined => {
    while (trials < TRIALS && low.alpha !== high.alpha) {
      const middle = take(between(low, high));
      if (isHigh(middle) || middle.value > low.value + noise) {
        high = middle;
        continue;
      }
      if (isFlat(middle)) return middle;
      if (middle.slope * (high.alpha - low.alpha) >= 0) high = low;
      low = middle;
    }
    return low.alpha > 0 ? low : undefined;
  };

  let [before, alpha] = [start, first];
  while (trials < TRIALS) {
    const next = take(alpha);
    if (isHigh(next) || next.value > before.value + noise) return zoom(before, next);
    if (isFlat(next)) return next;
    if (next.slope >= 0) return zoom(next, before);
    [before, alpha] = [next, 2 * alpha];
  }
  return before.alpha > 0 ? before : undefined;
}

/** The minimiser of the cubic through two samples (eq. 3.59), kept away from both ends; the middle where that is no help. */
function between(a: Sample, b: Sample): number {
  const width = b.alpha - a.alpha;
  const d1 = a.slope + b.slope - (3 * (b.value - a.value)) / width;
  const d2 = Math.sign(width) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  const share = 1 - (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  return a.alpha + width * (share <= 0.9 ? Math.max(0.1, share) : 0.5);
}
