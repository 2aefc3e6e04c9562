/**
 * Known numbers in a row, which make one number.
 *
 * Products and quotients round as often as before, and cannot overflow or underflow on the way to a result that does not.
 * Sums are joined only if the joint number is exact and both have one sign: x + 2^52 - 2^52 rounds x to a whole number, and
 * whoever writes that means it.
 */

import type { DType, Variable } from '../../graph/index.ts';
import { isFloat } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { isExactSum, isOrdinary, productOf } from '../literals.ts';
import { type Rule, type RuleParts, rule } from '../rule.ts';
import { type Applied, type Bindings, number, type Term, terms, unknown } from '../term.ts';
import { elementwiseExamples } from './examples.ts';

const { add, sub, mul, div, neg, reciprocal } = terms;
const x = unknown('x');
const b = number('b');
const c = number('c');
const of = registry;

/** A number in the dtype of x, even if that is for bytes. */
const like = ({ dtype }: Variable, value: number): Variable => of.cast(value, dtype);

/** What becomes of the two numbers of a pattern. */
type Joint = (b: number, c: number, dtype: DType) => number;

const jointOf =
  (joint: Joint) =>
  ({ numbers: { b, c }, variables: { x } }: Bindings): number =>
    joint(b, c, x.dtype);

type Parts = Pick<RuleParts, 'name' | 'dtypes'> & {
  readonly pattern: Applied;
  readonly joint: Joint;
  /** What stands in place, with the joint number in it. */
  replacement(joint: Term): Term;
  call(x: Variable): Variable;
};

/** Two factors or divisors made one; it must have all its digits. */
function scaling({ joint, replacement, call, ...parts }: Parts): Rule {
  const value = jointOf(joint);
  return rule({
    ...parts,
    class: 'removesSingularity',
    where: (found) => isOrdinary(value(found), found.variables.x.dtype),
    replacement: replacement(number(value)),
    examples: elementwiseExamples(call),
  });
}

/** Two terms made one. @param signs of b and c in the sum */
function shifting(signs: readonly [number, number], { joint, replacement, call, ...parts }: Parts): Rule {
  return rule({
    ...parts,
    class: 'exact',
    dtypes: 'number',
    where: ({ numbers: { b, c }, variables: { x } }) => {
      const [first, second] = [signs[0] * b, signs[1] * c];
      return !isFloat(x.dtype) || (first * second >= 0 && isExactSum(first, second, x.dtype));
    },
    replacement: replacement(number(jointOf(joint))),
    examples: elementwiseExamples(call),
  });
}

const scalings = (): readonly Rule[] => [
  scaling({
    name: 'number times number',
    dtypes: 'number',
    pattern: mul(b, mul(c, x)),
    joint: productOf,
    replacement: (joint) => mul(joint, x),
    call: (x) => of.mul(3, of.mul(like(x, -2), x)),
  }),
  scaling({
    name: 'number times quotient by a number',
    pattern: mul(b, div(x, c)),
    joint: (b, c) => b / c,
    replacement: (joint) => mul(joint, x),
    call: (x) => of.mul(2, of.div(x, 3)),
  }),
  scaling({
    name: 'number times quotient of a number',
    pattern: mul(b, div(c, x)),
    joint: productOf,
    replacement: (joint) => div(joint, x),
    call: (x) => of.mul(3, of.div(5, x)),
  }),
  scaling({
    name: 'multiple over a number',
    pattern: div(mul(b, x), c),
    joint: (b, c) => b / c,
    replacement: (joint) => mul(joint, x),
    call: (x) => of.div(of.mul(2, x), 3),
  }),
  scaling({
    name: 'quotient over a number',
    pattern: div(div(x, b), c),
    joint: productOf,
    replacement: (joint) => div(x, joint),
    call: (x) => of.div(of.div(x, 3), 5),
  }),
  scaling({
    name: 'quotient of a number over a number',
    pattern: div(div(b, x), c),
    joint: (b, c) => b / c,
    replacement: (joint) => div(joint, x),
    call: (x) => of.div(of.div(3, x), 5),
  }),
  scaling({
    name: 'number over a multiple',
    pattern: div(b, mul(c, x)),
    joint: (b, c) => b / c,
    replacement: (joint) => div(joint, x),
    call: (x) => of.div(3, of.mul(5, x)),
  }),
  scaling({
    name: 'number over a quotient of a number',
    pattern: div(b, div(c, x)),
    joint: (b, c) => b / c,
    replacement: (joint) => mul(joint, x),
    call: (x) => of.div(2, of.div(3, x)),
  }),
  scaling({
    name: 'number over a quotient by a number',
    pattern: div(b, div(x, c)),
    joint: productOf,
    replacement: (joint) => div(joint, x),
    call: (x) => of.div(2, of.div(x, 3)),
  }),
  rule({
    name: 'reciprocal of a multiple',
    class: 'removesSingularity',
    pattern: reciprocal(mul(c, x)),
    where: ({ numbers: { c }, variables: { x } }) => isOrdinary(1 / c, x.dtype),
    replacement: div(
      number(({ numbers: { c } }) => 1 / c),
      x,
    ),
    examples: elementwiseExamples((x) => of.reciprocal(of.mul(3, x))),
  }),
];

