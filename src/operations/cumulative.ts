/**
 * Running sums, products and log-sum-exps. The derivatives of the last two are sums over all later elements, which one
 * recurrence computes in a single pass, without dividing by an element that may be 0.
 */
import {
  apply,
  type Block,
  type Gradient,
  isFloat,
  normalizeAxis,
  type Operation,
  sizeOf,
  type TensorLike,
  toFloat,
  toSum,
  toVariable,
  type Variable,
  zero,
} from '../graph/index.ts';
import { add, sub } from './arithmetic.ts';
import { cast } from './conversion.ts';
import { declare, real } from './declare.ts';
import { mul } from './elementwise.ts';
import { exp } from './exponential.ts';
import { equal, where } from './logic.ts';
import { axisShifted, pushed } from './oneOperand.ts';
import { leading } from './rules.ts';
import { pad, slice } from './slicing.ts';

type AlongAttributes = { axis: number; reverse: boolean };

/** Visits the lines along an axis in turn: their first place in the direction of the run, and the step from place to place. */
function forEachLine(
  shape: readonly number[],
  { axis, reverse }: AlongAttributes,
  visit: (first: number, step: number, extent: number) => void,
): void {
  const extent = shape[axis];
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  if (extent === 0) return;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * extent * inner + i;
      visit(reverse ? start + (extent - 1) * inner : start, reverse ? -inner : inner, extent);
    }
  }
}

/** All but the last `rest` elements in the direction of the run (all but the first, for negative `rest`). */
function without(x: Variable, { axis, reverse }: AlongAttributes, rest: 1 | -1): Variable {
  const fromEnd = rest === 1 ? !reverse : reverse;
  const starts = x.shape.map((_, i) => (i === axis && !fromEnd ? 1 : 0));
  return slice(
    x,
    starts,
    x.shape.map((extent, i) => (i === axis && fromEnd ? extent - 1 : extent)),
  );
}

/** One element of `value` set before the run (after it, for `side` -1). */
function extended(x: Variable, { axis, reverse }: AlongAttributes, side: 1 | -1, value = 0): Variable {
  const atStart = side === 1 ? !reverse : reverse;
  const widths = (here: boolean): number[] => x.shape.map((_, i) => (i === axis && here ? 1 : 0));
  return pad(x, widths(atStart), widths(!atStart), { value });
}

/** Each element's predecessor in the run, `value` for the first. */
function previous(x: Variable, attributes: AlongAttributes, value = 0): Variable {
  return x.shape[attributes.axis] === 0 ? x : extended(without(x, attributes, 1), attributes, 1, value);
}

/** Each element's successor in the run, 0 for the last. */
function next(x: Variable, attributes: AlongAttributes): Variable {
  return x.shape[attributes.axis] === 0 ? x : extended(without(x, attributes, -1), attributes, -1);
}

/** y_t = a_t y_(t-1) + b_t along an axis, from y_0 = b_0 on. Its transpose runs the other way. */
const recurrenceOperation: Operation<AlongAttributes> = {
  name: 'recurrence',
  infer: ([, b]) => [{ shape: b.shape, dtype: b.dtype }],
  bprop({ inputs: [a], outputs: [y], index, g, attributes }) {
    const { axis, reverse } = attributes;
    const passed = recurrence(next(a, attributes), g, { axis, reverse: !reverse });
    return index === 1 ? passed : mul(passed, previous(y, attributes));
  },
  jvp({ inputs: [a], outputs: [y], tangents: [da, db], attributes }) {
    const moved = da === undefined ? undefined : mul(da, previous(y, attributes));
    const total = moved === undefined || db === undefined ? (moved ?? db) : add(moved, db);
    return [total === undefined ? zero : recurrence(a, total, attributes)];
  },
  batch: (batch) =>
    leading({ ...batch, attributes: { ...batch.attributes, axis: batch.attributes.axis + 1 } }),
  computation: {
    kind: 'routine',
    run([a, b], [y], attributes) {
      forEachLine(y.shape, attributes, (first, step, extent) => {
        let value = b.data[first];
        y.data[first] = value;
        for (let k = 1, at = first + step; k < extent; k++, at += step) {
          value = a.data[at] * value + b.data[at];
          y.data[at] = value;
        }
      });
    },
  },
};

