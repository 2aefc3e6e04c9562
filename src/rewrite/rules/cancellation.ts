/**
 * What is divided by itself, or multiplied and divided by the same.
 *
 * Where that is 0 or infinite, the left sides are NaN, and the right sides what remains in real numbers.
 */
import { sameShape } from '../../graph/index.ts';
import { real, registry } from '../../operations/index.ts';
import { madeBy, operationOf } from '../axes.ts';
import { costOfTerm } from '../cost.ts';
import { instantiate } from '../match.ts';
import { type Rule, rule } from '../rule.ts';
import { type Applied, number, type Term, terms, unknown } from '../term.ts';
import { elementwiseExamples } from './examples.ts';

const { mul, div, square, reciprocal } = terms;
const x = unknown('x');
const y = unknown('y');
const z = unknown('z');

const reciprocalOperation = operationOf('reciprocal');

/** Examples are drawn away from 0, where derivatives of the left sides lose all their digits. */
function cancelling(name: string, pattern: Applied, replacement: Term): Rule {
  const { unknowns } = costOfTerm(pattern);
  return rule({
    name,
    class: 'removesSingularity',
    pattern,
    replacement,
    examples: elementwiseExamples(
      (x, y, z) => instantiate(pattern, { variables: { x, y, z }, attributes: {}, numbers: {} }, x.dtype),
      ...[x, y, z].filter((each) => unknowns.has(each.name)).map(() => real(0.5, 3)),
    ),
  });
}

export const cancellationRules = (): readonly Rule[] => [
  cancelling(
    'divided by itself',
    div(x, x),
    number(() => 1),
  ),
  cancelling(
    'times its reciprocal',
    mul(x, reciprocal(x)),
    number(() => 1),
  ),
  cancelling('divided and multiplied', mul(div(x, y), y), x),
  cancelling('multiplied and divided', div(mul(x, y), y), x),
  cancelling('square divided by its root', div(square(x), x), x),
  cancelling('square times the reciprocal of its root', mul(square(x), reciprocal(x)), x),
  cancelling('divided by its multiple', div(x, mul(x, y)), reciprocal(y)),
  cancelling('divided by its square', div(x, square(x)), reciprocal(x)),
  cancelling('divided by its quotient', div(x, div(x, y)), y),
  cancelling('quotient divided by its dividend', div(div(x, y), x), reciprocal(y)),
  cancelling('common factor', div(mul(x, y), mul(x, z)), div(y, z)),
  cancelling('common factor above a square', div(mul(x, y), square(x)), div(y, x)),
  cancelling('common factor below a square', div(square(x), mul(x, y)), div(x, y)),
  cancelling('common factor above and below', mul(div(x, y), div(y, z)), div(x, z)),
  cancelling('common divisor', div(div(x, z), div(y, z)), div(x, y)),
  cancelling('square times a quotient by its root', mul(square(x), div(y, x)), mul(x, y)),
  cancelling('times a quotient by its square', mul(x, div(y, square(x))), div(y, x)),
  cancelling('reciprocal of a reciprocal', reciprocal(reciprocal(x)), x),
  cancelling('reciprocal of a quotient', reciprocal(div(x, y)), div(y, x)),
  cancelling('divided by a reciprocal', div(x, reciprocal(y)), mul(x, y)),
  rule({
    name: 'times a reciprocal',
    class: 'removesSingularity',
    pattern: mul(x, reciprocal(y)),
    // One reciprocal for many products is cheaper than as many quotients.
    where: (_, { application: { inputs, outputs }, uses }) =>
      inputs.some(
        (each) =>
          madeBy(each, reciprocalOperation) !== undefined &&
          sameShape(each.shape, outputs[0].shape) &&
          uses(each) <= 1,
      ),
    replacement: div(x, y),
    examples: [[3, 4], []].map((shape) => ({
      inputs: [real(-3, 3), real(0.5, 3)].map((domain) => ({ shape, domain })),
      call: (x, y) => registry.mul(x, registry.reciprocal(y)),
    })),
  }),
];
