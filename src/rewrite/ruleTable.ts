/** Rules by what they are tried on. */
import type { Application } from '../graph/index.ts';
import { LEVELS, type RewriteLevel } from './level.ts';
import { isFor, type Rule } from './rule.ts';

export class RuleTable {
  private readonly table = new Map<Rule['on'], Rule[]>();

  constructor(rules: readonly Rule[], level: RewriteLevel) {
    for (const each of rules) {
      if (LEVELS.indexOf(each.class) > LEVELS.indexOf(level)) continue;
      const list = this.table.get(each.on);
      if (list === undefined) this.table.set(each.on, [each]);
      else list.push(each);
    }
  }

  /** The rules to try on an application, in their order: those about its operation, then those about its kind. */
  *for({ operation, outputs }: Application): Iterable<Rule> {
    if (outputs.length !== 1) return;
    const { kind } = operation.computation;
    for (const on of [operation, kind] as Rule['on'][])
      for (const each of this.table.get(on) ?? []) if (isFor(each, outputs[0].dtype)) yield each;
  }
}
