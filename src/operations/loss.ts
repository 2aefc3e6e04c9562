/** Normalised exponentials and the losses of classification and regression. */
import {
  apply,
  at,
  DTypeError,
  disconnected,
  formatShape,
  isFloat,
  normalizeAxis,
  type Operation,
  ShapeError,
  sameShape,
  type TensorLike,
  toFloat,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { div, neg, square, sub } from './arithmetic.ts';
import { sum } from './broadcasting.ts';
import { cast } from './conversion.ts';
import { declare, real, whole } from './declare.ts';
import { mul, unify } from './elementwise.ts';
import { exp, log } from './exponential.ts';
import { iota } from './generators.ts';
import { equal, less, lessEqual, logicalAnd, where } from './logic.ts';
import { finiteMax } from './logSumExp.ts';
import { expandDims } from './movement.ts';
import { mean } from './reduction.ts';
import { axisShifted, leading, pushed, total } from './rules.ts';

type AxisAttributes = { axis: number };

function along(operation: Operation<AxisAttributes>, x: TensorLike, axis: number): Variable {
  const operand = toVariable(x);
  const float = cast(operand, toFloat(operand.dtype));
  return apply(operation, [float], { axis: normalizeAxis(operation.name, axis, float.rank) });
}

const keepDims = { keepDims: true };

/** The Jacobian of softmax, diag(y) - y y^T, times v. It is symmetric, so the product serves both modes. */
function softmaxProduct(y: Variable, v: Variable, { axis }: AxisAttributes): Variable {
  return mul(y, sub(v, sum(mul(v, y), axis, keepDims)));
}

const softmaxOperation: Operation<AxisAttributes> = {
  name: 'softmax',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop: ({ outputs: [y], g, attributes }) => softmaxProduct(y, g, attributes),
  jvp: pushed((tangent, { outputs: [y], attributes }) => softmaxProduct(y, tangent, attributes)),
  batch: axisShifted,
  computation: {
    kind: 'composition',
    expand([x], { axis }) {
      const e = exp(sub(x, finiteMax(x, [axis])));
      return div(e, sum(e, axis, keepDims));
    },
  },
};

const logits = { shape: [3, 5], domain: real(-3, 3) };
const sequences = { shape: [2, 4, 3], domain: real(-3, 3) };

/** Normalised exponentials along `axis` (the last by default): positive, with sum 1. */
export const softmax = declare((x: TensorLike, axis = -1): Variable => along(softmaxOperation, x, axis))({
  name: 'softmax',
  doc: 'y_i = e^(x_i) / sum_j e^(x_j), computed with x - max x; its vjp is y (g - sum g y).',
  dtypes: 'float',
  operation: softmaxOperation,
  samples: [
    { inputs: [logits], call: (x) => softmax(x), torch: 'x.softmax(-1)' },
    { inputs: [logits], call: (x) => softmax(x, 0), torch: 'x.softmax(0)' },
    { inputs: [sequences], call: (x) => softmax(x, 1), torch: 'x.softmax(1)' },
  ],
});

const logSoftmaxOperation: Operation<AxisAttributes> = {
  name: 'logSoftmax',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop({ outputs: [y], g, attributes: { axis } }) {
    return sub(g, mul(exp(y), sum(g, axis, keepDims)));
  },
  jvp: pushed((tangent, { outputs: [y], attributes: { axis } }) =>
    sub(tangent, sum(mul(exp(y), tangent), axis, keepDims)),
  ),
  batch: axisShifted,
  computation: {
    kind: 'composition',
    expand: ([x], { axis }) => {
      const shifted = sub(x, finiteMax(x, [axis]));
      return sub(shifted, log(sum(exp(shifted), axis, keepDims)));
    },
  },
};

/** log(softmax(x)) along `axis` (the last by default), without overflow or log(0). */
export const logSoftmax = declare(
  (x: TensorLike, axis = -1): Variable => along(logSoftmaxOperation, x, axis),
)({
  name: 'logSoftmax',
  doc: 'y_i = x_i - log sum_j e^(x_j); its vjp is g - softmax(x) sum g.',
  dtypes: 'float',
  operation: logSoftmaxOperation,
  samples: [
    { inputs: [logits], call: (x) => logSoftmax(x), torch: 'x.log_softmax(-1)' },
    { inputs: [logits], call: (x) => logSoftmax(x, 0), torch: 'x.log_softmax(0)' },
    { inputs: [sequences], call: (x) => logSoftmax(x, 1), torch: 'x.log_softmax(1)' },
  ],
});

/** dJ/dx of each row: q sum p - p, with p one at the label, and NaN for a label outside the classes. */
function slopeInLogits(x: Variable, targets: Variable): Variable {
  const q = softmax(x);
  if (isFloat(targets.dtype)) return sub(mul(q, sum(targets, -1, keepDims)), targets);
  const difference = where(isLabel(x, targets), sub(q, 1), q);
  return where(expandDims(inRange(x, targets), -1), difference, Number.NaN);
}

/** Cross-entropy of each row: the loss itself is its mean. Inputs: logits [..., classes], targets. */
const crossEntropyOperation: Operation<Record<string, never>> = {
  name: 'crossEntropy',
  infer: ([x]) => [{ shape: x.shape.slice(0, -1), dtype: x.dtype }],
  bprop({ inputs: [x, targets], index, g }) {
    const rows = expandDims(g, -1);
    if (index === 0) return mul(rows, slopeInLogits(x, targets));
    return isFloat(targets.dtype) ? neg(mul(rows, logSoftmax(x))) : disconnected;
  },
  jvp: ({ inputs: [x, targets], tangents: [dx, dp] }) => [
    total(dx && sum(mul(dx, slopeInLogits(x, targets)), -1), dp && neg(sum(mul(dp, logSoftmax(x)), -1))),
  ],
  batch: leading,
  computation: {
    kind: 'composition',
    expand([x, targets]) {
      // 0 log 0 is 0: a class that does not occur adds nothing, however improbable it is.
      if (isFloat(targets.dtype))
        return neg(sum(where(equal(targets, 0), 0, mul(targets, logSoftmax(x))), -1));
      const valid = inRange(x, targets);
      const shifted = sub(x, finiteMax(x, [x.rank - 1]));
      const loss = sub(log(sum(exp(shifted), -1)), sum(where(isLabel(x, targets), shifted, 0), -1));
      return where(valid, loss, Number.NaN);
    },
  },
};

/** Whether each row's label names one of the classes. */
function inRange(x: Variable, labels: Variable): Variable {
  return logicalAnd(lessEqual(0, labels), less(labels, x.shape[x.rank - 1]));
}

/** [..., classes]: whether the class is the row's label. */
function isLabel(x: Variable, labels: Variable): Variable {
  return equal(expandDims(labels, -1), iota([x.shape[x.rank - 1]]));
}

/** How the losses of the rows are combined. */
export interface LossOptions {
  /** `mean` over the rows (default), their `sum`, or `none`: the losses row by row. */
  reduction?: 'mean' | 'sum' | 'none';
}

function reduceLoss(losses: Variable, { reduction = 'mean' }: LossOptions): Variable {
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? sum(losses) : mean(losses);
}

/**
 * Cross-entropy between softmax(logits) and the targets, averaged over the rows.
 * @param logits [..., classes], not normalised
 * @param targets integer labels [...], or probabilities [..., classes]
 * A label outside 0..classes-1 makes its row's loss and gradient NaN: never a number that looks right.
 * @throws ShapeError, DTypeError where the targets fit neither form
 */
export const crossEntropy = declare(
  (logits: TensorLike, targets: TensorLike, options: LossOptions = {}): Variable => {
    const x = toVariable(logits);
    const y = toVariable(targets);
    if (x.rank === 0)
      throw new ShapeError(`crossEntropy: logits are a scalar; they need a last axis of classes${at()}`);
    const rows = x.shape.slice(0, -1);
    if (isFloat(y.dtype)) {
      if (!sameShape(y.shape, x.shape)) {
        throw new ShapeError(
          `crossEntropy: ${y.type} as targets for logits ${formatShape(x.shape)}: float targets are probabilities of ` +
            `shape ${formatShape(x.shape)}; labels of shape ${formatShape(rows)} must be int32${at()}`,
        );
      }
      const [float, p] = unify([x, y], 'float');
      return reduceLoss(apply(crossEntropyOperation, [float, p], {}), options);
    }
    if (y.dtype === 'bool')
      throw new DTypeError(`crossEntropy: bool targets; use int32 labels or float probabilities${at()}`);
    if (!sameShape(y.shape, rows)) {
      throw new ShapeError(
        `crossEntropy: labels of shape ${formatShape(y.shape)} for logits ${formatShape(x.shape)}; expected ${formatShape(rows)}${at()}`,
      );
    }
    const float = cast(x, toFloat(x.dtype));
    return reduceLoss(apply(crossEntropyOperation, [float, cast(y, 'int32')], {}), options);
  },
)({
  name: 'crossEntropy',
  doc: 'J = -sum_i p_i log softmax(x)_i averaged over rows; dJ/dx = (softmax(x) sum p - p) / rows.',
  dtypes: 'float, int32 | float -> float',
  operation: crossEntropyOperation,
  samples: [
    {
      inputs: [logits, { shape: [3], domain: whole(0, 4) }],
      call: (x, y) => crossEntropy(x, y),
      torch: 'torch.nn.functional.cross_entropy(x, y)',
    },
    {
      inputs: [logits, { shape: [3, 5], domain: real(0, 1) }],
      call: (x, y) => crossEntropy(x, y),
      torch: 'torch.nn.functional.cross_entropy(x, y)',
    },
    {
      inputs: [logits, { shape: [3], domain: whole(0, 4) }],
      call: (x, y) => crossEntropy(x, y, { reduction: 'none' }),
      torch: 'torch.nn.functional.cross_entropy(x, y, reduction="none")',
    },
    {
      inputs: [sequences, { shape: [2, 4], domain: whole(0, 2) }],
      call: (x, y) => crossEntropy(x, y),
      torch: 'torch.nn.functional.cross_entropy(x.permute(0, 2, 1), y)',
    },
  ],
});

/** Squared differences, averaged over all elements unless told otherwise. */
export const squaredError = declare(
  (prediction: TensorLike, target: TensorLike, options: LossOptions = {}): Variable => {
    const [p, t] = unify([prediction, target], 'float');
    if (!sameShape(p.shape, t.shape)) {
      throw new ShapeError(
        `squaredError: prediction ${formatShape(p.shape)} and target ${formatShape(t.shape)} differ in shape; ` +
          `reshape one of them (a silent broadcast would average the wrong pairs)${at()}`,
      );
    }
    return reduceLoss(square(sub(p, t)), options);
  },
)({
  name: 'squaredError',
  doc: 'J = mean of (prediction - target)^2; dJ/dprediction = 2 (prediction - target) / n.',
  dtypes: 'float',
  samples: [
    {
      inputs: [logits, logits],
      call: (x, y) => squaredError(x, y),
      torch: 'torch.nn.functional.mse_loss(x, y)',
    },
    {
      inputs: [logits, logits],
      call: (x, y) => squaredError(x, y, { reduction: 'sum' }),
      torch: 'torch.nn.functional.mse_loss(x, y, reduction="sum")',
    },
  ],
});
