/** What a check found, for people to read. */
import { at } from '../graph/index.ts';
import type { Comparison, Identity, KinkFound } from './compare.ts';

/** A report as an error's message, with the user's line. */
export function signed(report: { toString(): string }): string {
  const line = at();
  return `${report.toString()}${line === '' ? '' : `\n  checked${line}`}`;
}

/** What each identity holds against what. */
export const IDENTITIES: Record<Identity, string> = {
  reverse: 'reverse mode against differences',
  forward: 'forward mode against differences',
  transpose: 'forward mode against reverse mode',
  second: 'second derivatives against differences',
  mixed: 'second derivatives, forward over reverse against reverse over reverse',
};

/** Two digits: `1.2e-11`; 0 as it is. */
export function shortNumber(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}

/** `expected 4.2, found 2.1 at argument 0[2] (relative error 5.0e-1, differences with step 6.0e-3)`. */
export function describeWorst({ worst }: Comparison): string {
  if (worst === undefined) return 'nothing to compare';
  const step = worst.step === undefined ? '' : `, differences with step ${shortNumber(worst.step)}`;
  return (
    `expected ${worst.expected}, found ${worst.found} at ${worst.where} ` +
    `(relative error ${shortNumber(worst.error)}${step})`
  );
}

/** `corner at argument 0[1]: slope 0 on the left, 1 on the right; the derivative answered is 0`. */
export function describeKink({ kind, where, left, right, found }: KinkFound): string {
  const slopes = [left, right].map((slope) => Number(slope.toPrecision(4)));
  const what = {
    corner: `corner at ${where}: slope ${slopes[0]} on the left, ${slopes[1]} on the right`,
    jump: `jump or infinite slope at ${where}`,
    border: `border of the domain at ${where}`,
  };
  return `${what[kind]}; the derivative answered is ${found}`;
}

/** All comparisons, one a line, then the kinks. */
export function renderComparisons(title: string, comparisons: readonly Comparison[]): string {
  const lines = comparisons.flatMap((comparison) => {
    const { identity, ok, error, tolerance } = comparison;
    const head = `  ${ok ? 'ok    ' : 'FAILED'} ${IDENTITIES[identity]}: `;
    if (ok) return [`${head}largest relative error ${shortNumber(error)}`];
    return [
      `${head}relative error ${shortNumber(error)}, at most ${shortNumber(tolerance)} is allowed`,
      `         ${describeWorst(comparison)}`,
    ];
  });
  const kinks = comparisons.flatMap(({ identity, kinks: found }) =>
    found.map((kink) => `         ${IDENTITIES[identity]}: ${describeKink(kink)}`),
  );
  const shown = kinks.slice(0, 5);
  if (kinks.length > 5) shown.push(`         and ${kinks.length - 5} more`);
  if (kinks.length > 0)
    lines.push('  not differentiable, so not compared (move the point away to check there):', ...shown);
  return [title, ...lines].join('\n');
}
