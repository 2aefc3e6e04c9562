/** Signs: they move outwards, meet, and cancel. */
import { rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';

const { add, sub, mul, div, neg, sum } = terms;
const x = unknown('x');
const y = unknown('y');
const axes = attributes('axes');
const common = { class: 'exact', dtypes: 'number' } as const;

export const signRules = [
  rule({ name: 'negated twice', ...common, pattern: neg(neg(x)), replacement: x }),
  rule({ name: 'times minus one', ...common, pattern: mul(x, -1), replacement: neg(x) }),
  rule({ name: 'zero minus', ...common, pattern: sub(0, x), replacement: neg(x) }),
  rule({ name: 'negated difference', ...common, pattern: neg(sub(x, y)), replacement: sub(y, x) }),
  rule({ name: 'minus a negative', ...common, pattern: sub(x, neg(y)), replacement: add(x, y) }),
  rule({ name: 'plus a negative', ...common, pattern: add(x, neg(y)), replacement: sub(x, y) }),
  rule({ name: 'negative minus', ...common, pattern: sub(neg(x), y), replacement: neg(add(x, y)) }),
  rule({ name: 'negative factor', ...common, pattern: mul(neg(x), y), replacement: neg(mul(x, y)) }),
  rule({ name: 'negative dividend', ...common, pattern: div(neg(x), y), replacement: neg(div(x, y)) }),
  rule({ name: 'negative divisor', ...common, pattern: div(x, neg(y)), replacement: neg(div(x, y)) }),
  rule({ name: 'sum of negatives', ...common, pattern: sum(neg(x), axes), replacement: neg(sum(x, axes)) }),
];
