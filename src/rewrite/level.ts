/** How far rewriting goes. */
import { at, ChainruleError } from '../graph/index.ts';
import type { RuleClass } from './rule.ts';

/** No rules at all, or those of a class and of the classes before it. */
export type RewriteLevel = 'none' | RuleClass;

export const LEVELS: readonly RewriteLevel[] = ['none', 'exact', 'removesSingularity', 'fastMath'];

let current: RewriteLevel = 'removesSingularity';

/** @throws ChainruleError for what is no level */
export function checkLevel(level: RewriteLevel): RewriteLevel {
  if (!LEVELS.includes(level))
    throw new ChainruleError(`rewriting: no level ${String(level)}; use ${LEVELS.join(', ')}${at()}`);
  return level;
}

/**
 * How far graphs are rewritten, from now on, before they are differentiated and before they are compiled: `none`; `exact`;
 * `removesSingularity` (the default: also where the formula as it is written divides by zero or overflows); `fastMath` (also
 * what may lose a NaN or a few digits).
 * @throws ChainruleError for any other word
 */
export function setRewriting(level: RewriteLevel): void {
  current = checkLevel(level);
}

export function getRewriting(): RewriteLevel {
  return current;
}

/** What `body` returns, with rewriting at `level` while it runs. */
export function withRewriting<T>(level: RewriteLevel, body: () => T): T {
  const before = current;
  setRewriting(level);
  try {
    return body();
  } finally {
    current = before;
  }
}
