/** What rewriting did, step by step. */
import { getOperation, Parameter, type Site, scalarText, type Variable } from '../graph/index.ts';
import { attributeTexts } from '../graph/printing.ts';
import type { Rule, RuleClass } from './rule.ts';

/** One rule that fired. */
export interface RewriteStep {
  readonly rule: string;
  readonly class: RuleClass;
  /** The user's line that asked for what was rewritten. */
  readonly site: Site;
  /** The expression that was there, and the one that took its place, a few operations deep. */
  readonly before: string;
  readonly after: string;
}

/** How many operations deep a step shows expressions. */
const DEPTH = 4;

/** The step that a rule has taken. @param found what its unknowns stand for, which are shown by their names alone */
export function stepOf(
  { name, class: ruleClass }: Rule,
  before: Variable,
  after: Variable,
  found: Readonly<Record<string, Variable>>,
): RewriteStep {
  const names = new Map(
    Object.entries(found).flatMap(([unknown, each]) =>
      scalarText(each) === undefined ? [[each, nameOf(each) ?? unknown] as const] : [],
    ),
  );
  const site = (getOperation(before) as { site: Site }).site;
  return {
    rule: name,
    class: ruleClass,
    site,
    before: expressionText(before, names),
    after: expressionText(after, names),
  };
}

function nameOf(variable: Variable): string | undefined {
  if (variable instanceof Parameter) return variable.name;
  return variable.source.kind === 'input' ? variable.source.name : undefined;
}

/** `log(add(1, exp(x)))`; what lies deeper is `...`. Expressions are shown a few operations deep, so this may recurse. */
export function expressionText(
  variable: Variable,
  names: ReadonlyMap<Variable, string> = new Map(),
  depth = DEPTH,
): string {
  const name = names.get(variable) ?? scalarText(variable) ?? nameOf(variable);
  if (name !== undefined) return name;
  const application = getOperation(variable);
  if (application === undefined) return variable.source.kind;
  if (depth === 0) return '...';
  const operands = application.inputs.map((each) => expressionText(each, names, depth - 1));
  return `${application.operation.name}(${[...operands, ...attributeTexts(application)].join(', ')})`;
}
