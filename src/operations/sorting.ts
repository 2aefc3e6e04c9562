/**
 * Sorting along an axis. Each value goes back where it came from, so the derivative of a sort is the same permutation,
 * and its transpose the inverse one; where elements tie, they keep the order in which they stood (the sort is stable).
 */
import {
  type Axis,
  applyOperation,
  at,
  type Block,
  formatShape,
  isFloat,
  normalizeAxes,
  normalizeAxis,
  type Operation,
  reducedShape,
  ShapeError,
  sizeOf,
  type TensorLike,
  toFloat,
  toVariable,
  undefinedGradient,
  Variable,
  zero,
} from '../graph/index.ts';
import { addAlongAxis, takeAlongAxis } from './alongAxis.ts';
import { add } from './arithmetic.ts';
import { type KeepDims, sum } from './broadcasting.ts';
import { cast } from './conversion.ts';
import { declare, real } from './declare.ts';
import { mul } from './elementwise.ts';
import { full } from './generators.ts';
import { equal, isNaN as isNaNOf, notEqual, where } from './logic.ts';
import { moveAxis, reshape } from './movement.ts';
import { axisShifted } from './oneOperand.ts';
import { Sorter } from './ordering.ts';
import { slice } from './slicing.ts';

/** The first `count` elements along an axis in ascending or descending order. */
type OrderAttributes = { axis: number; descending: boolean; count: number };

function order(
  [x]: readonly Block[],
  [values, indices]: readonly Block[],
  { axis, count, descending }: OrderAttributes,
): void {
  const extent = x.shape[axis];
  const inner = sizeOf(x.shape.slice(axis + 1));
  const outer = sizeOf(x.shape.slice(0, axis));
  const sorter = new Sorter(extent, descending);
  const line = x.data.slice(0, extent);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const from = o * extent * inner + i;
      const to = o * count * inner + i;
      for (let k = 0; k < extent; k++) line[k] = x.data[from + k * inner];
      const places = sorter.first(count, line);
      for (let k = 0; k < count; k++) {
        values.data[to + k * inner] = line[places[k]];
        indices.data[to + k * inner] = places[k];
      }
    }
  }
}

/** Elements `start <= i < end` along an axis, or the one at `start`. */
function part(x: Variable, axis: number, start: number, end = start + 1): Variable {
  const starts = x.shape.map((_, i) => (i === axis ? start : 0));
  return slice(
    x,
    starts,
    x.shape.map((extent, i) => (i === axis ? end : extent)),
  );
}

/** Two outputs: values, and the indices where they stood. */
function orderOperation(name: string): Operation<OrderAttributes> {
  const reason = `the second output of ${name} is an index: it jumps from one integer to another and has no derivative`;
  return {
    name,
    infer([x], { axis, count }) {
      const shape = x.shape.map((extent, i) => (i === axis ? count : extent));
      return [
        { shape, dtype: x.dtype },
        { shape, dtype: 'int32' },
      ];
    },
    bprop({ inputs: [x], outputs: [, indices], gradients: [, place], g, attributes: { axis } }) {
      if (place instanceof Variable || place.gradient === 'undefined' || !isFloat(x.dtype))
        return undefinedGradient(reason);
      return addAlongAxis(full(x.shape, 0, x.dtype), indices, g, axis);
    },
    jvp: ({ outputs: [, indices], tangents: [tangent], attributes: { axis } }) => [
      tangent === undefined ? zero : takeAlongAxis(tangent, indices, axis),
      undefinedGradient(reason),
    ],
    batch: axisShifted,
    kinks({ inputs: [x], outputs: [y], attributes: { axis, count } }) {
      if (count === 0) return [];
      const convention = 'in the order in which they stand';
      const ties = equal(part(y, axis, 0, count - 1), part(y, axis, 1, count));
      // Of elements that tie with the last one, some may be left out.
      const last = part(y, axis, count - 1);
      const equals = (values: Variable): Variable => sum(cast(equal(values, last), 'int32'), axis);
      return [
        { where: ties, point: 'tie', convention },
        { where: notEqual(equals(x), equals(y)), point: 'tie with an element left out', convention },
      ];
    },
    computation: { kind: 'routine', run: order },
  };
}

