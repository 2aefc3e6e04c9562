/**
 * What users of -ffast-math expect: equal in real numbers, whatever becomes of rounding, infinities and NaN. Two conventions
 * at kinks go, too: |x|^2 is x^2, whose second derivative at 0 is 2.
 */
import type { Variable } from '../../graph/index.ts';
import { real, registry, truth } from '../../operations/index.ts';
import { isOrdinary } from '../literals.ts';
import { type Rule, type RuleExample, type RuleParts, rule } from '../rule.ts';
import { attributes, type Bindings, number, terms, unknown } from '../term.ts';
import { elementwiseExamples } from './examples.ts';

const { add, sub, mul, div, pow, square, sqrt, rsqrt, abs, sign, exp, log, cos, cosh, cast } = terms;
const x = unknown('x');
const y = unknown('y');
const z = unknown('z');
const a = number('a');
const b = number('b');
const to = attributes('to');
const of = registry;
const nothing = number(() => 0);

/** Of positive operands, so that all roots and logarithms of the left sides are numbers. */
const positive = (call: (x: Variable, y: Variable, z: Variable) => Variable, count: number): RuleExample[] =>
  elementwiseExamples(call as (...inputs: Variable[]) => Variable, ...Array(count).fill(real(0.5, 3)));

type Parts = Pick<RuleParts, 'pattern' | 'replacement' | 'where' | 'examples' | 'says' | 'dtypes'>;
const fast = (name: string, parts: Parts): Rule => rule({ name, class: 'fastMath', ...parts });

/** A number worked out from two, and whether it has all its digits. */
const joint = (of: (a: number, b: number) => number) => ({
  where: ({ numbers: { a, b }, variables: { x } }: Bindings): boolean => isOrdinary(of(a, b), x.dtype),
  value: number(({ numbers: { a, b } }) => of(a, b)),
});
const total = joint((a, b) => a + b);
const product = joint((a, b) => a * b);
const difference = joint((a, b) => a - b);

/** Sums in which something cancels, in another order than they are written in. */
const cancelling = (): readonly Rule[] => [
  fast('minus itself', { pattern: sub(x, x), replacement: nothing }),
  fast('times zero', { pattern: mul(x, 0), replacement: nothing }),
  fast('zero divided', { pattern: div(0, x), replacement: nothing }),
  fast('added and subtracted', { pattern: sub(add(x, y), y), replacement: x }),
  fast('subtracted and added', { pattern: add(sub(x, y), y), replacement: x }),
  fast('minus its difference', { pattern: sub(x, sub(x, y)), replacement: y }),
  fast('minus its sum', { pattern: sub(x, add(x, y)), replacement: terms.neg(y) }),
  fast('difference minus its first', { pattern: sub(sub(x, y), x), replacement: terms.neg(y) }),
];

/** Numbers in sums, of any signs and rounded. */
const shifts = (): readonly Rule[] => [
  fast('numbers added', {
    pattern: add(a, add(b, x)),
    where: total.where,
    replacement: add(total.value, x),
    examples: elementwiseExamples((x) => of.add(0.1, of.add(-0.7, x))),
  }),
  fast('number plus what it exceeds', {
    pattern: add(a, sub(b, x)),
    where: total.where,
    replacement: sub(total.value, x),
    examples: elementwiseExamples((x) => of.add(0.1, of.sub(-0.7, x))),
  }),
  fast('number plus what exceeds it', {
    pattern: add(a, sub(x, b)),
    where: difference.where,
    replacement: add(difference.value, x),
    examples: elementwiseExamples((x) => of.add(0.1, of.sub(x, 0.7))),
  }),
  fast('number minus a sum with one', {
    pattern: sub(a, add(b, x)),
    where: difference.where,
    replacement: sub(difference.value, x),
    examples: elementwiseExamples((x) => of.sub(0.1, of.add(0.7, x))),
  }),
  fast('sum with a number minus one', {
    pattern: sub(add(a, x), b),
    where: difference.where,
    replacement: add(difference.value, x),
    examples: elementwiseExamples((x) => of.sub(of.add(0.1, x), 0.7)),
  }),
  fast('number minus what it exceeds', {
    pattern: sub(a, sub(b, x)),
    where: difference.where,
    replacement: add(difference.value, x),
    examples: elementwiseExamples((x) => of.sub(0.1, of.sub(0.7, x))),
  }),
  fast('what a number exceeds minus a number', {
    pattern: sub(sub(a, x), b),
    where: difference.where,
    replacement: sub(difference.value, x),
    examples: elementwiseExamples((x) => of.sub(of.sub(0.1, x), 0.7)),
  }),
  fast('what exceeds a number minus a number', {
    pattern: sub(sub(x, a), b),
    where: total.where,
    replacement: sub(x, total.value),
    examples: elementwiseExamples((x) => of.sub(of.sub(x, 0.7), 0.1)),
  }),
];

