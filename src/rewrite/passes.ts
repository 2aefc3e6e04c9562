/** When graphs are rewritten: before they are differentiated, as derivatives when they come out, and before they are compiled. */
import type { Variable } from '../graph/index.ts';
import { getRewriting, type RewriteLevel } from './level.ts';
import { rewrite } from './rewriter.ts';
import type { Rule } from './rule.ts';
import { collectingRules, defaultRules, finalRules } from './rules/index.ts';
import { RuleTable } from './ruleTable.ts';

/** One table for each level, made when it is first needed. */
function tables(rules: readonly Rule[]): () => RuleTable | undefined {
  const made = new Map<RewriteLevel, RuleTable>();
  return () => {
    const level = getRewriting();
    if (level === 'none') return undefined;
    let table = made.get(level);
    if (table === undefined) {
      table = new RuleTable(rules, level);
      made.set(level, table);
    }
    return table;
  };
}

const stabilizing = tables(defaultRules);
const collecting = tables([...defaultRules, ...collectingRules]);
const final = tables([...finalRules, ...defaultRules]);

/** A graph about to be differentiated, in the form whose derivative is finite and short. Regions stay as they are. */
export function stabilize(outputs: readonly Variable[]): Variable[] {
  const rules = stabilizing();
  return rules === undefined ? [...outputs] : rewrite(outputs, { rules, keepRegions: true });
}

/**
 * Derivatives as they have come out of differentiation, made short, so that the next order does not grow out of hand.
 * @param since the number of a variable made just before differentiation began
 */
export function simplifyDerivatives(outputs: readonly Variable[], since: number): Variable[] {
  const rules = collecting();
  if (rules === undefined) return [...outputs];
  return rewrite(outputs, { rules, keepRegions: true, derivativesSince: since });
}

/** A graph about to be compiled: rewritten, with compositions replaced by what they are composed of. */
export function finalize(outputs: readonly Variable[]): Variable[] {
  const rules = final();
  const rewritten = rules === undefined ? outputs : rewrite(outputs, { rules });
  return rewrite(rewritten, { expand: true });
}
