/**
 * Every rewriting rule, held to what its class promises. Each test is made from the rule alone, for each of its examples
 * and dtypes: that it fires; that both sides are the same numbers, on draws and at special values; that so are their
 * derivatives to second order; that it makes nothing dearer; that nothing is left to do.
 */
import { describe, expect, test } from 'vitest';
import { isFloat } from '../../src/graph/index.ts';
import type { Rule } from '../../src/rewrite/rule.ts';
import { finalRules } from '../../src/rewrite/rules/index.ts';
import {
  agreesAtSpecialValues,
  agreesOnDraws,
  compilesAlike,
  costsNoMore,
  differentiatesAlike,
  differentiatesAlikeAtSpecialValues,
  fires,
  liesWhereItIsDefined,
  staysInNormalForm,
} from '../support/ruleChecks.ts';
import { allFamilies, casesOf, drawCase, type RuleCase } from '../support/ruleExamples.ts';

/** Checks that a rule need not pass, by its name, and why. */
const EXCUSED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'length of a pair': {
    agreesAtSpecialValues:
      'a length of which one part is infinite is so whatever the other is, NaN too (C99, F.9.4.3)',
  },
  cube: { costsNoMore: 'two products are counted as more than one power, and take less time' },
  'fourth power': { costsNoMore: 'two squares are counted as more than one power, and take less time' },
  'reciprocal square': { costsNoMore: 'as a square and a reciprocal are' },
  'variance by moments': {
    agreesAtSpecialValues:
      'near the end of the range sums overflow on both sides, and may cancel as infinities do',
  },
};

type Check = (each: RuleCase) => string | undefined;

/** The first failure that `check` finds among the cases of a rule, with the case it is about. */
function eachCase(cases: readonly RuleCase[], check: (each: RuleCase) => string | undefined): void {
  const failures = cases.flatMap((each) => {
    const why = check(each);
    return why === undefined ? [] : [`${each.label}: ${why}`];
  });
  if (failures.length > 0) expect.fail(failures.join('\n'));
}

for (const [family, rules] of Object.entries(allFamilies)) {
  describe(family, () => {
    for (const rule of rules) describe(rule.name, () => checkRule(rule));
  });
}

function checkRule(rule: Rule): void {
  const cases = casesOf(rule);
  const check = (title: string, one: Check, which = cases): void => {
    if (EXCUSED[rule.name]?.[one.name] === undefined) test(title, () => eachCase(which, one));
  };
  // What takes long is done in float64 for the first example alone: the others have the same operations.
  const fewer = cases.filter(({ dtype, example }) => dtype !== 'float64' || example === cases[0].example);
  test('has examples in the dtypes that it claims', () => {
    const results = cases.map((each) => drawCase(each).outputs[0].dtype);
    expect(results).not.toEqual([]);
    if (rule.dtypes !== 'float')
      expect(
        results.some((dtype) => !isFloat(dtype)),
        'integers',
      ).toBe(true);
    if (rule.dtypes === 'any') expect(results, 'truth values').toContain('bool');
  });
  check('is drawn where it is defined', liesWhereItIsDefined);
  check('fires', fires);
  check('leaves nothing to do', staysInNormalForm);
  check('has the same numbers on both sides', agreesOnDraws);
  check('compiles to what it says', compilesAlike, fewer);
  if (rule.class !== 'fastMath')
    check('has the same numbers at special values', agreesAtSpecialValues, fewer);
  if (!finalRules().includes(rule)) {
    check('has the same derivatives on both sides', differentiatesAlike);
    if (rule.class !== 'fastMath')
      check('has the same derivatives at special values', differentiatesAlikeAtSpecialValues);
  }
  if (rule.class === 'exact') check('makes nothing dearer', costsNoMore);
}

test('no two rules have the same name', () => {
  const names = Object.values(allFamilies).flatMap((rules) => rules.map(({ name }) => name));
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

test('what is excused is excused for a reason that still holds', () => {
  const checks: readonly Check[] = [agreesAtSpecialValues, costsNoMore];
  const rules = Object.values(allFamilies).flat();
  for (const [name, excuses] of Object.entries(EXCUSED)) {
    const rule = rules.find((each) => each.name === name);
    expect(rule, name).toBeDefined();
    for (const excused of Object.keys(excuses)) {
      const check = checks.find((each) => each.name === excused)!;
      expect(
        casesOf(rule!).some((each) => check(each) !== undefined),
        `${name}: ${excused}`,
      ).toBe(true);
    }
  }
});
