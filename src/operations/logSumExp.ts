/** The logarithm of a sum of exponentials, each with a weight of its own or with none, without overflow. */
import {
  type Axis,
  apply,
  broadcastShapes,
  type FloatDType,
  normalizeAxes,
  type Operation,
  reducedShape,
  sizeOf,
  type TensorLike,
  type Variable,
} from '../graph/index.ts';
import { add, clip, div, sub } from './arithmetic.ts';
import {
  broadcastTo,
  inferReduction,
  type KeepDims,
  type ReductionAttributes,
  restoreAxes,
  sum,
  sumLike,
} from './broadcasting.ts';
import { declare, real, type Sample } from './declare.ts';
import { binary, mul, unify } from './elementwise.ts';
import { exp, log } from './exponential.ts';
import { full } from './generators.ts';
import { stopGradient } from './identity.ts';
import { equal, less, logicalAnd, where } from './logic.ts';
import { reshape } from './movement.ts';
import { max, reductionSamples } from './reduction.ts';
import { axesShifted, leading, pushed, total } from './rules.ts';

const LARGEST = { float32: (2 - 2 ** -23) * 2 ** 127, float64: Number.MAX_VALUE };

/**
 * The largest element along axes, or the finite number next to it where it is infinite: subtracting it never makes a NaN,
 * and beside an infinite element what is finite vanishes, however large.
 */
export function finiteMax(x: Variable, axes: readonly number[]): Variable {
  if (sizeOf(x.shape) === 0) return full(reducedShape(x.shape, axes, true), 0, x.dtype);
  const bound = LARGEST[x.dtype as FloatDType];
  return clip(max(x, axes, { keepDims: true }), -bound, bound);
}

/**
 * Shares of a sum, divided by what they add up to. That is 1, but for the rounding of the logarithm y of the sum: where y
 * is large, so is its rounding, and all e^(x_i - y) are off by that factor. Being 1, it has no derivative. (Of a sum that is
 * 0 or infinite there are no shares.)
 */
function normalized(shares: Variable, total: Variable): Variable {
  const proper = logicalAnd(less(0, total), less(total, Infinity));
  return div(shares, stopGradient(where(proper, total, 1)));
}

/** e^(x - y) for y = logSumExp(x), of x's rank; 0 where all of x is -Infinity (y too), which has no softmax. */
function softmaxAgainst(x: Variable, y: Variable, { axes }: ReductionAttributes): Variable {
  const shares = exp(sub(x, where(equal(y, -Infinity), 0, y)));
  return normalized(shares, sum(shares, axes, { keepDims: true }));
}

/** m + log sum_i f(e^(x_i - m)), where m is the largest x. */
function scaledBack(
  x: Variable,
  attributes: ReductionAttributes,
  f: (scaled: Variable) => Variable,
): Variable {
  const largest = finiteMax(x, attributes.axes);
  const logarithm = log(sumLike(f(exp(sub(x, largest))), attributes));
  return add(logarithm, reshape(largest, logarithm.shape));
}

const logSumExpOperation: Operation<ReductionAttributes> = {
  name: 'logSumExp',
  infer: ([x], attributes) => [{ shape: inferReduction('logSumExp', x, attributes), dtype: x.dtype }],
  bprop: ({ inputs: [x], outputs: [y], g, attributes }) =>
    mul(restoreAxes(g, x, attributes), softmaxAgainst(x, restoreAxes(y, x, attributes), attributes)),
  jvp: pushed((tangent, { inputs: [x], outputs: [y], attributes }) =>
    sumLike(mul(tangent, softmaxAgainst(x, restoreAxes(y, x, attributes), attributes)), attributes),
  ),
  batch: axesShifted,
  computation: {
    kind: 'composition',
    expand: ([x], attributes) => scaledBack(x, attributes, (scaled) => scaled),
  },
};

/**
 * a e^b, and 0 where a = 0 whatever b is. The exponential is multiplied in two halves, so that e^b may be too large for
 * a number, or too small, while a e^b is not. A product of its own, because every derivative of it is one again: a guard
 * around a e^b would be wrong in da, which is e^b also where a = 0.
 */
export const mulExp = binary('mulExp', {
  doc: 'y = a e^b, and 0 where a = 0; dy/da = e^b, dy/db = y.',
  formula: (k, a, b) => {
    const half = k.exp(k.mul(k.literal(0.5), b));
    return k.select(k.eq(a, k.literal(0)), a, k.mul(k.mul(a, half), half));
  },
  routes: [({ b, g }) => mulExp(g, b), ({ a, b, g }) => mulExp(mul(g, a), b)],
  samples: real(-2, 2),
  special: [0, -0, 1, -1, 1e-40, -3e38, 89, -104, 170, 710, 1400, Infinity, -Infinity, NaN],
  torch: 'x * torch.exp(y)',
});

