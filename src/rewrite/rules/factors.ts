/**
 * Factors that terms have in common: they move outwards, past sums and differences, where they meet fewer elements.
 *
 * c x_1 + c x_2 = c (x_1 + x_2) in real numbers. In floating point x_1 + x_2 may overflow where c x_1 + c x_2 does not: so the
 * terms must be known to stay away from the largest numbers, or c must not be small.
 */
import { constant, sameShape, tensor, type Variable } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { countAlong, madeBy, operationOf, reduceTo } from '../axes.ts';
import { isConstantAlong } from '../facts.ts';
import { addsUpFinite, type RangeOptions } from '../range.ts';
import { type Place, type Rule, type RuleClass, rule } from '../rule.ts';
import { attributes, type Bindings, number, terms, unknown } from '../term.ts';
import { exampleOf } from './examples.ts';

const r = registry;
const { sum, add, sub, mul, div } = terms;
const x = unknown('x');
const y = unknown('y');
const c = number('c');
/** Not the variable of `c` itself, which may be as large as what it multiplies. */
const factor = number(({ numbers }) => numbers.c);
const axes = attributes('axes');

const [sumOperation, mulOperation] = (['sum', 'mul'] as const).map(operationOf);

/** Stands for a factor of which nothing is known: it may be small, and what leaves it behind may then overflow. */
const SMALL = 0.5;

interface Kind {
  readonly suffix: string;
  readonly class: RuleClass;
  /** Whether `factor` may leave a sum of `count` of these terms. */
  mayLeave(terms: readonly Variable[], factor: number, count: number): boolean;
  /** A factor and operands for the examples, of which those of differences must be known to be bounded. */
  readonly example: number;
  operand(v: Variable): Variable;
  bounded(v: Variable): Variable;
  common(v: Variable): Variable;
}

