import { describe, expect, test } from 'vitest';
import { input, parameter, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { type Rule, rule } from '../../src/rewrite/rule.ts';
import { simplify } from '../../src/rewrite/simplify.ts';
import { attributes, number, terms, unknown } from '../../src/rewrite/term.ts';
import { expressionText, type RewriteStep } from '../../src/rewrite/trace.ts';

const { add, mul, sub, sin, cos, exp, log, sum, tanh } = registry;
const x = unknown('x');
const logOfExp = rule({
  name: 'logarithm of an exponential',
  class: 'removesSingularity',
  pattern: terms.log(terms.exp(x)),
  replacement: x,
});

function traced(z: Variable, rules: readonly Rule[]): RewriteStep[] {
  const trace: RewriteStep[] = [];
  simplify(z, { rules, trace });
  return trace;
}

const a = input([3], { name: 'a' });

describe('a step', () => {
  test('names the rule, its class, the line of the user, and both expressions', () => {
    const z = log(exp(a));
    const [step, ...others] = traced(z, [logOfExp]);
    expect(others).toEqual([]);
    expect(step).toMatchObject({
      rule: 'logarithm of an exponential',
      class: 'removesSingularity',
      before: 'log(exp(a))',
      after: 'a',
    });
    expect(step.site.toString()).toBe('trace.test.ts:28');
    expect(step.site.location()).toMatch(/test\/rewrite\/trace\.test.ts:28:\d+$/);
  });

  test('is about the line that asked for what was there, not for what it was made of', () => {
    const e = exp(a);
    const z = log(e);
    expect(traced(z, [logOfExp])[0].site.toString()).toBe('trace.test.ts:43');
  });

  test('shows what unknowns stand for by their names', () => {
    const [step] = traced(log(exp(add(sin(a), cos(a)))), [logOfExp]);
    expect([step.before, step.after]).toEqual(['log(exp(x))', 'x']);
  });

  test('shows inputs and parameters by theirs', () => {
    const weight = parameter([1, 2, 3], { name: 'weight' });
    expect(traced(log(exp(weight)), [logOfExp])[0]).toMatchObject({
      before: 'log(exp(weight))',
      after: 'weight',
    });
  });

  test('shows numbers, and attributes', () => {
    const scaled = rule({
      name: 'factor out of a sum',
      class: 'fastMath',
      pattern: terms.sum(terms.mul(terms.neg(x), number('c')), attributes('at')),
      replacement: terms.neg(terms.sum(terms.mul(x, number('c')), attributes('at'))),
    });
    const trace: RewriteStep[] = [];
    simplify(sum(mul(registry.neg(a), 3), 0), { rules: [scaled], level: 'fastMath', trace });
    expect(trace[0].before).toBe('sum(mul(neg(a), 3), axes=[0])');
    expect(trace[0].after).toBe('neg(sum(mul(a, 3), axes=[0]))');
  });

  test('goes a few operations deep', () => {
    const text = expressionText(sin(cos(exp(log(tanh(sin(a)))))));
    expect(text).toBe('sin(cos(exp(log(...))))');
  });
});

describe('a trace', () => {
  test('is in the order in which rules fire: from the inside outwards', () => {
    const twice = rule({ name: 'twice', class: 'exact', pattern: terms.neg(terms.neg(x)), replacement: x });
    const { neg } = registry;
    const z = exp(log(exp(neg(neg(a)))));
    expect(traced(z, [logOfExp, twice]).map(({ rule }) => rule)).toEqual([
      'twice',
      'logarithm of an exponential',
    ]);
  });

  test('shows a step for each rule that builds on what another has built', () => {
    const difference = rule({
      name: 'difference of logarithms',
      class: 'fastMath',
      pattern: terms.sub(terms.log(x), terms.log(unknown('y'))),
      replacement: terms.log(terms.div(x, unknown('y'))),
    });
    const tangent = rule({
      name: 'tangent',
      class: 'exact',
      pattern: terms.div(terms.sin(x), terms.cos(x)),
      replacement: terms.tan(x),
    });
    const trace: RewriteStep[] = [];
    simplify(sub(log(sin(a)), log(cos(a))), { level: 'fastMath', trace, rules: [difference, tangent] });
    expect(trace.map(({ rule, before, after }) => `${rule}: ${before} -> ${after}`)).toEqual([
      'difference of logarithms: sub(log(x), log(y)) -> log(div(x, y))',
      'tangent: div(sin(a), cos(a)) -> tan(a)',
    ]);
  });

  test('is empty where nothing fires', () => {
    expect(traced(add(a, 1), [logOfExp])).toEqual([]);
  });

  test('adds to what the list holds', () => {
    const trace: RewriteStep[] = [];
    for (let i = 0; i < 3; i++) simplify(log(exp(a)), { rules: [logOfExp], trace });
    expect(trace.length).toBe(3);
  });
});