/** The distributive law, from right to left. */
const factors = (): readonly Rule[] => [
  fast('sum of multiples', {
    pattern: add(mul(a, x), mul(b, x)),
    where: total.where,
    replacement: mul(total.value, x),
    examples: elementwiseExamples((x) => of.add(of.mul(0.1, x), of.mul(3, x))),
  }),
  fast('difference of multiples', {
    pattern: sub(mul(a, x), mul(b, x)),
    where: difference.where,
    replacement: mul(difference.value, x),
    examples: elementwiseExamples((x) => of.sub(of.mul(0.1, x), of.mul(3, x))),
  }),
  fast('sum with a multiple', {
    pattern: add(mul(a, x), x),
    where: ({ numbers: { a }, variables: { x } }) => isOrdinary(a + 1, x.dtype),
    replacement: mul(
      number(({ numbers: { a } }) => a + 1),
      x,
    ),
    examples: elementwiseExamples((x) => of.add(of.mul(0.1, x), x)),
  }),
  fast('sum of products with a factor in common', {
    pattern: add(mul(x, y), mul(x, z)),
    replacement: mul(x, add(y, z)),
  }),
  fast('difference of products with a factor in common', {
    pattern: sub(mul(x, y), mul(x, z)),
    replacement: mul(x, sub(y, z)),
  }),
  fast('sum of quotients with a divisor in common', {
    pattern: add(div(x, z), div(y, z)),
    replacement: div(add(x, y), z),
    examples: positive((x, y, z) => of.add(of.div(x, z), of.div(y, z)), 3),
  }),
  fast('difference of quotients with a divisor in common', {
    pattern: sub(div(x, z), div(y, z)),
    replacement: div(sub(x, y), z),
    examples: positive((x, y, z) => of.sub(of.div(x, z), of.div(y, z)), 3),
  }),
];

const quotients = (): readonly Rule[] => [
  fast('divided twice', {
    pattern: div(div(x, y), z),
    replacement: ({ variables: { x, y, z } }) => of.div(x, of.mul(y, z)),
    says: 'div(div(x, y), z) -> div(x, mul(y, z))',
    examples: positive((x, y, z) => of.div(of.div(x, y), z), 3),
  }),
];

const powers = (): readonly Rule[] => [
  fast('square of any root', {
    pattern: square(sqrt(x)),
    replacement: x,
    examples: positive((x) => of.square(of.sqrt(x)), 1),
  }),
  fast('square of any reciprocal root', {
    pattern: square(rsqrt(x)),
    replacement: terms.reciprocal(x),
    examples: positive((x) => of.square(of.rsqrt(x)), 1),
  }),
  fast('product of roots', {
    pattern: mul(sqrt(x), sqrt(y)),
    replacement: sqrt(mul(x, y)),
    examples: positive((x, y) => of.mul(of.sqrt(x), of.sqrt(y)), 2),
  }),
  fast('quotient of roots', {
    pattern: div(sqrt(x), sqrt(y)),
    replacement: sqrt(div(x, y)),
    examples: positive((x, y) => of.div(of.sqrt(x), of.sqrt(y)), 2),
  }),
  fast('any power of one half', {
    pattern: pow(x, 0.5),
    replacement: sqrt(x),
    examples: positive((x) => of.pow(x, 0.5), 1),
  }),
  fast('any power of minus one half', {
    pattern: pow(x, -0.5),
    replacement: rsqrt(x),
    examples: positive((x) => of.pow(x, -0.5), 1),
  }),
  fast('power of any power', {
    pattern: pow(pow(x, a), b),
    where: product.where,
    replacement: pow(x, product.value),
    examples: positive((x) => of.pow(of.pow(x, 0.3), 0.7), 1),
  }),
  fast('product of any powers', {
    pattern: mul(pow(x, y), pow(x, z)),
    replacement: pow(x, add(y, z)),
    examples: positive((x, y, z) => of.mul(of.pow(x, y), of.pow(x, z)), 3),
  }),
  fast('exponential of any log', {
    pattern: exp(log(x)),
    replacement: x,
    examples: positive((x) => of.exp(of.log(x)), 1),
  }),
  fast('sum of logs', {
    pattern: add(log(x), log(y)),
    replacement: log(mul(x, y)),
    examples: positive((x, y) => of.add(of.log(x), of.log(y)), 2),
  }),
  fast('difference of logs', {
    pattern: sub(log(x), log(y)),
    replacement: log(div(x, y)),
    examples: positive((x, y) => of.sub(of.log(x), of.log(y)), 2),
  }),
];

const kinks = (): readonly Rule[] => [
  fast('square of a magnitude', { dtypes: 'number', pattern: square(abs(x)), replacement: square(x) }),
  fast('magnitude of a square', { pattern: abs(square(x)), replacement: square(x) }),
  fast('cosine of a magnitude', { pattern: cos(abs(x)), replacement: cos(x) }),
  fast('hyperbolic cosine of a magnitude', { pattern: cosh(abs(x)), replacement: cosh(x) }),
  fast('magnitude times sign', { pattern: mul(abs(x), sign(x)), replacement: x }),
  fast('divided by its magnitude', { pattern: div(x, abs(x)), replacement: sign(x) }),
];

const others = (): readonly Rule[] => [
  fast('truth as a factor', {
    pattern: mul(cast(z, to), x),
    where: ({ variables: { z } }) => z.dtype === 'bool',
    replacement: ({ variables: { x, z } }) => of.where(z, x, 0),
    says: 'mul(cast(c), x) -> where(c, x, 0)',
    examples: elementwiseExamples((c, x) => of.mul(of.cast(c, x.dtype), x), truth, real(-3, 3)),
  }),
];

export const fastMathRules = (): readonly Rule[] => [
  ...cancelling(),
  ...shifts(),
  ...factors(),
  ...quotients(),
  ...powers(),
  ...kinks(),
  ...others(),
];

/** For graphs that will not be differentiated: before, a divisor is easier to find than its reciprocal. */
export const finalFastMathRules = (): readonly Rule[] => [
  fast('divided by a number', {
    pattern: div(x, a),
    where: ({ numbers: { a }, variables: { x } }) => isOrdinary(1 / a, x.dtype),
    replacement: ({ variables: { x }, numbers: { a } }) => of.mul(1 / a, x),
    says: 'div(x, c) -> mul(1 / c, x)',
    examples: elementwiseExamples((x) => of.div(x, 3)),
  }),
];
