/** What a scalar formula consists of. */
import type { Application, ScalarFunction, ScalarLanguage } from '../graph/index.ts';

type Formula<A> = (k: ScalarLanguage<null>, inputs: readonly null[], attributes: A) => null;

/** All that a formula takes from the scalar language, in order, each word as often as it does. */
function wordsOf<A>(formula: Formula<A>, operands: number, attributes: A): (keyof ScalarLanguage<null>)[] {
  const words: (keyof ScalarLanguage<null>)[] = [];
  const language = new Proxy({} as ScalarLanguage<null>, {
    get: (_, word) => () => {
      words.push(word as keyof ScalarLanguage<null>);
      return null;
    },
  });
  formula(language, new Array<null>(operands).fill(null), attributes);
  return words;
}

/** The functions of values that a formula applies, in order: not literals, coordinates or conversions. */
export function functionsOf<A>(formula: Formula<A>, operands: number, attributes: A): ScalarFunction[] {
  const isFunction = (word: string): word is ScalarFunction =>
    word !== 'literal' && word !== 'index' && word !== 'cast';
  return wordsOf(formula, operands, attributes).filter(isFunction);
}

/** Whether a formula asks for the place of the element that it computes. */
export function asksForPlace({ operation: { computation }, inputs, attributes }: Application): boolean {
  return (
    computation.kind === 'elementwise' &&
    wordsOf(computation.formula, inputs.length, attributes).includes('index')
  );
}