const sortOperation = orderOperation('sort');
const topKOperation = orderOperation('topK');

export interface SortOptions {
  /** From the largest to the smallest. Default false. */
  descending?: boolean;
}

function sorted(x: TensorLike, axis: number, { descending = false }: SortOptions): Variable[] {
  const operand = toVariable(x);
  const along = normalizeAxis('sort', axis, operand.rank);
  return applyOperation(sortOperation, [operand], { axis: along, descending, count: operand.shape[along] });
}

const domain = real(-3, 3, { distinct: true });
const matrix = { shape: [3, 5], domain };
const cube = { shape: [2, 6, 3], domain };

/**
 * The elements in ascending (or descending) order along `axis` (the last by default). The sort is stable; NaN counts as
 * larger than every number: last, or first in descending order. Differentiable to any order: the gradient goes back to
 * where each value came from.
 */
export const sort = declare(
  (x: TensorLike, axis = -1, options: SortOptions = {}): Variable => sorted(x, axis, options)[0],
)({
  name: 'sort',
  doc: 'The elements in order along an axis; NaN counts as the largest. The gradient goes back to where each came from.',
  dtypes: 'any',
  operation: sortOperation,
  samples: [
    { inputs: [{ shape: [7], domain }], call: (x) => sort(x), torch: 'x.sort()[0]' },
    { inputs: [cube], call: (x) => sort(x, 1), torch: 'x.sort(1)[0]' },
    {
      inputs: [matrix],
      call: (x) => sort(x, -1, { descending: true }),
      torch: 'x.sort(-1, descending=True)[0]',
    },
    { inputs: [{ shape: [2, 0], domain }], call: (x) => sort(x) },
  ],
});

/** The indices (int32) that put the elements in order along `axis`: `takeAlongAxis(x, argsort(x))` is `sort(x)`. */
export const argsort = declare(
  (x: TensorLike, axis = -1, options: SortOptions = {}): Variable => sorted(x, axis, options)[1],
)({
  name: 'argsort',
  doc: 'The indices that put the elements in order along an axis; elements that tie keep their order.',
  dtypes: 'any -> int32',
  notDifferentiable: 'its output is an index',
  samples: [
    { inputs: [matrix], call: (x) => argsort(x), torch: 'x.argsort(-1)' },
    {
      inputs: [cube],
      call: (x) => argsort(x, 1, { descending: true }),
      torch: 'x.argsort(1, descending=True)',
    },
  ],
});

export interface TopKOptions {
  /** The largest elements (default), or else the smallest. */
  largest?: boolean;
}

/**
 * The `k` largest elements along `axis` (the last by default), from the largest on, and their indices (int32). Of elements
 * that tie the first ones are taken; NaN counts as larger than every number. The values are differentiable; the gradient
 * of the indices is undefined, and reported so.
 * @throws ShapeError where the axis does not have k elements
 */
export const topK = declare(
  (
    x: TensorLike,
    k: number,
    axis = -1,
    { largest = true }: TopKOptions = {},
  ): [values: Variable, indices: Variable] => {
    const operand = toVariable(x);
    const along = normalizeAxis('topK', axis, operand.rank);
    if (!Number.isInteger(k) || k < 0 || k > operand.shape[along]) {
      throw new ShapeError(
        `topK: cannot take ${k} elements along axis ${along} of ${formatShape(operand.shape)}; ` +
          `k is a whole number from 0 to ${operand.shape[along]}${at()}`,
      );
    }
    const attributes = { axis: along, descending: largest, count: k };
    const [values, indices] = applyOperation(topKOperation, [operand], attributes);
    return [values, indices];
  },
)({
  name: 'topK',
  doc: 'The k largest elements along an axis in descending order, and their indices, which have no derivative.',
  dtypes: 'any -> any, int32',
  operation: topKOperation,
  samples: [
    { inputs: [matrix], call: (x) => topK(x, 2), torch: 'x.topk(2)' },
    { inputs: [{ shape: [40], domain }], call: (x) => topK(x, 3)[0], torch: 'x.topk(3)[0]' },
    {
      inputs: [cube],
      call: (x) => topK(x, 4, 1, { largest: false }),
      torch: 'x.topk(4, 1, largest=False)',
    },
  ],
});

