/** Operations that leave their operand as it is, and other ways to write a single operation. */
import { getOperation } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { hasExactReciprocal } from '../literals.ts';
import { type Rule, rule } from '../rule.ts';
import { number, terms, unknown } from '../term.ts';
import { elementwiseExamples } from './examples.ts';

const { add, sub, mul, div, pow, square, reciprocal, maximum, minimum } = terms;
const { abs, ceil, floor, relu, round, sign } = terms;
const x = unknown('x');
const y = unknown('y');
const of = registry;

const common = { class: 'exact', dtypes: 'number' } as const;
const integer = { class: 'exact', dtypes: 'integer' } as const;

/** Of applying these after themselves, or after others that leave nothing to do for them, the first is enough. */
const settled = (): readonly Rule[] =>
  [
    ...[floor, ceil, round].flatMap((outer) =>
      [floor, ceil, round, sign].map((inner) => [outer, inner] as const),
    ),
    [sign, sign] as const,
    [abs, abs] as const,
    [abs, relu] as const,
    [relu, relu] as const,
    [relu, abs] as const,
  ].map(([outer, inner]) => {
    const pattern = outer(inner(x));
    const names = [pattern.operation.name, inner(x).operation.name];
    return rule({ name: `${names[0]} of ${names[1]}`, class: 'exact', pattern, replacement: inner(x) });
  });

/** Integers are whole. */
const whole = (): readonly Rule[] =>
  [floor, ceil, round].map((rounding) => {
    const pattern = rounding(x);
    return rule({ name: `${pattern.operation.name} of integers`, ...integer, pattern, replacement: x });
  });

export const identityRules = (): readonly Rule[] => [
  rule({ name: 'zero added', ...common, pattern: add(x, 0), replacement: x }),
  rule({ name: 'zero subtracted', ...common, pattern: sub(x, 0), replacement: x }),
  rule({ name: 'times one', ...common, pattern: mul(x, 1), replacement: x }),
  rule({ name: 'divided by one', class: 'exact', pattern: div(x, 1), replacement: x }),
  rule({ name: 'one over', class: 'exact', pattern: div(1, x), replacement: reciprocal(x) }),
  rule({
    name: 'divided by a power of two',
    class: 'exact',
    pattern: div(x, number('c')),
    // A mean stays what it is in the textbook: a sum divided by a count.
    where: ({ variables: { x }, numbers: { c } }) =>
      hasExactReciprocal(c, x.dtype) && getOperation(x)?.operation.computation.kind !== 'reduction',
    replacement: ({ variables: { x }, numbers: { c } }) => of.mul(1 / c, x),
    says: 'div(x, 2^n) -> mul(2^-n, x)',
    examples: [...elementwiseExamples((x) => of.div(x, 4)), ...elementwiseExamples((x) => of.div(x, -0.5))],
  }),
  rule({ name: 'power of zero', class: 'exact', pattern: pow(x, 0), replacement: number(() => 1) }),
  rule({ name: 'power of base one', class: 'exact', pattern: pow(1, x), replacement: number(() => 1) }),
  rule({ name: 'power of one', class: 'exact', pattern: pow(x, 1), replacement: x }),
  rule({ name: 'power of two', class: 'exact', pattern: pow(x, 2), replacement: square(x) }),
  rule({ name: 'power of minus one', class: 'exact', pattern: pow(x, -1), replacement: reciprocal(x) }),
  rule({ name: 'times itself', ...common, pattern: mul(x, x), replacement: square(x) }),
  rule({ name: 'added to itself', ...common, pattern: add(x, x), replacement: mul(2, x) }),
  rule({ name: 'larger of one', ...common, pattern: maximum(x, x), replacement: x }),
  rule({ name: 'smaller of one', ...common, pattern: minimum(x, x), replacement: x }),
  rule({ name: 'integer times zero', ...integer, pattern: mul(x, 0), replacement: number(() => 0) }),
  rule({ name: 'integer minus itself', ...integer, pattern: sub(x, x), replacement: number(() => 0) }),
  rule({ name: 'integer added and subtracted', ...integer, pattern: sub(add(x, y), y), replacement: x }),
  rule({ name: 'integer subtracted and added', ...integer, pattern: add(sub(x, y), y), replacement: x }),
  rule({ name: 'integer minus a difference', ...integer, pattern: sub(x, sub(x, y)), replacement: y }),
  ...settled(),
  ...whole(),
];
