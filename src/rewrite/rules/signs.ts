/** Signs: they move outwards, meet, and cancel. */
import { apply, isFloat, sizeOf, toFloat, toSum, type Variable } from '../../graph/index.ts';
import { real, registry, truth } from '../../operations/index.ts';
import { madeBy, operationOf } from '../axes.ts';
import { type Place, type Rule, type RuleExample, rule } from '../rule.ts';
import { attributes, number, type Term, terms, unknown } from '../term.ts';
import { isUnstretched } from './conditions.ts';
import { elementwiseExamples, examplesOf } from './examples.ts';

const { add, sub, mul, div, neg, sum, pow, square, abs, sign, reciprocal, where } = terms;
const { ceil, floor, round, maximum, minimum, max, min, cumsum, matmul } = terms;
const { sin, cos, tan, asin, atan, sinh, cosh, tanh, erf, atan2, hypot } = terms;
const { less, lessEqual, greater, greaterEqual, equal, notEqual } = terms;
const x = unknown('x');
const y = unknown('y');
const c = unknown('c');
const n = number('n');
const k = number('k');
const axes = attributes('axes');
const of = registry;
const common = { class: 'exact', dtypes: 'number' } as const;
const float = { class: 'exact' } as const;

/** In the dtypes in which floats compute, and sums. */
const asFloat = (x: Variable): Variable => of.cast(x, toFloat(x.dtype));
const summable = (x: Variable): Variable => of.cast(x, toSum(x.dtype));

/** In integers, wrapping around, the least number is its own negative, and of bytes there are none below 0. */
const odd = (): readonly Rule[] =>
  [sin, tan, asin, atan, sinh, tanh, erf, reciprocal, round, sign].map((each) => {
    const pattern = each(neg(x));
    return rule({
      name: `${pattern.operation.name} of a negative`,
      ...float,
      pattern,
      replacement: neg(each(x)),
    });
  });

const even = (): readonly Rule[] =>
  [cos, cosh, abs].map((each) => {
    const pattern = each(neg(x));
    return rule({ name: `${pattern.operation.name} of a negative`, ...float, pattern, replacement: each(x) });
  });

/** Of comparisons, what remains if both sides change their sign. */
const MIRRORED = [
  [less, greater],
  [lessEqual, greaterEqual],
  [greater, less],
  [greaterEqual, lessEqual],
  [equal, equal],
  [notEqual, notEqual],
] as const;

const negated = number(({ numbers: { n } }) => -n);
const opposite = number(({ numbers: { k } }) => 0 - k);

const comparisons = (): readonly Rule[] =>
  MIRRORED.flatMap(([compare, mirrored]) => {
    const { name } = compare(x, y).operation;
    const onFloats = ({ variables: { x } }: { variables: Readonly<Record<string, Variable>> }): boolean =>
      isFloat(x.dtype);
    const call = of[name as 'less'];
    const made = (
      side: string,
      pattern: ReturnType<typeof compare>,
      replacement: Term,
      examples: RuleExample[],
    ) =>
      rule({
        name: `${name} of ${side}`,
        class: 'exact',
        dtypes: 'any',
        where: onFloats,
        pattern,
        replacement,
        examples,
      });
    const rules = [
      made(
        'negatives',
        compare(neg(x), neg(y)),
        mirrored(x, y),
        elementwiseExamples((x, y) => call(of.neg(asFloat(x)), of.neg(asFloat(y))), real(-3, 3), real(-3, 3)),
      ),
      made(
        'a negative and a number',
        compare(neg(x), n),
        mirrored(x, negated),
        elementwiseExamples((x) => call(of.neg(asFloat(x)), 0.5)),
      ),
    ];
    if (compare(x, y).operation.commutative !== true) {
      rules.push(
        made(
          'a number and a negative',
          compare(n, neg(x)),
          mirrored(negated, x),
          elementwiseExamples((x) => call(0.5, of.neg(asFloat(x)))),
        ),
      );
    }
    return rules;
  });

const matrices = [
  { shape: [3, 5], domain: real(-3, 3) },
  { shape: [5, 4], domain: real(-3, 3) },
];

