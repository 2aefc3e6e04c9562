/** A loop that ends when its numbers say so. */

import type { Argument } from '../autodiff/index.ts';
import { anything, at, checkOptions, input, ShapeError, type Variable } from '../graph/index.ts';
import { type TracedCarry, traceCarry } from './carry.ts';
import { cond, predicateOf } from './cond.ts';
import { makeLoop } from './loop.ts';
import { scan } from './scan.ts';

export interface WhileOptions {
  /** Ends after so many rounds at the latest. With a limit the loop can be differentiated in reverse. */
  maxIterations?: number;
}

/**
 * `carry = body(carry)` as long as `condition(carry)` holds; returns the last carry, `init` if it never holds.
 *
 * ```ts
 * const root = whileLoop(
 *   (x: Variable) => greater(abs(sub(mul(x, x), a)), 1e-12),
 *   (x: Variable) => div(add(x, div(a, x)), 2),            // Newton's iteration for the square root of a
 *   1,
 * );
 * ```
 * Both functions are called on symbols; they may use any Variables from outside, and what does not depend on the carry is
 * computed once. Forward mode and `vmap` go through; a batch goes on until all of its elements are done.
 *
 * Reverse mode needs to know how many rounds there may be: give `maxIterations`, and the loop becomes a `scan` of so many
 * rounds in which those after the end do nothing. Then a NaN beyond the end cannot leak into a gradient.
 * @param condition gives a bool scalar
 * @param init a tensor or nested arrays and objects of them; every round keeps their shapes and dtypes. Plain numbers take
 *   the dtype that `body` gives them; a list of plain numbers is one vector
 * @throws ShapeError or DTypeError where `body` changes the carry's type, or `condition` gives no bool scalar
 */
export function whileLoop<C>(
  condition: (carry: C) => Variable,
  body: (carry: C) => C,
  init: Argument<NoInfer<C>>,
  options: WhileOptions = {},
): C {
  checkOptions('whileLoop', options, { maxIterations: anything });
  const { maxIterations } = options;
  const traced = traceCarry('whileLoop', init, (carry) => ({ next: body(carry), rest: undefined }));
  if (maxIterations !== undefined) return limited(condition, body, traced, maxIterations);
  const test = (carry: readonly Variable[]): Variable =>
    predicateOf('whileLoop', condition(traced.fill(carry)));
  const { finals } = makeLoop({
    carries: [
      { placeholder: input([], { dtype: 'bool' }), init: test(traced.inits), next: test(traced.nexts) },
      ...traced.placeholders.map((placeholder, i) => ({
        placeholder,
        init: traced.inits[i],
        next: traced.nexts[i],
      })),
    ],
    slices: [],
    stacked: [],
    rounds: {},
    conditional: true,
    recompute: false,
  });
  return traced.fill(finals.slice(1));
}

/** The loop as a scan whose rounds do nothing once the condition fails. */
function limited<C>(
  condition: (carry: C) => Variable,
  body: (carry: C) => C,
  { inits, fill }: TracedCarry<unknown>,
  maxIterations: number,
): C {
  if (!Number.isInteger(maxIterations) || maxIterations < 0) {
    throw new ShapeError(
      `whileLoop: maxIterations is ${maxIterations}; give a whole number of at least 0${at()}`,
    );
  }
  const [last] = scan(
    (carry: any) => {
      const goesOn = predicateOf('whileLoop', condition(carry));
      return [cond(goesOn, body as (carry: any) => any, (same) => same, carry), null] as const;
    },
    fill(inits),
    null,
    { length: maxIterations },
  );
  return last;
}