const shifts = (): readonly Rule[] => [
  shifting([1, 1], {
    name: 'number plus number',
    pattern: add(b, add(c, x)),
    joint: (b, c) => b + c,
    replacement: (joint) => add(joint, x),
    call: (x) => of.add(3, of.add(2, x)),
  }),
  shifting([1, 1], {
    name: 'number plus a difference from a number',
    pattern: add(b, sub(c, x)),
    joint: (b, c) => b + c,
    replacement: (joint) => sub(joint, x),
    call: (x) => of.add(3, of.sub(2, x)),
  }),
  shifting([1, -1], {
    name: 'number plus a difference',
    pattern: add(b, sub(x, c)),
    joint: (b, c) => b - c,
    replacement: (joint) => add(joint, x),
    call: (x) => of.add(like(x, -3), of.sub(x, 2)),
  }),
  shifting([1, -1], {
    name: 'number minus a sum',
    pattern: sub(b, add(c, x)),
    joint: (b, c) => b - c,
    replacement: (joint) => sub(joint, x),
    call: (x) => of.sub(like(x, -3), of.add(2, x)),
  }),
  shifting([1, -1], {
    name: 'number minus a difference from a number',
    pattern: sub(b, sub(c, x)),
    joint: (b, c) => b - c,
    replacement: (joint) => add(joint, x),
    call: (x) => of.sub(like(x, -3), of.sub(2, x)),
  }),
  shifting([1, 1], {
    name: 'number minus a difference',
    pattern: sub(b, sub(x, c)),
    joint: (b, c) => b + c,
    replacement: (joint) => sub(joint, x),
    call: (x) => of.sub(3, of.sub(x, 2)),
  }),
  shifting([-1, 1], {
    name: 'sum minus a number',
    pattern: sub(add(c, x), b),
    joint: (b, c) => c - b,
    replacement: (joint) => add(joint, x),
    call: (x) => of.sub(of.add(like(x, -2), x), 3),
  }),
  shifting([-1, 1], {
    name: 'difference from a number minus a number',
    pattern: sub(sub(c, x), b),
    joint: (b, c) => c - b,
    replacement: (joint) => sub(joint, x),
    call: (x) => of.sub(of.sub(like(x, -2), x), 3),
  }),
  shifting([1, 1], {
    name: 'difference minus a number',
    pattern: sub(sub(x, c), b),
    joint: (b, c) => b + c,
    replacement: (joint) => sub(x, joint),
    call: (x) => of.sub(of.sub(x, 2), 3),
  }),
];

/** A sign goes into a known factor or term. */
const signed = (): readonly Rule[] => [
  rule({
    name: 'negated multiple',
    class: 'exact',
    dtypes: 'number',
    pattern: neg(mul(c, x)),
    replacement: mul(
      number(({ numbers: { c } }) => -c),
      x,
    ),
    examples: elementwiseExamples((x) => of.neg(of.mul(3, x))),
  }),
  rule({
    name: 'negated quotient of a number',
    class: 'exact',
    pattern: neg(div(c, x)),
    replacement: div(
      number(({ numbers: { c } }) => -c),
      x,
    ),
    examples: elementwiseExamples((x) => of.neg(of.div(3, x))),
  }),
  rule({
    name: 'negated sum with a number',
    class: 'exact',
    dtypes: 'number',
    pattern: neg(add(c, x)),
    replacement: sub(
      number(({ numbers: { c } }) => -c),
      x,
    ),
    examples: elementwiseExamples((x) => of.neg(of.add(3, x))),
  }),
];

export const numberRules = (): readonly Rule[] => [...scalings(), ...shifts(), ...signed()];