function recurrence(a: Variable, b: Variable, attributes: AlongAttributes): Variable {
  return apply(recurrenceOperation, [a, b], attributes);
}

function multiply([x]: readonly Block[], [y]: readonly Block[], attributes: AlongAttributes): void {
  const times = x.data instanceof Int32Array ? Math.imul : (a: number, b: number) => a * b;
  forEachLine(x.shape, attributes, (first, step, extent) => {
    let product = 1;
    for (let k = 0, at = first; k < extent; k++, at += step) {
      product = times(product, x.data[at]);
      y.data[at] = product;
    }
  });
}

/** With p_i the product of all before i: dx_i = p_i s_i, where s_i = g_i + x_(i+1) s_(i+1). */
const cumprodOperation: Operation<AlongAttributes> = {
  name: 'cumprod',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop({ inputs: [x], outputs: [y], g, attributes }): Gradient {
    if (!isFloat(x.dtype)) return zero;
    const { axis, reverse } = attributes;
    const later = recurrence(next(x, attributes), g, { axis, reverse: !reverse });
    return mul(previous(y, attributes, 1), later);
  },
  jvp: pushed((tangent, { inputs: [x], outputs: [y], attributes }) =>
    recurrence(x, mul(tangent, previous(y, attributes, 1)), attributes),
  ),
  batch: axisShifted,
  computation: { kind: 'routine', run: multiply },
};

export interface CumulativeOptions {
  /** Run from the end. Default false. */
  reverse?: boolean;
}

const vector = { shape: [5], domain: real(-2, 2) };
const cube = { shape: [2, 3, 4], domain: real(-2, 2) };

const cumsumOperation: Operation<AlongAttributes> = {
  name: 'cumsum',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop: ({ g, attributes: { axis, reverse } }) => apply(cumsumOperation, [g], { axis, reverse: !reverse }),
  linear: true,
  batch: axisShifted,
  computation: {
    kind: 'routine',
    run([x], [y], attributes) {
      forEachLine(x.shape, attributes, (first, step, extent) => {
        let total = 0;
        for (let k = 0, at = first; k < extent; k++, at += step) {
          total += x.data[at];
          y.data[at] = total;
        }
      });
    },
  },
};

/** Running sums along `axis` (0 by default); `reverse` runs from the end. */
export const cumsum = declare(
  (x: TensorLike, axis = 0, { reverse = false }: CumulativeOptions = {}): Variable => {
    const operand = toVariable(x);
    const number = cast(operand, toSum(operand.dtype));
    return apply(cumsumOperation, [number], { axis: normalizeAxis('cumsum', axis, number.rank), reverse });
  },
)({
  name: 'cumsum',
  doc: 'Running sums: y_i = sum of x_j over j <= i; its transpose is the running sum from the end.',
  dtypes: 'number',
  operation: cumsumOperation,
  samples: [
    { inputs: [vector], call: (x) => cumsum(x), torch: 'x.cumsum(0)' },
    { inputs: [cube], call: (x) => cumsum(x, 1), torch: 'x.cumsum(1)' },
    {
      inputs: [{ shape: [2, 3], domain: real(-2, 2) }],
      call: (x) => cumsum(x, -1, { reverse: true }),
      torch: 'x.flip(-1).cumsum(-1).flip(-1)',
    },
  ],
});

/**
 * Running products along `axis` (0 by default); `reverse` runs from the end. Derivatives are exact where elements are 0:
 * nothing is divided.
 */
