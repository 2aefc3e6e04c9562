/** Rules: what is replaced by what, where that is right, and in what sense. */
import {
  type Application,
  at,
  type DType,
  isFloat,
  type Operation,
  RewriteError,
  type Variable,
} from '../graph/index.ts';
import type { Sample } from '../operations/declare.ts';
import { costOfTerm, costText, falls } from './cost.ts';
import type { Applied, Bindings, Term } from './term.ts';
import { termText } from './term.ts';

/**
 * In what sense both sides of a rule are equal.
 *
 * - `exact`: for all numbers, infinities and NaN among them, up to rounding (zeros of either sign count as equal);
 * - `removesSingularity`: wherever the left side stays finite. Where it divides by zero, overflows or takes the logarithm
 *   of what has underflowed, the right side still has the value that the formula has in real numbers;
 * - `fastMath`: in real numbers, but rounding may differ more, or a NaN or an infinity get lost.
 */
export type RuleClass = 'exact' | 'removesSingularity' | 'fastMath';

/** The dtypes of the results that a rule is for. */
export type RuleDTypes = 'float' | 'integer' | 'number' | 'any';

/** What a rule may ask of the place where it would fire, beyond what it has matched. */
export interface Place {
  readonly application: Application;
  /** How many applications and results read a variable, as far as is known. */
  uses(variable: Variable): number;
  /** How many rules have fired so far in the place of one application of the graph as it was. */
  readonly steps: number;
  /** Whether a variable was made by differentiation. */
  isDerivative(variable: Variable): boolean;
}

/** Kinds of operations that a rule may be about, in the place of a single one. */
export type Family = 'elementwise' | 'view' | 'reduction';

export interface Rule {
  readonly name: string;
  readonly class: RuleClass;
  readonly dtypes: RuleDTypes;
  /** What it is tried on: applications of this operation, or of this kind. */
  readonly on: Operation | Family;
  readonly pattern?: Applied;
  /** Where the pattern fits, whether the rule is right there. */
  readonly where?: (found: Bindings, place: Place) => boolean;
  /** A term; or a procedure that builds what stands in place, or undefined where the rule does not apply. */
  readonly replacement: Term | ((found: Bindings, place: Place) => Variable | undefined);
  /** Both sides in words or symbols, for a rule that is a procedure. */
  readonly says?: string;
  /** Places where it fires, drawn from these domains: for its tests and its row in the docs. */
  readonly examples: readonly RuleExample[];
}

/** A graph in which the rule fires at the last operation. `call` is given the inputs, drawn as those of an operation's samples. */
export type RuleExample = Omit<Sample, 'torch'>;

export interface RuleParts extends Omit<Rule, 'on' | 'dtypes' | 'examples'> {
  /** Needed where there is no pattern. */
  readonly on?: Operation | Family;
  /** Default `float`. */
  readonly dtypes?: RuleDTypes;
  readonly examples?: readonly RuleExample[];
}

/**
 * Makes a rule of the library, whose cost falls: a test says so of all of them, so that no program has to.
 * @throws RewriteError if there is nothing that it is tried on
 */
export function rule(parts: RuleParts): Rule {
  const { name, pattern, dtypes = 'float', examples = [] } = parts;
  const on = parts.on ?? pattern?.operation;
  if (on === undefined)
    throw new RewriteError(`rule "${name}": neither a pattern nor what it is tried on${at()}`);
  return { ...parts, on, dtypes, examples };
}

/**
 * Makes a rule.
 * @throws RewriteError if both sides are terms and the cost does not fall: it could fire for ever
 */
export function checkedRule(parts: RuleParts): Rule {
  const made = rule(parts);
  const { name, pattern, replacement } = made;
  if (pattern === undefined || typeof replacement === 'function') return made;
  const [before, after] = [costOfTerm(pattern), costOfTerm(replacement)];
  if (falls(before, after)) return made;
  throw new RewriteError(
    `rule "${name}": ${termText(pattern)} costs ${costText(before)}, and ${termText(replacement)} costs ` +
      `${costText(after)}: the cost of a rule must fall, or rules could undo one another for ever; turn it round, or ` +
      `leave it out${at()}`,
  );
}

/** Whether a rule is for results of this dtype. */
export function isFor({ dtypes }: Rule, dtype: DType): boolean {
  switch (dtypes) {
    case 'float':
      return isFloat(dtype);
    case 'integer':
      return dtype === 'int32' || dtype === 'uint8';
    case 'number':
      return dtype !== 'bool';
    case 'any':
      return true;
  }
}

/** `log(add(1, x)) -> log1p(x)`. */
export function ruleText({ pattern, replacement, says }: Rule): string {
  if (says !== undefined) return says;
  const left = pattern === undefined ? '?' : termText(pattern);
  return `${left} -> ${typeof replacement === 'function' ? '?' : termText(replacement)}`;
}