/**
 * The value below which the fraction `q` of the elements along `axis` (all axes by default) lies: in sorted order, element
 * q (n - 1), interpolated linearly between its neighbours (as NumPy and PyTorch). NaN if any element is.
 * @throws ShapeError where q is not between 0 and 1, or where there are no elements
 */
export const quantile = declare(
  (x: TensorLike, q: number, axis?: Axis, options?: KeepDims): Variable =>
    quantileOf('quantile', x, q, axis, options),
)({
  name: 'quantile',
  doc: 'The q-th quantile along axes: sorted element q (n - 1), interpolated linearly between its neighbours.',
  dtypes: 'float',
  samples: [
    { inputs: [matrix], call: (x) => quantile(x, 0.3, 1), torch: 'x.quantile(0.3, 1)' },
    {
      inputs: [cube],
      call: (x) => quantile(x, 0.8, [0, 1], { keepDims: true }),
      torch: 'x.reshape(12, 3).quantile(0.8, 0).reshape(1, 1, 3)',
    },
    { inputs: [{ shape: [6], domain }], call: (x) => quantile(x, 1), torch: 'x.quantile(1.0)' },
  ],
});

function quantileOf(
  name: string,
  x: TensorLike,
  q: number,
  axis: Axis | undefined,
  { keepDims = false }: KeepDims = {},
): Variable {
  const operand = toVariable(x);
  const float = cast(operand, toFloat(operand.dtype));
  const axes = normalizeAxes(name, axis, float.rank);
  const kept = reducedShape(float.shape, axes, false);
  const count = sizeOf(axes.map((each) => float.shape[each]));
  if (!(q >= 0 && q <= 1)) throw new ShapeError(`${name}: the fraction ${q} is not between 0 and 1${at()}`);
  if (count === 0) {
    throw new ShapeError(
      `${name}: ${formatShape(float.shape)} has no elements along the reduced axes, and nothing has no ${name}${at()}`,
    );
  }
  const gathered = axes.reduceRight((moved, each) => moveAxis(moved, each, float.rank - 1), float);
  const line = sort(reshape(gathered, [...kept, count]));
  const element = (i: number): Variable => part(line, line.rank - 1, i);
  const place = q * (count - 1);
  const below = Math.floor(place);
  const rest = place - below;
  const value =
    rest === 0 ? element(below) : add(mul(1 - rest, element(below)), mul(rest, element(below + 1)));
  const found = where(isNaNOf(element(count - 1)), Number.NaN, value);
  return reshape(found, keepDims ? reducedShape(float.shape, axes, true) : kept);
}

/** The middle element along `axis` (all axes by default), or the mean of the two in the middle. NaN if any element is. */
export const median = declare(
  (x: TensorLike, axis?: Axis, options?: KeepDims): Variable => quantileOf('median', x, 0.5, axis, options),
)({
  name: 'median',
  doc: 'The middle element along axes, or the mean of the two in the middle.',
  dtypes: 'float',
  samples: [
    { inputs: [matrix], call: (x) => median(x, 1), torch: 'x.quantile(0.5, 1)' },
    { inputs: [cube], call: (x) => median(x), torch: 'x.quantile(0.5)' },
  ],
});
