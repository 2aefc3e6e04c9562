/** The checks that rules are held to find what is wrong with wrong rules. */
import { describe, expect, test } from 'vitest';
import { real, registry } from '../../src/operations/index.ts';
import { type Rule, rule } from '../../src/rewrite/rule.ts';
import { attributes, number, terms, unknown } from '../../src/rewrite/term.ts';
import {
  agreesAtSpecialValues,
  agreesOnDraws,
  compilesAlike,
  costsNoMore,
  differentiatesAlike,
  differentiatesAlikeAtSpecialValues,
  fires,
  staysInNormalForm,
} from '../support/ruleChecks.ts';
import { casesOf, type RuleCase } from '../support/ruleExamples.ts';

const x = unknown('x');
const axes = attributes('axes');
const { mul, log, add, maximum, relu, sin, sqrt, square, exp, sigmoid, sum, floor } = terms;

const CHECKS: readonly ((each: RuleCase) => string | undefined)[] = [
  fires,
  staysInNormalForm,
  agreesOnDraws,
  compilesAlike,
  agreesAtSpecialValues,
  differentiatesAlike,
  differentiatesAlikeAtSpecialValues,
  costsNoMore,
];

/** The names of the checks that object to a rule in any of its cases. */
const objections = (each: Rule): string[] =>
  CHECKS.filter((check) => casesOf(each).some((one) => check(one) !== undefined)).map(({ name }) => name);

const named = { name: 'wrong', class: 'exact' } as const;
const positive = { shape: [3, 4], domain: real(0.5, 3) };

describe('a rule that', () => {
  test('is right passes', () => {
    const right = rule({ ...named, pattern: mul(sin(x), sin(x)), replacement: square(sin(x)) });
    expect(objections({ ...right, name: 'times itself' })).toEqual([]);
  });

  test.each<[string, Rule, (typeof CHECKS)[number]]>([
    ['says something else', rule({ ...named, pattern: log(square(x)), replacement: log(x) }), agreesOnDraws],
    [
      'is another function where numbers are negative',
      rule({
        ...named,
        pattern: sqrt(square(x)),
        replacement: x,
        examples: [{ inputs: [positive], call: (a) => registry.sqrt(registry.square(a)) }],
      }),
      agreesAtSpecialValues,
    ],
    [
      'loses a NaN',
      rule({ ...named, class: 'removesSingularity', pattern: mul(x, 0), replacement: floor(0) }),
      agreesAtSpecialValues,
    ],
    [
      'overflows where the left side does not',
      rule({
        ...named,
        pattern: sum(mul(number('c'), x), axes),
        replacement: ({ variables, attributes }) =>
          registry.mul(variables.c, registry.sum(variables.x, attributes.axes.axes)),
        examples: [{ inputs: [positive], call: (a) => registry.sum(registry.mul(1e-20, a), 1) }],
      }),
      agreesAtSpecialValues,
    ],
    [
      'loses digits',
      rule({
        ...named,
        pattern: terms.expm1(square(x)),
        replacement: ({ variables }) => registry.sub(registry.exp(registry.square(variables.x)), 1),
        examples: [
          {
            inputs: [{ shape: [20], domain: real(-0.01, 0.01) }],
            call: (a) => registry.expm1(registry.square(a)),
          },
        ],
      }),
      agreesOnDraws,
    ],
    [
      'leaves the singularity that it promises to remove',
      rule({
        ...named,
        class: 'removesSingularity',
        pattern: sqrt(add(square(x), square(square(x)))),
        replacement: ({ variables: { x } }) =>
          registry.sqrt(registry.mul(registry.square(x), registry.add(1, registry.square(x)))),
      }),
      agreesAtSpecialValues,
    ],
    [
      'has another derivative at a kink',
      rule({
        ...named,
        pattern: maximum(x, 0),
        replacement: relu(x),
        examples: [{ inputs: [{ shape: [3], domain: real(-3, 3) }], call: (a) => registry.maximum(a, 0) }],
      }),
      differentiatesAlikeAtSpecialValues,
    ],
    [
      'has no derivative any more',
      rule({
        ...named,
        pattern: add(x, floor(x)),
        replacement: ({ variables: { x } }) => registry.add(registry.floor(x), registry.stopGradient(x)),
        where: ({ variables }) => variables.x.source.kind === 'input',
        examples: [{ inputs: [positive], call: (a) => registry.add(a, registry.floor(a)) }],
      }),
      differentiatesAlike,
    ],
    [
      'makes things dearer',
      rule({
        ...named,
        pattern: sigmoid(x),
        replacement: ({ variables }) =>
          registry.reciprocal(registry.add(1, registry.exp(registry.neg(variables.x)))),
        examples: [{ inputs: [positive], call: (a) => registry.sigmoid(a) }],
      }),
      costsNoMore,
    ],
    ['never fires', rule({ ...named, pattern: log(exp(x)), where: () => false, replacement: x }), fires],
  ])('%s does not', (_, wrong, check) => {
    expect(objections(wrong)).toContain(check.name);
  });
});
