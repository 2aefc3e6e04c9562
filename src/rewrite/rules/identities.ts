/** Operations that leave their operand as it is, and other ways to write a single operation. */
import { rule } from '../rule.ts';
import { terms, unknown } from '../term.ts';

const { add, sub, mul, div, pow, square, reciprocal } = terms;
const x = unknown('x');

export const identityRules = [
  rule({ name: 'zero added', class: 'exact', dtypes: 'number', pattern: add(x, 0), replacement: x }),
  rule({ name: 'zero subtracted', class: 'exact', dtypes: 'number', pattern: sub(x, 0), replacement: x }),
  rule({ name: 'times one', class: 'exact', dtypes: 'number', pattern: mul(x, 1), replacement: x }),
  rule({ name: 'divided by one', class: 'exact', pattern: div(x, 1), replacement: x }),
  rule({ name: 'one over', class: 'exact', pattern: div(1, x), replacement: reciprocal(x) }),
  rule({ name: 'power of one', class: 'exact', pattern: pow(x, 1), replacement: x }),
  rule({ name: 'power of two', class: 'exact', pattern: pow(x, 2), replacement: square(x) }),
  rule({
    name: 'times itself',
    class: 'exact',
    dtypes: 'number',
    pattern: mul(x, x),
    replacement: square(x),
  }),
  rule({
    name: 'added to itself',
    class: 'exact',
    dtypes: 'number',
    pattern: add(x, x),
    replacement: mul(2, x),
  }),
];
