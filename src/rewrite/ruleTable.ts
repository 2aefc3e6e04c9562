/** Rules by what they are tried on. */
import { type Application, DTYPES, type DType, type Operation } from '../graph/index.ts';
import { LEVELS, type RewriteLevel } from './level.ts';
import { isFor, type Rule } from './rule.ts';

export class RuleTable {
  private readonly table = new Map<Rule['on'], Rule[]>();
  /** Lists that have been asked for. */
  private readonly found = Object.fromEntries(
    DTYPES.map((dtype) => [dtype, new WeakMap<Operation, readonly Rule[]>()]),
  ) as Record<DType, WeakMap<Operation, readonly Rule[]>>;

  constructor(rules: readonly Rule[], level: RewriteLevel) {
    for (const each of rules) {
      if (LEVELS.indexOf(each.class) > LEVELS.indexOf(level)) continue;
      const list = this.table.get(each.on);
      if (list === undefined) this.table.set(each.on, [each]);
      else list.push(each);
    }
  }

  /** The rules to try on an application, in their order: those about its operation, then those about its kind. */
  for({ operation, outputs }: Application): readonly Rule[] {
    if (outputs.length !== 1) return [];
    const [{ dtype }] = outputs;
    const known = this.found[dtype].get(operation);
    if (known !== undefined) return known;
    const about = [operation, operation.computation.kind] as readonly Rule['on'][];
    const list = about.flatMap((on) => this.table.get(on) ?? []).filter((each) => isFor(each, dtype));
    this.found[dtype].set(operation, list);
    return list;
  }
}
