/** The language of rewrite rules, for users who write their own; `simplify` takes them. */
import type { Rule } from './rule.ts';
import { generalRules } from './rules/index.ts';

export { getRewriting, type RewriteLevel, setRewriting, withRewriting } from './level.ts';
export {
  checkedRule as rule,
  type Family,
  type Place,
  type Rule,
  type RuleClass,
  type RuleDTypes,
  type RuleParts,
} from './rule.ts';
export { type SimplifyOptions, simplify } from './simplify.ts';
export {
  type Applied,
  type AttributesTerm,
  applied,
  attributes,
  type Bindings,
  type NumberTerm,
  number,
  type Term,
  terms,
  type Unknown,
  unknown,
} from './term.ts';
export type { RewriteStep } from './trace.ts';

/** The rules that hold anywhere, in the order in which they are tried. */
export const defaultRules: readonly Rule[] = generalRules();
