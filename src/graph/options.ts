/** Options of functions, checked where they are given. */
import { ChainruleError } from './errors.ts';
import { at } from './site.ts';

/** What an option must be: the test, and the words for it. */
export interface Requirement {
  readonly words: string;
  accepts(value: unknown): boolean;
}

/** A finite number of at least 0. */
export const atLeastZero: Requirement = {
  words: 'a finite number of at least 0',
  accepts: (value) => Number.isFinite(value) && (value as number) >= 0,
};

/** A finite number above 0. */
export const aboveZero: Requirement = {
  words: 'a finite number above 0',
  accepts: (value) => Number.isFinite(value) && (value as number) > 0,
};

/** A whole number of at least 0. */
export const wholeNumber: Requirement = {
  words: 'a whole number of at least 0',
  accepts: (value) => Number.isInteger(value) && (value as number) >= 0,
};

/** A count that may be 0, or without limit. */
export const limit: Requirement = {
  words: 'a whole number of at least 0, or Infinity',
  accepts: (value) => value === Infinity || wholeNumber.accepts(value),
};

/** A whole number of at least 1. */
export const positiveInteger: Requirement = {
  words: 'a whole number of at least 1',
  accepts: (value) => Number.isInteger(value) && (value as number) >= 1,
};

/** A share of the past to keep: 0 <= x < 1. */
export const belowOne: Requirement = {
  words: 'a number from 0 up to, but not including, 1',
  accepts: (value) => atLeastZero.accepts(value) && (value as number) < 1,
};

/** true or false. */
export const flag: Requirement = {
  words: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

/** One of these words. */
export function oneOf(...words: readonly string[]): Requirement {
  return {
    words: words.map((word) => `'${word}'`).join(' or '),
    accepts: (value) => words.includes(value as string),
  };
}

/** A function. */
export const aFunction: Requirement = {
  words: 'a function',
  accepts: (value) => typeof value === 'function',
};

/** Anything: checked elsewhere. */
export const anything: Requirement = { words: 'anything', accepts: () => true };

/**
 * Checks the options that are given, and those that must be, against their requirements.
 * @throws ChainruleError naming the first option that is wrong or missing, or that the method does not know
 */
export function checkOptions(
  method: string,
  options: object,
  requirements: { readonly [name: string]: Requirement },
  needed: readonly string[] = [],
): void {
  const known = Object.keys(requirements).join(', ');
  if (typeof options !== 'object' || options === null) {
    throw new ChainruleError(
      `${method}: the options are ${String(options)}; give them by name, in an object: ${known}${at()}`,
    );
  }
  const missing = Object.fromEntries(needed.map((name) => [name, undefined]));
  for (const [name, value] of Object.entries({ ...missing, ...options })) {
    if (!Object.hasOwn(requirements, name)) {
      throw new ChainruleError(`${method}: there is no option ${name}; use ${known}${at()}`);
    }
    if ((value !== undefined || needed.includes(name)) && !requirements[name].accepts(value)) {
      throw new ChainruleError(
        `${method}: ${name} is ${String(value)}; it must be ${requirements[name].words}${at()}`,
      );
    }
  }
}
