/** Simplification as users call it. */
import {
  anything,
  at,
  checkOptions,
  DTypeError,
  isVariable,
  kindOf,
  leavesOf,
  mapTree,
} from '../graph/index.ts';
import { checkLevel, getRewriting, type RewriteLevel } from './level.ts';
import { rewrite } from './rewriter.ts';
import type { Rule } from './rule.ts';
import { dataRules, generalRules } from './rules/index.ts';
import { RuleTable } from './ruleTable.ts';
import type { RewriteStep } from './trace.ts';

export interface SimplifyOptions {
  /** How far to go; by default as {@link setRewriting} says. */
  level?: RewriteLevel;
  /** The rules to use, in the order in which they are tried. Default: `dataRules`, then `defaultRules`. */
  rules?: readonly Rule[];
  /** Receives each rule that fires: what it is called, where, and the expression before and after. */
  trace?: RewriteStep[];
}

/**
 * The same numbers by a graph that is shorter and stabler: equal applications merge, operations on known numbers fold,
 * and rules replace what is costly or fragile. `gradients` and `compile` do so by themselves.
 *
 * ```ts
 * const trace: RewriteStep[] = [];
 * const q = simplify(div(exp(x), sum(exp(x), -1, { keepDims: true })), { trace });  // softmax(x)
 * ```
 * @param outputs a Variable, or nested arrays and objects of them
 * @returns the same structure
 * @throws DTypeError for a rule without its list
 * @throws RewriteError where rules rewrite one another's results without end
 */
export function simplify<const T>(outputs: T, options: SimplifyOptions = {}): T {
  checkOptions('simplify', options, { level: anything, rules: anything, trace: anything });
  const { rules = [...dataRules(), ...generalRules()], trace } = options;
  if (!Array.isArray(rules)) {
    throw new DTypeError(
      `simplify: rules is ${kindOf(rules)}; give a list: { rules: [rule({ ... }), ...defaultRules] }${at()}`,
    );
  }
  const level = checkLevel(options.level ?? getRewriting());
  const table = level === 'none' ? undefined : new RuleTable(rules, level);
  const simplified = rewrite(leavesOf(outputs, isVariable), { rules: table, trace, keepRegions: true });
  let next = 0;
  return mapTree(outputs, isVariable, () => simplified[next++]) as T;
}
