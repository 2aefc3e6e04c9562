import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RewriteError } from '../../src/graph/index.ts';
import { costOfTerm, costText, falls } from '../../src/rewrite/cost.ts';
import { rule } from '../../src/rewrite/index.ts';
import { checkedRule } from '../../src/rewrite/rule.ts';
import { type Term, terms, unknown } from '../../src/rewrite/term.ts';
import { allFamilies } from '../support/ruleExamples.ts';

const { add, sub, mul, neg, exp, log, log1p, sin, reshape, sum, maximum, where, matmul, pow, square } = terms;
const [x, y] = ['x', 'y'].map(unknown);
const lower = (before: Term, after: Term): boolean => falls(costOfTerm(before), costOfTerm(after));

describe('costs', () => {
  test('are read as polynomials of those of the unknowns', () => {
    expect(costText(costOfTerm(x))).toBe('1 x + 0');
    expect(costText(costOfTerm(neg(x)))).toBe('1 x + 1');
    expect(costText(costOfTerm(sub(x, y)))).toBe('2 x + 2 y + 2');
    expect(costText(costOfTerm(add(x, x)))).toBe('4 x + 2');
  });

  test('fall where there is less to do', () => {
    expect(lower(log(add(1, x)), log1p(x))).toBe(true);
    expect(lower(neg(neg(x)), x)).toBe(true);
    expect(lower(mul(x, x), square(x))).toBe(true);
    expect(lower(add(x, neg(y)), sub(x, y))).toBe(true);
  });

  test('do not fall where nothing changes, or where it becomes more', () => {
    expect(lower(add(x, y), add(y, x))).toBe(false);
    expect(lower(log1p(x), log(add(1, x)))).toBe(false);
    expect(lower(x, neg(neg(x)))).toBe(false);
  });

  test('do not fall where an unknown comes in more often, whatever else goes', () => {
    expect(lower(exp(exp(sin(add(x, y)))), add(x, y))).toBe(true);
    expect(lower(add(sin(x), y), add(add(y, y), y))).toBe(false);
  });

  test('do not fall with an unknown that was not there', () => {
    expect(lower(exp(exp(x)), y)).toBe(false);
  });

  test('fall as signs and views move outwards', () => {
    expect(lower(mul(neg(x), y), neg(mul(x, y)))).toBe(true);
    expect(lower(exp(reshape(x)), reshape(exp(x)))).toBe(true);
    expect(lower(reshape(exp(x)), exp(reshape(x)))).toBe(false);
    expect(lower(sum(neg(x)), neg(sum(x)))).toBe(true);
  });
});

/** Terms of a few operations on two unknowns and numbers. */
const { term } = fc.letrec<{ term: Term }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Term>(x, y, { kind: 'number', value: 2 }),
    fc
      .constantFrom(neg, exp, log1p, sin, square, reshape, sum)
      .chain((make) => tie('term').map((operand) => make(operand))),
    fc
      .constantFrom(add, sub, mul, pow, maximum, matmul)
      .chain((make) => fc.tuple(tie('term'), tie('term')).map((operands) => make(...operands))),
  ),
}));

/** A context: a term with a hole. */
const contexts: readonly ((hole: Term) => Term)[] = [
  (hole) => neg(hole),
  (hole) => reshape(hole),
  (hole) => exp(hole),
  (hole) => pow(y, hole),
  (hole) => where(x, hole, 1),
  (hole) => matmul(add(hole, x), y),
  (hole) => sum(mul(hole, hole)),
];

const substituted = (term: Term, name: string, by: Term): Term => {
  if (term.kind === 'unknown') return term.name === name ? by : term;
  if (term.kind === 'number') return term;
  return { ...term, operands: term.operands.map((each) => substituted(each, name, by)) };
};

/** So that no sequence of rules goes on for ever (Baader and Nipkow, theorem 5.2.3). */
describe('the order is a reduction order', () => {
  test('what falls in a part falls in the whole', () => {
    fc.assert(
      fc.property(term, term, fc.constantFrom(...contexts), (before, after, context) => {
        fc.pre(lower(before, after));
        expect(lower(context(before), context(after))).toBe(true);
      }),
    );
  });

  test('what falls for unknowns falls for what they stand for', () => {
    fc.assert(
      fc.property(term, term, term, (before, after, by) => {
        fc.pre(lower(before, after) && by.kind !== 'number');
        expect(lower(substituted(before, 'x', by), substituted(after, 'x', by))).toBe(true);
      }),
    );
  });

  test('it is transitive, and nothing is below itself', () => {
    fc.assert(
      fc.property(term, term, term, (a, b, c) => {
        expect(lower(a, a)).toBe(false);
        if (lower(a, b) && lower(b, c)) expect(lower(a, c)).toBe(true);
        if (lower(a, b)) expect(lower(b, a)).toBe(false);
      }),
    );
  });
});

test('the cost of every rule of the library falls', () => {
  const rules = Object.values(allFamilies).flat();
  expect(rules.length).toBeGreaterThan(400);
  for (const each of rules) expect(checkedRule(each)).toEqual(each);
});

describe('a rule', () => {
  const dear = { name: 'factor taken in', class: 'exact', pattern: mul(x, add(x, y)) } as const;

  test('whose cost rises is refused, with both costs', () => {
    const make = (): unknown => rule({ ...dear, replacement: add(mul(x, x), mul(x, y)) });
    expect(make).toThrow(RewriteError);
    expect(make).toThrow(
      /^rule "factor taken in": mul\(x, add\(x, y\)\) costs 6 x \+ 4 y \+ 6, and add\(mul\(x, x\), mul\(x, y\)\) costs 12 x \+ 4 y \+ 10: the cost of a rule must fall.* at cost\.test\.ts:\d+$/,
    );
  });

  test('whose cost stays is refused', () => {
    expect(() => rule({ ...dear, pattern: add(x, y), replacement: add(y, x) })).toThrow(
      /costs 2 x \+ 2 y \+ 2, and/,
    );
  });

  test('that is a procedure answers for itself', () => {
    expect(rule({ ...dear, replacement: () => undefined }).on).toBe(dear.pattern.operation);
  });

  test('about nothing is refused', () => {
    const nothing = { name: 'anything', class: 'exact', replacement: () => undefined } as const;
    expect(() => rule(nothing)).toThrow('rule "anything": neither a pattern nor what it is tried on');
    expect(rule({ ...nothing, on: 'elementwise' }).on).toBe('elementwise');
  });
});