/** A sign is not moved to where there are more elements than before, since a product is no loop that it could join. */
const isNoLarger = (operand: 0 | 1): Rule['where'] => {
  return (_, { application: { inputs, outputs } }) =>
    sizeOf(outputs[0].shape) <= sizeOf(inputs[operand].shape);
};

const negOperation = operationOf('neg');
const keptApart = [operationOf('identity'), operationOf('stopGradient')];

/** The negative of a view. Of a repeated tensor it would be taken more often, and of one that is read elsewhere, twice. */
function viewedBefore({ application, uses }: Place): Variable | undefined {
  const { operation, inputs, outputs, attributes } = application;
  const negative = madeBy(inputs[0], negOperation);
  if (negative === undefined || inputs.length > 1 || uses(inputs[0]) > 1) return undefined;
  if (keptApart.includes(operation) || operation.opaque === true) return undefined;
  if (sizeOf(outputs[0].shape) > sizeOf(inputs[0].shape)) return undefined;
  return of.neg(apply(operation, negative.inputs, attributes));
}

const choices = (call: (c: Variable, x: Variable, y: Variable) => Variable): readonly RuleExample[] =>
  elementwiseExamples(call, truth, real(-3, 3), real(-3, 3)).slice(0, 1);

const alike = [
  [3, 4],
  [3, 4],
];

