/** Options of the command as values: each parser turns away what it cannot use, and says what it wants. */
import { InvalidArgumentError } from 'commander';
import type { FloatDType } from '../graph/index.ts';
import { UsageError } from './io.ts';

/** A whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Give a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A finite number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('Give a number above 0.');
  }
  return value;
}

/** A finite number of at least 0. */
export function numberFromZero(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('Give a number of at least 0.');
  }
  return value;
}

/** Sizes of layers: hidden ones alone, or all from the inputs to the classes. */
export interface Layers {
  readonly sizes: readonly number[];
  /** Whether the first and the last size are those of inputs and classes. */
  readonly whole: boolean;
}

/** `128` and `300,100` are hidden sizes; `784-300-10` also states the inputs and the classes. */
export function layerSizes(text: string): Layers {
  const whole = text.includes('-');
  const parts = text.split(whole ? '-' : ',').map((part) => part.trim());
  const sizes = parts.map(Number);
  if (parts.some((part) => !/^\d+$/.test(part)) || sizes.some((size) => size < 1 || size > 1e6)) {
    throw new InvalidArgumentError(
      'Give hidden sizes such as 128 or 300,100, or all sizes such as 784-300-10.',
    );
  }
  return { sizes, whole };
}

/**
 * All sizes of a network for data with so many inputs and classes.
 * @throws UsageError where sizes that were stated do not fit the data
 */
export function completeLayers({ sizes, whole }: Layers, inputs: number, classes: number): number[] {
  if (!whole) return [inputs, ...sizes, classes];
  const [first, last] = [sizes[0], sizes[sizes.length - 1]];
  if (first !== inputs || last !== classes) {
    const what = first !== inputs ? `${inputs} inputs, not ${first}` : `${classes} classes, not ${last}`;
    throw new UsageError(
      `--layers ${sizes.join('-')}: the data has ${what}; use ${[inputs, ...sizes.slice(1, -1), classes].join('-')}`,
    );
  }
  return [...sizes];
}

/** `x=784,W=4x3`: shapes of variables. */
export function shapes(text: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const part of text.split(',')) {
    const match = /^\s*([\p{L}_][\p{L}\p{N}_]*)\s*=\s*(\d+(?:x\d+)*)\s*$/u.exec(part);
    if (match === null) {
      throw new InvalidArgumentError(
        `"${part.trim()}" is not of the form name=shape, as in x=784 or W=784x10.`,
      );
    }
    if (found.has(match[1])) throw new InvalidArgumentError(`${match[1]} is given twice.`);
    found.set(match[1], match[2].split('x').map(Number));
  }
  return found;
}

export const FLOATS: readonly FloatDType[] = ['float32', 'float64'];
