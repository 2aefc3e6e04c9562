/** When graphs are rewritten: before they are differentiated, as derivatives when they come out, and before they are compiled. */
import { ancestors, type Variable } from '../graph/index.ts';
import { getRewriting, type RewriteLevel } from './level.ts';
import { rewrite } from './rewriter.ts';
import type { Rule } from './rule.ts';
import { collectingRules, dataRules, finalRules, generalRules } from './rules/index.ts';
import { RuleTable } from './ruleTable.ts';

/** One table for each level, made when it is first needed. */
function tables(rules: () => readonly Rule[]): () => RuleTable | undefined {
  const made = new Map<RewriteLevel, RuleTable>();
  return () => {
    const level = getRewriting();
    if (level === 'none') return undefined;
    let table = made.get(level);
    if (table === undefined) {
      table = new RuleTable(rules(), level);
      made.set(level, table);
    }
    return table;
  };
}

/** No more passes than this over a derivative, and a single one where it is larger than `LARGE`: that is many layers, not many orders. */
const PASSES = 4;
const LARGE = 1000;

const stabilizing = tables(() => [...dataRules(), ...generalRules()]);
const collecting = tables(() => [...dataRules(), ...generalRules(), ...collectingRules()]);
const final = tables(() => [...finalRules(), ...generalRules()]);

/** A graph about to be differentiated, in the form whose derivative is finite and short. Regions stay as they are. */
export function stabilize(outputs: readonly Variable[]): Variable[] {
  const rules = stabilizing();
  return rules === undefined ? [...outputs] : rewrite(outputs, { rules, keepRegions: true });
}

/**
 * Derivatives as they have come out of differentiation, made short, so that the next order does not grow out of hand.
 *
 * To collect like terms and take out common factors mostly makes a graph shorter, but sometimes longer: what two sums had
 * in common may be lost. So it is done, and undone where it did not pay.
 * @param since the number of a variable made just before differentiation began
 */
export function simplifyDerivatives(outputs: readonly Variable[], since: number): Variable[] {
  const rules = stabilizing();
  const all = collecting();
  if (rules === undefined || all === undefined) return [...outputs];
  const options = { keepRegions: true, derivativesSince: since };
  let collected = false;
  let short: readonly Variable[] = outputs;
  // What a rule has done away with may have been the second reader of a term, which can then be collected.
  const passes = sizeOf(outputs) > LARGE ? 1 : PASSES;
  for (let pass = 0, fired = true; fired && pass < passes; pass++) {
    fired = false;
    const watch = (rule: Rule): void => {
      fired = true;
      collected ||= collectingRules().includes(rule);
    };
    short = rewrite(short, { ...options, rules: all, watch });
  }
  if (!collected || passes === 1) return [...short];
  const asMade = rewrite(outputs, { ...options, rules });
  return sizeOf(asMade) < sizeOf(short) ? asMade : [...short];
}

function sizeOf(outputs: readonly Variable[]): number {
  return ancestors(outputs).applications.length;
}

/** A graph about to be compiled: rewritten, with compositions replaced by what they are composed of. */
export function finalize(outputs: readonly Variable[]): Variable[] {
  const rules = final();
  const rewritten = rules === undefined ? outputs : rewrite(outputs, { rules });
  return rewrite(rewritten, { expand: true });
}
