/** Options of optimisers, checked where they are given. */
import { at, ChainruleError } from '../graph/index.ts';

/** What an option must be: the test, and the words for it. */
export interface Requirement {
  readonly words: string;
  accepts(value: unknown): boolean;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** A finite number of at least 0. */
export const atLeastZero: Requirement = {
  words: 'a finite number of at least 0',
  accepts: (value) => isNumber(value) && value >= 0,
};

/** A share of the past to keep: 0 <= x < 1. */
export const belowOne: Requirement = {
  words: 'a number from 0 up to, but not including, 1',
  accepts: (value) => isNumber(value) && value >= 0 && value < 1,
};

/** true or false. */
export const flag: Requirement = {
  words: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

/**
 * Checks every option against its requirement.
 * @throws ChainruleError naming the first option that is wrong, or that the optimiser does not know
 */
export function checkOptions<O extends object>(
  optimizer: string,
  given: object,
  options: O,
  requirements: { readonly [K in keyof O]: Requirement },
): void {
  const known = Object.keys(requirements);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ChainruleError(`${optimizer}: there is no option ${unknown}; use ${known.join(', ')}${at()}`);
  }
  for (const name of known as (keyof O & string)[]) {
    const value: unknown = options[name];
    if (!requirements[name].accepts(value)) {
      throw new ChainruleError(
        `${optimizer}: ${name} is ${String(value)}; it must be ${requirements[name].words}${at()}`,
      );
    }
  }
}