export const cumprod = declare(
  (x: TensorLike, axis = 0, { reverse = false }: CumulativeOptions = {}): Variable => {
    const operand = toVariable(x);
    const number = cast(operand, toSum(operand.dtype));
    return apply(cumprodOperation, [number], { axis: normalizeAxis('cumprod', axis, number.rank), reverse });
  },
)({
  name: 'cumprod',
  doc: 'Running products: y_i = product of x_j over j <= i; derivatives are exact at zeros.',
  dtypes: 'number',
  operation: cumprodOperation,
  samples: [
    { inputs: [vector], call: (x) => cumprod(x), torch: 'x.cumprod(0)' },
    { inputs: [cube], call: (x) => cumprod(x, 1), torch: 'x.cumprod(1)' },
    {
      inputs: [{ shape: [2, 3], domain: real(-2, 2) }],
      call: (x) => cumprod(x, -1, { reverse: true }),
      torch: 'x.flip(-1).cumprod(-1).flip(-1)',
    },
    { inputs: [{ shape: [2, 0], domain: real(-2, 2) }], call: (x) => cumprod(x, 1) },
  ],
});

/** e^(a - b) for b >= a; 0 where both are -Infinity. */
function share(a: Variable, b: Variable): Variable {
  return exp(sub(a, where(equal(b, -Infinity), 0, b)));
}

/** Of each sum, the share that is left in the next one: e^(y_t - y_(t+1)), for all but the last. */
function kept(y: Variable, attributes: AlongAttributes): Variable {
  return share(without(y, attributes, 1), without(y, attributes, -1));
}

/** dx_i = e^(x_i - y_i) s_i, where s_i = g_i + e^(y_i - y_(i+1)) s_(i+1): no exponent is positive. */
const logCumSumExpOperation: Operation<AlongAttributes> = {
  name: 'logCumSumExp',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop({ inputs: [x], outputs: [y], g, attributes }) {
    if (x.shape[attributes.axis] === 0) return g;
    const { axis, reverse } = attributes;
    const later = recurrence(extended(kept(y, attributes), attributes, -1), g, { axis, reverse: !reverse });
    return mul(share(x, y), later);
  },
  jvp: pushed((tangent, { inputs: [x], outputs: [y], attributes }) => {
    if (x.shape[attributes.axis] === 0) return tangent;
    return recurrence(extended(kept(y, attributes), attributes, 1), mul(tangent, share(x, y)), attributes);
  }),
  batch: axisShifted,
  computation: {
    kind: 'routine',
    run([x], [y], attributes) {
      forEachLine(x.shape, attributes, (first, step, extent) => {
        let largest = -Infinity;
        let sum = 0;
        for (let k = 0, at = first; k < extent; k++, at += step) {
          const value = x.data[at];
          if (value > largest) {
            sum = sum * Math.exp(largest - value) + 1;
            largest = value;
          } else sum += value === largest ? 1 : Math.exp(value - largest);
          y.data[at] = largest + Math.log(sum);
        }
      });
    },
  },
};

/** log(cumsum(exp(x))) along `axis` (0 by default), without overflow; `reverse` runs from the end. */
export const logCumSumExp = declare(
  (x: TensorLike, axis = 0, { reverse = false }: CumulativeOptions = {}): Variable => {
    const operand = toVariable(x);
    const float = cast(operand, toFloat(operand.dtype));
    const along = normalizeAxis('logCumSumExp', axis, float.rank);
    return apply(logCumSumExpOperation, [float], { axis: along, reverse });
  },
)({
  name: 'logCumSumExp',
  doc: 'Running log-sum-exps: y_i = log of the sum of e^(x_j) over j <= i, without overflow.',
  dtypes: 'float',
  operation: logCumSumExpOperation,
  samples: [
    { inputs: [vector], call: (x) => logCumSumExp(x), torch: 'x.logcumsumexp(0)' },
    { inputs: [cube], call: (x) => logCumSumExp(x, 1), torch: 'x.logcumsumexp(1)' },
    {
      inputs: [{ shape: [2, 3], domain: real(-2, 2) }],
      call: (x) => logCumSumExp(x, -1, { reverse: true }),
      torch: 'x.flip(-1).logcumsumexp(-1).flip(-1)',
    },
  ],
});