/** x - y for y of the same sum, the logarithm of the share of e^x in it; -Infinity, for no share, where both are -Infinity. */
function logShare(x: Variable, y: Variable): Variable {
  return where(logicalAnd(equal(x, -Infinity), equal(y, -Infinity)), -Infinity, sub(x, y));
}

/** Inputs: x and the weights, of one shape. */
const weightedOperation: Operation<ReductionAttributes> = {
  name: 'weightedLogSumExp',
  infer: ([x], attributes) => [{ shape: inferReduction('logSumExp', x, attributes), dtype: x.dtype }],
  bprop({ inputs: [x, w], outputs: [y], index, g, attributes }) {
    const share = logShare(x, restoreAxes(y, x, attributes));
    const incoming = restoreAxes(g, x, attributes);
    const shares = mulExp(w, share);
    const total = sum(shares, attributes.axes, { keepDims: true });
    return index === 0
      ? mul(incoming, normalized(shares, total))
      : normalized(mulExp(incoming, share), total);
  },
  jvp({ inputs: [x, w], outputs: [y], tangents: [dx, dw], attributes }) {
    const share = logShare(x, restoreAxes(y, x, attributes));
    const shares = mulExp(w, share);
    const whole = sum(shares, attributes.axes, { keepDims: true });
    return [
      total(
        dx === undefined ? undefined : sumLike(mul(dx, normalized(shares, whole)), attributes),
        dw === undefined ? undefined : sumLike(normalized(mulExp(dw, share), whole), attributes),
      ),
    ];
  },
  batch: (batch) =>
    leading({
      ...batch,
      attributes: { ...batch.attributes, axes: batch.attributes.axes.map((axis) => axis + 1) },
    }),
  kinks: ({ outputs: [y] }) => [
    { where: equal(y, -Infinity), point: 'logarithm of 0', convention: 'infinite; 0 where a factor is 0' },
  ],
  computation: {
    kind: 'composition',
    expand([x, w], attributes) {
      const counted = where(equal(w, 0), -Infinity, x);
      return scaledBack(counted, attributes, (scaled) => mul(w, scaled));
    },
  },
};

export interface LogSumExpOptions extends KeepDims {
  /**
   * A factor w_i for each e^(x_i), of any sign; it broadcasts with x, and axes are those of the common shape. Where it
   * is 0, x does not count, even if it is infinite or NaN. Default: 1.
   */
  weights?: TensorLike;
}

interface LogSumExp {
  (x: TensorLike): Variable<readonly []>;
  (x: TensorLike, axis?: Axis, options?: LogSumExpOptions): Variable;
}

const logSumExpOf = (
  x: TensorLike,
  axis?: Axis,
  { keepDims = false, weights }: LogSumExpOptions = {},
): Variable => {
  const operands = unify(weights === undefined ? [x] : [x, weights], 'float');
  const shape = broadcastShapes('logSumExp', ...operands.map((each) => each.shape));
  return apply(
    weights === undefined ? logSumExpOperation : weightedOperation,
    operands.map((each) => broadcastTo(each, shape)),
    { axes: normalizeAxes('logSumExp', axis, shape.length), keepDims },
  );
};

/** Weighted sums, whose weights are stretched, or stretch x. */
const weightedSamples: readonly Sample[] = (
  [
    [[3, 4], [3, 4], undefined, ''],
    [[3, 5], [5], -1, '1'],
    [[4], [3, 1], 0, '0'],
    [[2, 3, 1], [17], [0, 2], '(0, 2), keepdim=True'],
  ] as const
).map(([shape, factors, axis, text]) => ({
  inputs: [
    { shape, domain: real(-1, 1) },
    { shape: factors, domain: real(0.8, 2) },
  ],
  call: (x, weights) => logSumExpOf(x, axis, { weights, keepDims: text.includes('keepdim') }),
  torch: `torch.log((y * torch.exp(x)).sum(${text}))`,
}));

/**
 * log(sum(weights * exp(x))) along `axis` (all axes by default), without overflow: NaN where the sum is negative, -Infinity
 * where it is 0. With the weights 1 / n it is the logarithm of a mean; with a mask, a sum over what the mask leaves.
 *
 * @throws ShapeError where x and the weights do not broadcast
 */
export const logSumExp = declare(logSumExpOf as LogSumExp)({
  name: 'logSumExp',
  doc: 'y = log sum_i w_i e^(x_i), computed as m + log sum_i w_i e^(x_i - m) with m the largest x whose weight is not 0; dy/dx_i = w_i e^(x_i - y), dy/dw_i = e^(x_i - y).',
  dtypes: 'float',
  operation: logSumExpOperation,
  samples: [
    ...reductionSamples(logSumExpOf, real(-3, 3), (axis) => `x.logsumexp(${axis})`),
    ...weightedSamples,
  ],
});
