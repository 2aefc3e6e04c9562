/** Reductions made of simpler ones, with derivatives of their own that are shorter and stabler. */
import {
  type Axis,
  apply,
  normalizeAxes,
  type Operation,
  sizeOf,
  type TensorLike,
  toFloat,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { div, sqrt, square, sub } from './arithmetic.ts';
import {
  inferReduction,
  type KeepDims,
  type Reduction,
  type ReductionAttributes,
  restoreAxes,
  sumLike,
} from './broadcasting.ts';
import { cast } from './conversion.ts';
import { declare, real } from './declare.ts';
import { mul } from './elementwise.ts';
import { equal, where } from './logic.ts';
import { axesShifted, pushed } from './oneOperand.ts';
import { mean, reductionSamples } from './reduction.ts';

type Call = (x: TensorLike, axis?: Axis, options?: KeepDims) => Variable;

function floatOperand(x: TensorLike): Variable {
  const operand = toVariable(x);
  return cast(operand, toFloat(operand.dtype));
}

type VarianceAttributes = ReductionAttributes & { correction: number };

/** The number of elements along axes, less `correction`, but not below 0. */
function degrees(x: Variable, { axes, correction }: VarianceAttributes): number {
  return Math.max(0, sizeOf(axes.map((axis) => x.shape[axis])) - correction);
}

/** x less its mean along axes. */
function deviation(x: Variable, { axes }: VarianceAttributes): Variable {
  return sub(x, mean(x, axes, { keepDims: true }));
}

const varianceOperation: Operation<VarianceAttributes> = {
  name: 'variance',
  infer: ([x], attributes) => [{ shape: inferReduction('variance', x, attributes), dtype: x.dtype }],
  bprop({ inputs: [x], g, attributes }) {
    const scaled = div(mul(2, restoreAxes(g, x, attributes)), degrees(x, attributes));
    return mul(scaled, deviation(x, attributes));
  },
  jvp: pushed((tangent, { inputs: [x], attributes }) =>
    div(mul(2, sumLike(mul(tangent, deviation(x, attributes)), attributes)), degrees(x, attributes)),
  ),
  batch: axesShifted,
  computation: {
    kind: 'composition',
    expand: ([x], attributes) =>
      div(sumLike(square(deviation(x, attributes)), attributes), degrees(x, attributes)),
  },
};

export interface VarianceOptions extends KeepDims {
  /** Subtracted from the number of elements: 0 (default) for the population, 1 for an unbiased estimate. */
  correction?: number;
}

const varianceOf = (
  x: TensorLike,
  axis?: Axis,
  { keepDims = false, correction = 0 }: VarianceOptions = {},
): Variable => {
  const operand = floatOperand(x);
  const axes = normalizeAxes('variance', axis, operand.rank);
  return apply(varianceOperation, [operand], { axes, keepDims, correction });
};

/** The mean squared deviation along `axis` (all axes by default), in two passes. */
export const variance = declare(varianceOf)({
  name: 'variance',
  doc: 'y = sum_i (x_i - mean x)^2 / (n - correction), in two passes.',
  dtypes: 'float',
  operation: varianceOperation,
  samples: [
    ...reductionSamples(
      varianceOf,
      real(-2, 2),
      (axis) => `x.var(${axis.replace(/^-?\d/, (d) => `${d}, unbiased=False`)})`,
    ),
    {
      inputs: [{ shape: [3, 5], domain: real(-2, 2) }],
      call: (x) => varianceOf(x, 1, { correction: 1 }),
      torch: 'x.var(1)',
    },
  ],
});

/** x / |x|, and 0 at the origin. */
function directionOf(x: Variable, y: Variable, attributes: ReductionAttributes): Variable {
  const length = restoreAxes(y, x, attributes);
  const origin = equal(length, 0);
  return div(where(origin, 0, x), where(origin, 1, length));
}

const normOperation: Operation<ReductionAttributes> = {
  name: 'norm',
  infer: ([x], attributes) => [{ shape: inferReduction('norm', x, attributes), dtype: x.dtype }],
  bprop: ({ inputs: [x], outputs: [y], g, attributes }) =>
    mul(restoreAxes(g, x, attributes), directionOf(x, y, attributes)),
  jvp: pushed((tangent, { inputs: [x], outputs: [y], attributes }) =>
    sumLike(mul(tangent, directionOf(x, y, attributes)), attributes),
  ),
  batch: axesShifted,
  kinks: ({ outputs: [y] }) => [{ where: equal(y, 0), point: 'corner at the origin', convention: '0' }],
  computation: {
    kind: 'composition',
    expand: ([x], attributes) => sqrt(sumLike(square(x), attributes)),
  },
};

const normOf: Call = (x, axis, { keepDims = false } = {}) => {
  const operand = floatOperand(x);
  return apply(normOperation, [operand], { axes: normalizeAxes('norm', axis, operand.rank), keepDims });
};

/** The Euclidean length along `axis` (all axes by default). By convention its gradient at the origin is 0. */
export const norm = declare(normOf as Reduction)({
  name: 'norm',
  doc: 'Euclidean length: y = sqrt(sum x_i^2), dy/dx_i = x_i / y, and 0 at the origin.',
  dtypes: 'float',
  operation: normOperation,
  samples: reductionSamples(normOf, real(-2, 2), (axis) => `x.norm(2, ${axis})`),
});
