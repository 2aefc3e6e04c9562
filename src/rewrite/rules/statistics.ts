/** Variances, covariances and lengths as the textbook writes them. */
import { type DType, EPSILON, type FloatDType, sameShape, type Variable } from '../../graph/index.ts';
import type { ReductionAttributes } from '../../operations/broadcasting.ts';
import { registry } from '../../operations/index.ts';
import { uniformValue } from '../../operations/uniform.ts';
import { countAlong, madeBy, operationOf } from '../axes.ts';
import { rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';
import { standsBeside } from './beside.ts';

const { div, mean, mul, sqrt, square, sub, sum, variance } = registry;
const x = unknown('x');
const y = unknown('y');
const matrix = { shape: [4, 5], domain: { low: -3, high: 3 } };
const axes = attributes('axes');
const keepDims = { keepDims: true };

/** A sum of `of` over axes, `times` a number. */
interface ScaledSum extends ReductionAttributes {
  readonly of: Variable;
  readonly times: number;
  /** The sum itself, without the number. */
  readonly sum: Variable;
}

/** `v` as a sum times a number, or divided by one. */
function scaledSum(v: Variable): ScaledSum | undefined {
  let [sum, times] = [v, 1];
  const [quotient, product] = [madeBy(v, operationOf('div')), madeBy(v, operationOf('mul'))];
  if (quotient !== undefined) {
    const [x, n] = quotient.inputs;
    [sum, times] = [x, 1 / (uniformValue(n) ?? Number.NaN)];
  } else if (product !== undefined) {
    const [a, b] = product.inputs;
    const [number, other] = uniformValue(a) === undefined ? [b, a] : [a, b];
    [sum, times] = [other, uniformValue(number) ?? Number.NaN];
  }
  const application = madeBy(sum, operationOf('sum'));
  if (application === undefined || Number.isNaN(times)) return undefined;
  return { ...(application.attributes as ReductionAttributes), of: application.inputs[0], times, sum };
}

/** Numbers of a dtype that differ by rounding at most: a count more or less is another number. */
const close = (a: number, b: number, dtype: DType): boolean =>
  Math.abs(a - b) <= 4 * EPSILON[dtype as FloatDType] * Math.abs(b);

function times(factor: number, v: Variable): Variable {
  return close(factor, 1, v.dtype) ? v : mul(factor, v);
}

/** `v` as `f` of something, times a number. */
function scaledBy(
  v: Variable,
  name: 'square' | 'mul',
): { inputs: readonly Variable[]; times: number } | undefined {
  const own = madeBy(v, operationOf(name));
  if (own?.inputs.every((each) => uniformValue(each) === undefined)) return { inputs: own.inputs, times: 1 };
  const quotient = madeBy(v, operationOf('div'));
  const [a, b] = (quotient ?? madeBy(v, operationOf('mul')))?.inputs ?? [];
  if (a === undefined) return undefined;
  const [number, other] = quotient !== undefined || uniformValue(a) === undefined ? [b, a] : [a, b];
  const value = uniformValue(number);
  const application = madeBy(other, operationOf(name));
  if (value === undefined || application === undefined) return undefined;
  return { inputs: application.inputs, times: quotient === undefined ? value : 1 / value };
}

function overSameAxes(a: ScaledSum, b: ScaledSum): boolean {
  return sameShape(a.of.shape, b.of.shape) && sameShape(a.axes, b.axes) && a.keepDims === b.keepDims;
}

/** The mean of x y less the product of the means, times a number, as the mean product of deviations. */
function centred(first: Variable, second: Variable): Variable | undefined {
  const products = scaledSum(first);
  if (products === undefined) return undefined;
  const squared = madeBy(products.of, operationOf('square'));
  const [x, y = x] = squared?.inputs ?? madeBy(products.of, operationOf('mul'))?.inputs ?? [];
  const sums = scaledBy(second, squared === undefined ? 'mul' : 'square');
  if (sums === undefined) return undefined;
  const [left, right = left] = sums.inputs.map(scaledSum);
  if (left === undefined || right === undefined) return undefined;
  const matches = (left.of === x && right.of === y) || (left.of === y && right.of === x);
  if (!matches || !overSameAxes(products, left) || !overSameAxes(products, right)) return undefined;
  const count = countAlong(x.shape, products.axes);
  if (count === 0 || !close(sums.times * left.times * right.times, products.times / count, x.dtype))
    return undefined;
  const { axes, keepDims } = products;
  return times(
    products.times * count,
    squared === undefined ? covariance(x, y, axes, keepDims) : variance(x, axes, { keepDims }),
  );
}

function covariance(x: Variable, y: Variable, axes: number[], kept: boolean): Variable {
  const deviations = [x, y].map((each) => sub(each, mean(each, axes, keepDims)));
  return mean(mul(deviations[0], deviations[1]), axes, { keepDims: kept });
}

/** x for a variable that is x less its mean along axes. */
function centre(deviation: Variable | undefined, axes: readonly number[]): Variable | undefined {
  const difference = deviation && madeBy(deviation, operationOf('sub'));
  if (difference === undefined) return undefined;
  const [x, middle] = difference.inputs;
  const average = scaledSum(middle);
  const fits =
    average?.of === x &&
    standsBeside(middle.shape, x.shape, axes) &&
    sameShape(average.axes, axes) &&
    close(average.times * countAlong(x.shape, axes), 1, x.dtype);
  return fits ? x : undefined;
}

/** The sum of squared deviations, divided by a whole number up to theirs, as a variance. */
function varianceOf(v: Variable): Variable | undefined {
  const squares = scaledSum(v);
  if (squares === undefined) return undefined;
  const { of, axes, keepDims } = squares;
  const x = centre(madeBy(of, operationOf('square'))?.inputs[0], axes);
  const count = countAlong(of.shape, axes);
  const degrees = Math.round(1 / squares.times);
  const fits = degrees >= 1 && degrees <= count && close(1 / squares.times, degrees, of.dtype);
  return x !== undefined && fits ? variance(x, axes, { keepDims, correction: count - degrees }) : undefined;
}

export const statisticsRules = () => [
  rule({
    name: 'variance by moments',
    class: 'removesSingularity',
    on: operationOf('sub'),
    replacement: (_, { application: { inputs } }) => centred(inputs[0], inputs[1]),
    says: 'mean(x^2) - mean(x)^2 -> variance(x), mean(x y) - mean(x) mean(y) -> mean((x - mean(x)) (y - mean(y)))',
    examples: [
      { inputs: [matrix], call: (x) => sub(mean(square(x)), square(mean(x))) },
      { inputs: [matrix], call: (x) => sub(mean(square(x), 1), square(mean(x, 1))) },
      {
        inputs: [matrix],
        call: (x) => sub(sum(square(x), 0, keepDims), div(square(sum(x, 0, keepDims)), 4)),
      },
      { inputs: [matrix], call: (x) => sub(sum(square(x), 1), mul(5, square(mean(x, 1)))) },
      { inputs: [matrix, matrix], call: (x, y) => sub(mean(mul(x, y), 0), mul(mean(x, 0), mean(y, 0))) },
    ],
  }),
  rule({
    name: 'variance',
    class: 'removesSingularity',
    on: operationOf('div'),
    replacement: (_, { application: { outputs } }) => varianceOf(outputs[0]),
    says: 'mean((x - mean(x))^2) -> variance(x)',
    examples: [
      { inputs: [matrix], call: (x) => mean(square(sub(x, mean(x)))) },
      { inputs: [matrix], call: (x) => mean(square(sub(x, mean(x, 1, keepDims))), 1, keepDims) },
      { inputs: [matrix], call: (x) => div(sum(square(sub(x, mean(x, 0, keepDims))), 0), 3) },
    ],
  }),
  rule({
    name: 'variance by a factor',
    class: 'removesSingularity',
    on: operationOf('mul'),
    replacement: (_, { application: { outputs } }) => varianceOf(outputs[0]),
    says: 'mul(1 / n, sum((x - mean(x))^2)) -> variance(x)',
    examples: [{ inputs: [matrix], call: (x) => mul(sum(square(sub(x, mean(x)))), 0.05) }],
  }),
  // At the origin a length has no derivative, and the root says so with NaN; hypot and norm give 0 by convention.
  rule({
    name: 'length of a pair',
    class: 'fastMath',
    pattern: terms.sqrt(terms.add(terms.square(x), terms.square(y))),
    replacement: terms.hypot(x, y),
  }),
  rule({
    name: 'length',
    class: 'fastMath',
    pattern: terms.sqrt(terms.sum(terms.square(x), axes)),
    replacement: terms.norm(x, axes),
    examples: [
      { inputs: [matrix], call: (x) => sqrt(sum(square(x))) },
      { inputs: [matrix], call: (x) => sqrt(sum(square(x), 1, keepDims)) },
    ],
  }),
];
