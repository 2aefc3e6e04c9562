/** What a scalar formula consists of. */
import type { ScalarFunction, ScalarLanguage } from '../graph/index.ts';

/** The functions of values that a formula applies, in order, each as often as it does: not literals, coordinates or conversions. */
export function functionsOf<A>(
  formula: (k: ScalarLanguage<null>, inputs: readonly null[], attributes: A) => null,
  operands: number,
  attributes: A,
): ScalarFunction[] {
  const names: ScalarFunction[] = [];
  const language = new Proxy({} as ScalarLanguage<null>, {
    get: (_, name) => () => {
      if (name !== 'literal' && name !== 'index' && name !== 'cast') names.push(name as ScalarFunction);
      return null;
    },
  });
  formula(language, new Array<null>(operands).fill(null), attributes);
  return names;
}