function rulesOf({
  suffix,
  class: ruleClass,
  mayLeave,
  example,
  operand,
  bounded,
  common: shared,
}: Kind): Rule[] {
  const multiplied = ({ numbers: { c } }: Bindings): number => c;
  const divided = ({ numbers: { c } }: Bindings): number => 1 / c;
  const ofTerms =
    (factor: (found: Bindings) => number) =>
    (found: Bindings, { application }: Place): boolean => {
      const { x } = found.variables;
      const count = countAlong(x.shape, found.attributes.axes.axes);
      return sameShape(x.shape, application.inputs[0].shape) && isFit([x], factor(found), count);
    };
  const ofTwo =
    (factor: (found: Bindings) => number) =>
    (found: Bindings, { application, uses }: Place): boolean =>
      application.inputs.every((each) => uses(each) <= 1) &&
      Number.isFinite(factor(found)) &&
      isFit([found.variables.x, found.variables.y], SMALL, 2);
  const isFit = (terms: readonly Variable[], factor: number, count: number): boolean =>
    Number.isFinite(factor) && factor !== 0 && mayLeave(terms, factor, count);
  const one = [[2, 3]];
  const two = [...one, [3]];
  return [
    rule({
      name: `factor of a sum${suffix}`,
      class: ruleClass,
      pattern: sum(mul(c, x), axes),
      where: ofTerms(multiplied),
      replacement: mul(factor, sum(x, axes)),
      examples: [exampleOf(one, (v) => r.sum(r.mul(example, operand(v)), 1))],
    }),
    rule({
      name: `divisor of a sum${suffix}`,
      class: ruleClass,
      pattern: sum(div(x, c), axes),
      where: ofTerms(divided),
      replacement: div(sum(x, axes), factor),
      examples: [exampleOf(one, (v) => r.sum(r.div(operand(v), 1 / example), 0))],
    }),
    rule({
      name: `factor of a difference${suffix}`,
      class: ruleClass,
      pattern: sub(mul(c, x), mul(c, y)),
      where: ofTwo(multiplied),
      replacement: mul(factor, sub(x, y)),
      examples: [exampleOf(two, (v, w) => r.sub(r.mul(example, bounded(v)), r.mul(example, bounded(w))))],
    }),
    rule({
      name: `divisor of a difference${suffix}`,
      class: ruleClass,
      pattern: sub(div(x, c), div(y, c)),
      where: ofTwo(divided),
      replacement: div(sub(x, y), factor),
      examples: [
        exampleOf(two, (v, w) => r.sub(r.div(bounded(v), 1 / example), r.div(bounded(w), 1 / example))),
      ],
    }),
    rule({
      name: `factor of two terms${suffix}`,
      class: ruleClass,
      pattern: add(mul(c, x), mul(c, y)),
      where: ofTwo(multiplied),
      replacement: mul(factor, add(x, y)),
      examples: [exampleOf(two, (v, w) => r.add(r.mul(example, bounded(v)), r.mul(example, bounded(w))))],
    }),
    rule({
      name: `common factor of a sum${suffix}`,
      class: ruleClass,
      on: sumOperation,
      says: 'sum(x * y, axes) -> sum(x, axes) * y, where y is the same along the axes',
      replacement: (_, { application, uses }) => {
        const product = madeBy(application.inputs[0], mulOperation);
        if (product === undefined || uses(application.inputs[0]) > 1) return undefined;
        const [y, all] = [application.outputs[0], application.inputs[0]];
        const axes = application.attributes.axes as readonly number[];
        const count = countAlong(all.shape, axes);
        if (count <= 1) return undefined;
        for (const [own, common] of [product.inputs, [...product.inputs].reverse()]) {
          const lead = all.rank - own.rank;
          const varies = axes.every((axis) => axis >= lead && own.shape[axis - lead] === all.shape[axis]);
          if (!varies || !isConstantAlong(common, all.rank, axes) || !mayLeave([own, common], SMALL, count))
            continue;
          const total = reduceTo(
            sumOperation,
            own,
            axes.map((axis) => axis - lead),
            own.shape.map((extent, axis) => (axes.includes(axis + lead) ? 1 : extent)),
          );
          return r.reshape(
            r.broadcastTo(
              r.mul(total, common),
              all.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)),
            ),
            y.shape,
          );
        }
        return undefined;
      },
      examples: [
        exampleOf(
          [
            [2, 3],
            [2, 1],
          ],
          (v, w) => r.sum(r.mul(bounded(v), shared(w)), 1),
        ),
        exampleOf([[2, 3], [3]], (v, w) => r.sum(r.mul(shared(w), bounded(v)), 0)),
      ],
    }),
  ];
}

/** Not below 1, or of terms that cannot add up to too much. */
function safely(options: RangeOptions): Kind['mayLeave'] {
  return (terms, factor, count) =>
    Math.abs(factor) >= 1 || terms.every((each) => addsUpFinite(each, count, options));
}

export const factorRules = (): readonly Rule[] => [
  ...rulesOf({
    suffix: '',
    class: 'removesSingularity',
    mayLeave: safely({}),
    example: 3,
    operand: (v) => v,
    bounded: (v) => r.tanh(v),
    common: (v) => r.tanh(v),
  }),
  ...rulesOf({
    suffix: ' that may overflow',
    class: 'fastMath',
    mayLeave: () => true,
    example: 0.1,
    operand: (v) => v,
    bounded: (v) => v,
    common: (v) => v,
  }),
];

const ofKnown = (v: Variable): Variable => r.mul(constant(tensor([1, 2, 3], { dtype: v.dtype })), r.tanh(v));

/** The same, also where constant tensors hold no large numbers. */
export const dataFactorRules = (): readonly Rule[] =>
  rulesOf({
    suffix: ' of known numbers',
    class: 'removesSingularity',
    mayLeave: safely({ numbers: true }),
    example: 0.1,
    operand: ofKnown,
    bounded: ofKnown,
    common: (v) => r.tanh(v),
  });
