/** What rules ask of the places where they would fire. */
import { sameShape } from '../../graph/index.ts';
import type { Rule } from '../rule.ts';

/** That these unknowns have the shape of the result: what moves from them to it is done to as many elements as before. */
export function isUnstretched(...names: readonly string[]): NonNullable<Rule['where']> {
  return ({ variables }, { application: { outputs } }) =>
    names.every((name) => sameShape(variables[name].shape, outputs[0].shape));
}
