/** What is known of the derivatives of values that go round in a loop, where each round may add to it. */
import { disconnected, type Gradient, isFloat, undefinedGradient, Variable } from '../graph/index.ts';

/** From knowing nothing to knowing too much: a sum is of the highest rank among its terms. */
function rank(gradient: Gradient): number {
  if (gradient instanceof Variable) return 2;
  return gradient.gradient === 'undefined' ? 3 : gradient.gradient === 'zero' ? 1 : 0;
}

/** The one of two answers that decides what their sum is: undefined, an expression, zero, disconnected. */
export function stronger(a: Gradient, b: Gradient): Gradient {
  return rank(b) > rank(a) ? b : a;
}

/** What comes in at a body's output: `seed` for an expression. An integer has no gradient, and says so to what made it. */
export function incomingAt(output: Variable, gradient: Gradient, seed: Variable): Gradient {
  if (!(gradient instanceof Variable)) return gradient;
  return isFloat(output.dtype) ? seed : undefinedGradient(`${output.dtype} has no tangent space`);
}

export interface Settled<T> {
  /** What each carry comes with, in any of the rounds. An expression stands for some expression. */
  readonly carries: readonly Gradient[];
  /** What `round` made of that. */
  readonly made: T;
}

/**
 * The least fixed point: which carries have a derivative at all, be it only after some rounds.
 * @param start what they have before the first round
 * @param round one round, given what the carries come with; with what they have after it
 */
export function settle<T>(
  start: readonly Gradient[],
  round: (carries: readonly Gradient[]) => { made: T; after: readonly (Gradient | undefined)[] },
): Settled<T> {
  let carries = start;
  for (;;) {
    const { made, after } = round(carries);
    const next = carries.map((each, i) => stronger(each, after[i] ?? disconnected));
    if (next.every((each, i) => rank(each) === rank(carries[i]))) return { carries, made };
    carries = next;
  }
}