export const signRules = (): readonly Rule[] => [
  rule({ name: 'negated twice', ...common, pattern: neg(neg(x)), replacement: x }),
  rule({ name: 'times minus one', ...common, pattern: mul(x, -1), replacement: neg(x) }),
  rule({ name: 'zero minus', ...common, pattern: sub(0, x), replacement: neg(x) }),
  rule({ name: 'negated difference', ...common, pattern: neg(sub(x, y)), replacement: sub(y, x) }),
  rule({ name: 'minus a negative', ...common, pattern: sub(x, neg(y)), replacement: add(x, y) }),
  rule({ name: 'plus a negative', ...common, pattern: add(x, neg(y)), replacement: sub(x, y) }),
  rule({ name: 'negative minus', ...common, pattern: sub(neg(x), y), replacement: neg(add(x, y)) }),
  rule({ name: 'negative factor', ...common, pattern: mul(neg(x), y), replacement: neg(mul(x, y)) }),
  rule({ name: 'negative dividend', ...float, pattern: div(neg(x), y), replacement: neg(div(x, y)) }),
  rule({ name: 'negative divisor', ...float, pattern: div(x, neg(y)), replacement: neg(div(x, y)) }),
  rule({ name: 'square of a negative', ...common, pattern: square(neg(x)), replacement: square(x) }),
  ...odd(),
  ...even(),
  rule({ name: 'floor of a negative', ...float, pattern: floor(neg(x)), replacement: neg(ceil(x)) }),
  rule({ name: 'ceil of a negative', ...float, pattern: ceil(neg(x)), replacement: neg(floor(x)) }),
  rule({
    name: 'larger of two negatives',
    ...float,
    pattern: maximum(neg(x), neg(y)),
    where: isUnstretched('x', 'y'),
    replacement: neg(minimum(x, y)),
    examples: examplesOf('float', alike, (x, y) => of.maximum(of.neg(x), of.neg(y))),
  }),
  rule({
    name: 'smaller of two negatives',
    ...float,
    pattern: minimum(neg(x), neg(y)),
    where: isUnstretched('x', 'y'),
    replacement: neg(maximum(x, y)),
    examples: examplesOf('float', alike, (x, y) => of.minimum(of.neg(x), of.neg(y))),
  }),
  rule({
    name: 'angle of a negative',
    ...float,
    pattern: atan2(neg(y), x),
    where: isUnstretched('y'),
    replacement: neg(atan2(y, x)),
    examples: examplesOf('float', alike, (x, y) => of.atan2(of.neg(y), x)),
  }),
  rule({ name: 'length with a negative', ...float, pattern: hypot(neg(x), y), replacement: hypot(x, y) }),
  rule({
    name: 'even power of a negative',
    ...float,
    pattern: pow(neg(x), n),
    where: ({ numbers: { n } }) => n % 2 === 0,
    replacement: pow(x, n),
    examples: elementwiseExamples((x) => of.pow(of.neg(x), 4)),
  }),
  rule({
    name: 'odd power of a negative',
    ...float,
    pattern: pow(neg(x), n),
    where: ({ numbers: { n } }) => Math.abs(n % 2) === 1,
    replacement: neg(pow(x, n)),
    examples: elementwiseExamples((x) => of.pow(of.neg(x), -3)),
  }),
  rule({
    name: 'choice of negatives',
    ...common,
    pattern: where(c, neg(x), neg(y)),
    where: isUnstretched('x', 'y'),
    replacement: neg(where(c, x, y)),
    examples: choices((c, x, y) => of.where(c, of.neg(x), of.neg(y))),
  }),
  rule({
    name: 'negated choice of a negative or a number',
    ...common,
    pattern: neg(where(c, neg(x), k)),
    replacement: where(c, x, opposite),
    examples: choices((c, x) => of.neg(of.where(c, of.neg(x), 2))),
  }),
  rule({
    name: 'negated choice of a number or a negative',
    ...common,
    pattern: neg(where(c, k, neg(x))),
    replacement: where(c, opposite, x),
    examples: choices((c, x) => of.neg(of.where(c, 0, of.neg(x)))),
  }),
  rule({
    name: 'view of a negative',
    ...common,
    on: 'view',
    says: 'reshape(neg(x)) -> neg(reshape(x)), and other views that repeat nothing',
    replacement: (_, place) => viewedBefore(place),
    examples: [
      ...examplesOf('number', [[3, 4]], (x) => of.reshape(of.neg(x), [4, 3])),
      ...examplesOf('number', [[3, 4]], (x) => of.transpose(of.neg(x))),
      ...examplesOf('number', [[3, 4]], (x) => of.slice(of.neg(x), [1, 0], [3, 2])),
    ],
  }),
  rule({
    name: 'sum of negatives',
    ...common,
    pattern: sum(neg(x), axes),
    replacement: neg(sum(x, axes)),
    examples: examplesOf('number', [[3, 4]], (x) => of.sum(of.neg(summable(x)), 1)),
  }),
  rule({
    name: 'running sum of negatives',
    ...common,
    pattern: cumsum(neg(x), axes),
    replacement: neg(cumsum(x, axes)),
    examples: examplesOf('number', [[3, 4]], (x) => of.cumsum(of.neg(summable(x)), 1)),
  }),
  rule({
    name: 'largest negative',
    ...float,
    pattern: max(neg(x), axes),
    replacement: neg(min(x, axes)),
    examples: examplesOf('float', [[3, 4]], (x) => of.max(of.neg(x), 1)),
  }),
  rule({
    name: 'smallest negative',
    ...float,
    pattern: min(neg(x), axes),
    replacement: neg(max(x, axes)),
    examples: examplesOf('float', [[3, 4]], (x) => of.min(of.neg(x))),
  }),
  rule({
    name: 'product of two negative matrices',
    ...common,
    pattern: matmul(neg(x), neg(y)),
    replacement: matmul(x, y),
    examples: [{ inputs: matrices, call: (x, y) => of.matmul(of.neg(x), of.neg(y)) }],
  }),
  rule({
    name: 'product with a negative matrix on the left',
    ...common,
    pattern: matmul(neg(x), y),
    where: isNoLarger(0),
    replacement: neg(matmul(x, y)),
    examples: [{ inputs: matrices, call: (x, y) => of.matmul(of.neg(x), y) }],
  }),
  rule({
    name: 'product with a negative matrix on the right',
    ...common,
    pattern: matmul(x, neg(y)),
    where: isNoLarger(1),
    replacement: neg(matmul(x, y)),
    examples: [{ inputs: matrices, call: (x, y) => of.matmul(x, of.neg(y)) }],
  }),
  ...comparisons(),
];
