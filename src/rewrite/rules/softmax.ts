/** Normalised exponentials as the textbook writes them, and what shifts of their exponents leave as it is. */
import {
  type Application,
  getOperation,
  type Operation,
  sameShape,
  sizeOf,
  type Variable,
} from '../../graph/index.ts';
import type { ReductionAttributes } from '../../operations/broadcasting.ts';
import { registry } from '../../operations/index.ts';
import { mulExp } from '../../operations/logSumExp.ts';
import { uniformValue } from '../../operations/uniform.ts';
import { madeBy, operationOf } from '../axes.ts';
import { isConstantAlong } from '../facts.ts';
import { rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';
import { reductionBeside } from './beside.ts';
import { exponentialForm } from './exponentialForm.ts';

const { abs, add, broadcastTo, div, exp, log, logSoftmax, logSumExp, matmul, max, mul, softmax } = registry;
const { equal, reshape, stopGradient, sub, sum, where } = registry;
const x = unknown('x');
const matrix = { shape: [4, 5], domain: { low: -3, high: 3 } };
const list = { ...matrix, shape: [5] };
const keepDims = { keepDims: true };
const along = attributes('along');

/** The axes over which `v` is the sum of `x`, standing beside it. */
function axesOfSum(v: Variable, x: Variable): readonly number[] | undefined {
  const application = reductionBeside(v);
  const fits = application?.operation === operationOf('sum') && application.inputs[0] === x;
  return fits ? (application.attributes as ReductionAttributes).axes : undefined;
}

/**
 * t / sum t for t = w e^a, with an e^a that neither overflows nor vanishes. With weights, the largest exponent alone does
 * not tell the size of the sum: the logarithm of the sum of |w| e^a does. What t is divided by drops out, and out of the
 * derivatives too.
 */
function normalized(t: Variable, axes: readonly number[]): Variable | undefined {
  // It is in this form already.
  if (madeBy(t, mulExp.declaration.operation as Operation) !== undefined) return undefined;
  const form = exponentialForm(t);
  if (form === undefined) return undefined;
  const { weight } = form;
  const exponent = broadcastTo(form.exponent, t.shape);
  if (weight !== undefined && !isNumber(weight)) {
    const size = stopGradient(logSumExp(add(exponent, log(abs(weight))), axes, keepDims));
    const scaled = mulExp(weight, sub(exponent, size));
    // Beside an infinite term, whose share is NaN, those of the others are 0.
    return div(scaled, where(equal(size, Infinity), 1, sum(scaled, axes, keepDims)));
  }
  return axes.length === 1
    ? softmax(exponent, axes[0])
    : exp(sub(exponent, logSumExp(exponent, axes, keepDims)));
}

/** A weight that drops out. */
function isNumber(weight: Variable): boolean {
  const value = uniformValue(weight);
  return value !== undefined && value !== 0 && Number.isFinite(value);
}

/** numerator / divisor where the divisor is the sum of the numerator, or of one of its factors. */
function normalizedQuotient(numerator: Variable, divisor: Variable): Variable | undefined {
  const whole = axesOfSum(divisor, numerator);
  if (whole !== undefined) return normalized(numerator, whole);
  const factors = madeBy(numerator, operationOf('mul'))?.inputs;
  if (factors === undefined) return undefined;
  for (const [i, factor] of factors.entries()) {
    const axes = sameShape(factor.shape, numerator.shape) ? axesOfSum(divisor, factor) : undefined;
    const share = axes && normalized(factor, axes);
    if (share !== undefined) return mul(factors[1 - i], share);
  }
  return undefined;
}

/** sum(t v) / sum(t), both over the same axes: an average of v. */
function average(numerator: Variable, divisor: Variable): Variable | undefined {
  const [above, below] = [numerator, divisor].map((each) => madeBy(each, operationOf('sum')));
  if (above === undefined || below === undefined) return undefined;
  const [product] = above.inputs;
  const [t] = below.inputs;
  const { axes, keepDims } = above.attributes as ReductionAttributes;
  const other = below.attributes as ReductionAttributes;
  const factors = madeBy(product, operationOf('mul'))?.inputs ?? [];
  const place = factors.indexOf(t);
  if (place < 0 || !sameShape(t.shape, product.shape) || sizeOf(t.shape) === 0) return undefined;
  if (keepDims !== other.keepDims || !sameShape(axes, other.axes)) return undefined;
  const share = normalized(t, axes);
  return share && sum(mul(share, factors[1 - place]), axes, { keepDims });
}

/** t v / sum(t) over the last axis of t, which the product of matrices sums over too. */
function matrixAverage(numerator: Variable, divisor: Variable): Variable | undefined {
  const product = madeBy(numerator, operationOf('matmul'));
  if (product === undefined) return undefined;
  const [t, v] = product.inputs;
  const sum = madeBy(divisor, operationOf('sum'));
  const attributes = sum?.attributes as ReductionAttributes | undefined;
  if (
    sum?.inputs[0] !== t ||
    sizeOf(t.shape) === 0 ||
    v.rank < 2 ||
    t.rank < 2 ||
    attributes?.keepDims !== true
  )
    return undefined;
  if (attributes.axes.length !== 1 || attributes.axes[0] !== t.rank - 1) return undefined;
  const share = normalized(t, attributes.axes);
  return share && matmul(share, v);
}

/** What `shifted` is less, or more, by something made from it alone that is the same along `axes`; undefined if it is not so. */
function unshifted(shifted: Variable, axes: readonly number[]): { from: Variable; by: Variable } | undefined {
  const application = madeBy(shifted, operationOf('sub'));
  if (application === undefined) return undefined;
  const [from, by] = application.inputs;
  if (!sameShape(from.shape, shifted.shape) || !isConstantAlong(by, shifted.rank, axes)) return undefined;
  return isSummaryOf(by, from) ? { from, by } : undefined;
}

/** Whether `v` is an extreme or a mean of x or the like, beside x: with it, a NaN in x stays one. */
function isSummaryOf(v: Variable, x: Variable): boolean {
  const bare = (each: Variable): Variable => {
    const application = getOperation(each);
    const steps = application?.operation === operationOf('stopGradient') || isDivision(application);
    return steps ? bare(application!.inputs[0]) : each;
  };
  const reduced = reductionBeside(bare(v));
  return reduced !== undefined && bare(reduced.inputs[0]) === x;
}

function isDivision(application: Application | undefined): boolean {
  return application?.operation === operationOf('div') && uniformValue(application.inputs[1]) !== undefined;
}

/** Whether a and b hold the same numbers in the same order. */
function sameElements(a: Variable, b: Variable): boolean {
  const bare = (v: Variable): Variable => madeBy(v, operationOf('reshape'))?.inputs[0] ?? v;
  return bare(a) === bare(b);
}

const [subOperation, divOperation] = [operationOf('sub'), operationOf('div')];

/** e^x / sum e^x, with what `summed` makes of the sum before it divides. */
const ratio =
  (axis: number | number[], options: { keepDims?: boolean } = keepDims) =>
  (x: Variable): Variable => {
    const e = exp(x);
    return div(e, sum(e, axis, options));
  };

const positive = { shape: [4, 5], domain: { low: 0.3, high: 3 } };

export const softmaxRules = () => [
  rule({
    name: 'softmax',
    class: 'removesSingularity',
    on: divOperation,
    replacement: (_, { application: { inputs } }) => normalizedQuotient(inputs[0], inputs[1]),
    says: 'div(exp(x), sum(exp(x))) -> softmax(x), with weights and over several axes too',
    examples: [
      { inputs: [matrix], call: ratio(-1) },
      { inputs: [matrix], call: ratio(0, {}) },
      { inputs: [list], call: ratio(0, {}) },
      { inputs: [matrix], call: ratio([0, 1]) },
      {
        inputs: [matrix],
        call: (x) => div(exp(x), reshape(sum(exp(x), 1), [4, 1])),
      },
      {
        inputs: [matrix, { ...positive, shape: [5] }],
        call: (x, w) => div(mul(w, exp(x)), sum(mul(w, exp(x)), 1, keepDims)),
      },
      { inputs: [matrix, matrix], call: (x, v) => div(mul(v, exp(x)), sum(exp(x), 1, keepDims)) },
    ],
  }),
  rule({
    name: 'softmax by a reciprocal',
    class: 'removesSingularity',
    on: operationOf('mul'),
    replacement: (_, { application: { inputs } }) => {
      for (const [i, factor] of inputs.entries()) {
        const sum = madeBy(factor, operationOf('reciprocal'))?.inputs[0];
        const share = sum && normalizedQuotient(inputs[1 - i], sum);
        if (share !== undefined) return share;
      }
      return undefined;
    },
    says: 'mul(exp(x), reciprocal(sum(exp(x)))) -> softmax(x)',
    examples: [{ inputs: [matrix], call: (x) => mul(exp(x), div(1, sum(exp(x), 1, keepDims))) }],
  }),
  rule({
    name: 'softmax average',
    class: 'removesSingularity',
    on: divOperation,
    replacement: (_, { application: { inputs } }) =>
      average(inputs[0], inputs[1]) ?? matrixAverage(inputs[0], inputs[1]),
    says: 'div(sum(mul(exp(x), y)), sum(exp(x))) -> sum(mul(softmax(x), y)), and of products of matrices',
    examples: [
      { inputs: [matrix, matrix], call: (x, v) => div(sum(mul(exp(x), v), 1), sum(exp(x), 1)) },
      {
        inputs: [matrix, { ...matrix, shape: [5, 3] }],
        call: (x, v) => div(matmul(exp(x), v), sum(exp(x), -1, keepDims)),
      },
    ],
  }),
  rule({
    name: 'log of softmax',
    class: 'removesSingularity',
    pattern: terms.log(terms.softmax(x, along)),
    replacement: terms.logSoftmax(x, along),
    examples: [{ inputs: [matrix], call: (x) => log(softmax(x, 0)) }],
  }),
  rule({
    name: 'exponential of log-softmax',
    class: 'exact',
    pattern: terms.exp(terms.logSoftmax(x, along)),
    replacement: terms.softmax(x, along),
    examples: [{ inputs: [matrix], call: (x) => exp(logSoftmax(x, 1)) }],
  }),
  rule({
    name: 'log-softmax',
    class: 'removesSingularity',
    on: subOperation,
    replacement: (_, { application: { inputs } }) => {
      const [x, logarithm] = inputs;
      const sum = reductionBeside(logarithm);
      if (sum?.operation !== operationOf('logSumExp') || sum.inputs[0] !== x) return undefined;
      const { axes } = sum.attributes as ReductionAttributes;
      return axes.length === 1 ? logSoftmax(x, axes[0]) : undefined;
    },
    says: 'sub(x, logSumExp(x)) -> logSoftmax(x)',
    examples: [
      { inputs: [matrix], call: (x) => sub(x, logSumExp(x, 1, keepDims)) },
      { inputs: [list], call: (x) => sub(x, logSumExp(x)) },
    ],
  }),
  ...(['softmax', 'logSoftmax'] as const).flatMap((name) => {
    const again = terms[name](terms.logSoftmax(x, along), along);
    return [
      rule({
        name: `${name} of a shifted x`,
        class: 'removesSingularity',
        on: operationOf(name),
        replacement: (_, { application: { inputs, attributes } }) => {
          const { axis } = attributes as { axis: number };
          const found = unshifted(inputs[0], [axis]);
          return found && registry[name](found.from, axis);
        },
        says: `${name}(sub(x, max(x))) -> ${name}(x)`,
        examples: [
          { inputs: [matrix], call: (x) => registry[name](sub(x, max(x, 1, keepDims)), 1) },
          { inputs: [list], call: (x) => registry[name](sub(x, stopGradient(max(x)))) },
        ],
      }),
      rule({
        name: `${name} of log-softmax`,
        class: 'removesSingularity',
        pattern: again,
        replacement: terms[name](x, along),
        examples: [{ inputs: [matrix], call: (x) => registry[name](logSoftmax(x, 0), 0) }],
      }),
    ];
  }),
  rule({
    name: 'logSumExp shifted back',
    class: 'removesSingularity',
    on: operationOf('add'),
    replacement: (_, { application: { inputs } }) =>
      shiftedBack(inputs[0], inputs[1]) ?? shiftedBack(inputs[1], inputs[0]),
    says: 'add(max(x), logSumExp(sub(x, max(x)))) -> logSumExp(x)',
    examples: [
      {
        inputs: [matrix],
        call: (x) => {
          const m = max(x, 1, keepDims);
          return add(m, logSumExp(sub(x, m), 1, keepDims));
        },
      },
      {
        inputs: [matrix],
        call: (x) => {
          const m = max(x, 0, keepDims);
          return add(logSumExp(sub(x, m), 0), reshape(m, [5]));
        },
      },
    ],
  }),
];

function shiftedBack(shift: Variable, logarithm: Variable): Variable | undefined {
  const sum = madeBy(logarithm, operationOf('logSumExp'));
  if (sum === undefined) return undefined;
  const { axes, keepDims } = sum.attributes as ReductionAttributes;
  const found = unshifted(sum.inputs[0], axes);
  if (found === undefined || !sameElements(found.by, shift)) return undefined;
  return sameShape(shift.shape, logarithm.shape) ? logSumExp(found.from, axes, { keepDims }) : undefined;
}
