/** Truth values, and the comparisons that they come from. */
import { isFloat, type Variable } from '../../graph/index.ts';
import { real, registry, truth } from '../../operations/index.ts';
import { type Rule, type RuleExample, rule } from '../rule.ts';
import { type Applied, number, type Term, terms, unknown } from '../term.ts';
import { isUnstretched } from './conditions.ts';
import { elementwiseExamples } from './examples.ts';

const { logicalAnd: and, logicalOr: or, logicalNot: not } = terms;
const { equal, notEqual, less, lessEqual, greater, greaterEqual } = terms;
const c = unknown('c');
const d = unknown('d');
const x = unknown('x');
const y = unknown('y');
const of = registry;
const no = number(() => 0);
const yes = number(() => 1);
const any = { class: 'exact', dtypes: 'any' } as const;

/** Of truth values. */
const judging = (call: (c: Variable, d: Variable) => Variable): RuleExample[] =>
  elementwiseExamples(call, truth, truth);

function law(name: string, pattern: Applied, replacement: Term, examples: readonly RuleExample[]): Rule {
  return rule({ name, ...any, pattern, replacement, examples });
}

const truths = (): readonly Rule[] => [
  law(
    'denied twice',
    not(not(c)),
    c,
    judging((c) => of.logicalNot(of.logicalNot(c))),
  ),
  law(
    'and true',
    and(c, 1),
    c,
    judging((c) => of.logicalAnd(c, true)),
  ),
  law(
    'and false',
    and(c, 0),
    no,
    judging((c) => of.logicalAnd(c, false)),
  ),
  law(
    'and itself',
    and(c, c),
    c,
    judging((c) => of.logicalAnd(c, c)),
  ),
  law(
    'and its denial',
    and(c, not(c)),
    no,
    judging((c) => of.logicalAnd(c, of.logicalNot(c))),
  ),
  law(
    'or true',
    or(c, 1),
    yes,
    judging((c) => of.logicalOr(c, true)),
  ),
  law(
    'or false',
    or(c, 0),
    c,
    judging((c) => of.logicalOr(c, false)),
  ),
  law(
    'or itself',
    or(c, c),
    c,
    judging((c) => of.logicalOr(c, c)),
  ),
  law(
    'or its denial',
    or(c, not(c)),
    yes,
    judging((c) => of.logicalOr(of.logicalNot(c), c)),
  ),
  law(
    'and of an or',
    and(c, or(c, d)),
    c,
    judging((c, d) => of.logicalAnd(c, of.logicalOr(d, c))),
  ),
  law(
    'or of an and',
    or(c, and(c, d)),
    c,
    judging((c, d) => of.logicalOr(of.logicalAnd(c, d), c)),
  ),
  rule({
    ...any,
    name: 'neither of two',
    pattern: and(not(c), not(d)),
    where: isUnstretched('c', 'd'),
    replacement: not(or(c, d)),
    examples: judging((c, d) => of.logicalAnd(of.logicalNot(c), of.logicalNot(d))).slice(0, 1),
  }),
  rule({
    ...any,
    name: 'not both',
    pattern: or(not(c), not(d)),
    where: isUnstretched('c', 'd'),
    replacement: not(and(c, d)),
    examples: judging((c, d) => of.logicalOr(of.logicalNot(c), of.logicalNot(d))).slice(0, 1),
  }),
];

const comparing = (call: (x: Variable, y: Variable) => Variable): RuleExample[] =>
  elementwiseExamples(call, real(-3, 3), real(-3, 3));
const wholly = (call: (x: Variable, y: Variable) => Variable): RuleExample[] => {
  const domain = { low: -2, high: 2, dtype: 'int32' } as const;
  return elementwiseExamples(call, domain, domain);
};

/** NaN compares with nothing, so that only the denial of an equality is another comparison; of integers, of any. */
const ofIntegers: Rule['where'] = ({ variables: { x } }) => !isFloat(x.dtype);

const comparisons = (): readonly Rule[] => [
  law(
    'not equal',
    not(equal(x, y)),
    notEqual(x, y),
    comparing((x, y) => of.logicalNot(of.equal(x, y))),
  ),
  law(
    'not unequal',
    not(notEqual(x, y)),
    equal(x, y),
    comparing((x, y) => of.logicalNot(of.notEqual(x, y))),
  ),
  ...([less, greater] as const).map((compare) => {
    const name = compare(x, y).operation.name as 'less';
    return law(
      `${name} than itself`,
      compare(x, x),
      no,
      comparing((x) => of[name](x, x)),
    );
  }),
  ...([equal, lessEqual, greaterEqual] as const).map((compare) => {
    const name = compare(x, y).operation.name as 'equal';
    const examples = wholly((x) => of[name](x, x));
    return rule({
      ...law(`${name} of an integer and itself`, compare(x, x), yes, examples),
      where: ofIntegers,
    });
  }),
  rule({
    ...law(
      'integer unequal to itself',
      notEqual(x, x),
      no,
      wholly((x) => of.notEqual(x, x)),
    ),
    where: ofIntegers,
  }),
  ...(
    [
      [less, greaterEqual],
      [lessEqual, greater],
      [greater, lessEqual],
      [greaterEqual, less],
    ] as const
  ).map(([compare, opposite]) => {
    const name = compare(x, y).operation.name as 'less';
    const examples = wholly((x, y) => of.logicalNot(of[name](x, y)));
    return rule({
      ...law(`not ${name} of integers`, not(compare(x, y)), opposite(x, y), examples),
      where: ofIntegers,
    });
  }),
];

export const truthRules = (): readonly Rule[] => [...truths(), ...comparisons()];
