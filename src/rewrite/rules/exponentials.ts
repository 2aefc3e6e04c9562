/** Exponentials and logarithms that meet, and their forms that keep all digits near 0. */

import { registry } from '../../operations/index.ts';
import { isNonnegative } from '../facts.ts';
import { rangeOf } from '../range.ts';
import { rule } from '../rule.ts';
import type { Bindings } from '../term.ts';
import { number, terms, unknown } from '../term.ts';

const { add, sub, mul, div, neg, reciprocal, sqrt, rsqrt, pow } = terms;
const { exp, expm1, log, log1p, log1mexp, xlogy } = terms;
const x = unknown('x');
const y = unknown('y');
const c = number('c');
const vector = { shape: [3, 4], domain: { low: -3, high: 3 } };
const positive = { shape: [3, 4], domain: { low: 0.2, high: 4 } };

/** What a logarithm takes and gives back must not have been NaN in between. */
const atLeast =
  (least: number) =>
  ({ variables: { x } }: Bindings): boolean =>
    isNonnegative(x) || rangeOf(x).low >= least;

export const exponentialRules = () => [
  rule({ name: 'log of an exponential', class: 'removesSingularity', pattern: log(exp(x)), replacement: x }),
  rule({
    name: 'exponential of a log',
    class: 'removesSingularity',
    pattern: exp(log(x)),
    where: atLeast(0),
    replacement: x,
    examples: [{ inputs: [vector], call: (x) => registry.exp(registry.log(registry.softplus(x))) }],
  }),
  rule({ name: 'log1p', class: 'exact', pattern: log(add(1, x)), replacement: log1p(x) }),
  rule({ name: 'log1p of a negative', class: 'exact', pattern: log(sub(1, x)), replacement: log1p(neg(x)) }),
  rule({ name: 'expm1', class: 'exact', pattern: sub(exp(x), 1), replacement: expm1(x) }),
  rule({ name: 'expm1 as a sum', class: 'exact', pattern: add(exp(x), -1), replacement: expm1(x) }),
  rule({ name: 'negative of expm1', class: 'exact', pattern: sub(1, exp(x)), replacement: neg(expm1(x)) }),
  rule({ name: 'one more than expm1', class: 'exact', pattern: add(1, expm1(x)), replacement: exp(x) }),
  rule({ name: 'log1p of expm1', class: 'removesSingularity', pattern: log1p(expm1(x)), replacement: x }),
  rule({
    name: 'expm1 of log1p',
    class: 'removesSingularity',
    pattern: expm1(log1p(x)),
    where: atLeast(-1),
    replacement: x,
    examples: [{ inputs: [vector], call: (x) => registry.expm1(registry.log1p(registry.sin(x))) }],
  }),
  rule({
    name: 'exponential of log1p',
    class: 'removesSingularity',
    pattern: exp(log1p(x)),
    where: atLeast(-1),
    replacement: add(1, x),
    examples: [{ inputs: [vector], call: (x) => registry.exp(registry.log1p(registry.abs(x))) }],
  }),
  rule({
    name: 'expm1 of a log',
    class: 'removesSingularity',
    pattern: expm1(log(x)),
    where: atLeast(0),
    replacement: sub(x, 1),
    examples: [{ inputs: [vector], call: (x) => registry.expm1(registry.log(registry.softplus(x))) }],
  }),
  rule({
    name: 'log of expm1',
    class: 'removesSingularity',
    pattern: log(expm1(x)),
    replacement: add(x, log1mexp(neg(x))),
  }),
  rule({
    name: 'log1mexp',
    class: 'removesSingularity',
    pattern: log(neg(expm1(x))),
    replacement: log1mexp(x),
  }),
  // Elsewhere 1 - e^x may be 0 by rounding alone, where it is below 0.
  rule({
    name: 'log1mexp by log1p',
    class: 'removesSingularity',
    pattern: log1p(neg(exp(x))),
    where: ({ variables: { x } }) => rangeOf(x).high <= 0,
    replacement: log1mexp(x),
    examples: [
      {
        inputs: [positive],
        call: (x) => registry.log1p(registry.neg(registry.exp(registry.neg(registry.abs(x))))),
      },
    ],
  }),
  rule({
    name: 'reciprocal of an exponential',
    class: 'removesSingularity',
    pattern: reciprocal(exp(x)),
    replacement: exp(neg(x)),
  }),
  rule({
    name: 'quotient of exponentials',
    class: 'removesSingularity',
    pattern: div(exp(x), exp(y)),
    replacement: exp(sub(x, y)),
  }),
  // e^(x + y) has lost what y adds if y is tiny, and a product e^x e^y may be there to keep just that.
  rule({
    name: 'product of exponentials',
    class: 'fastMath',
    pattern: mul(exp(x), exp(y)),
    replacement: exp(add(x, y)),
  }),
  rule({
    name: 'root of an exponential',
    class: 'removesSingularity',
    pattern: sqrt(exp(x)),
    replacement: exp(mul(0.5, x)),
  }),
  rule({
    name: 'reciprocal root of an exponential',
    class: 'removesSingularity',
    pattern: rsqrt(exp(x)),
    replacement: exp(mul(-0.5, x)),
  }),
  rule({
    name: 'log of a reciprocal',
    class: 'removesSingularity',
    pattern: log(reciprocal(x)),
    where: atLeast(0),
    replacement: neg(log(x)),
    examples: [{ inputs: [vector], call: (x) => registry.log(registry.reciprocal(registry.abs(x))) }],
  }),
  rule({ name: 'log of a root', class: 'exact', pattern: log(sqrt(x)), replacement: mul(0.5, log(x)) }),
  rule({
    name: 'log of a reciprocal root',
    class: 'removesSingularity',
    pattern: log(rsqrt(x)),
    replacement: mul(-0.5, log(x)),
  }),
  rule({
    name: 'log of a power',
    class: 'removesSingularity',
    pattern: log(pow(x, c)),
    where: (found) => found.numbers.c !== 0 && Number.isFinite(found.numbers.c) && atLeast(0)(found),
    replacement: mul(c, log(x)),
    examples: [
      { inputs: [vector], call: (x) => registry.log(registry.pow(registry.abs(x), 3)) },
      { inputs: [vector], call: (x) => registry.log(registry.pow(registry.cosh(x), -0.7)) },
    ],
  }),
  rule({
    name: 'x log x',
    class: 'removesSingularity',
    pattern: mul(x, log(x)),
    replacement: xlogy(x, x),
    examples: [{ inputs: [positive], call: (x) => registry.mul(x, registry.log(x)) }],
  }),
];
