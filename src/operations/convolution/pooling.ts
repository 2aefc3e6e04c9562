/** Pooling: the largest element, or the mean, of windows over the spatial axes. */
import {
  at,
  type DType,
  formatShape,
  isFloat,
  ShapeError,
  sizeOf,
  type TensorLike,
  toFloat,
  toVariable,
  type Variable,
} from '../../graph/index.ts';
import { div } from '../arithmetic.ts';
import { sum } from '../broadcasting.ts';
import { cast } from '../conversion.ts';
import { declare, real } from '../declare.ts';
import { full } from '../generators.ts';
import { max } from '../reduction.ts';
import { pad } from '../slicing.ts';
import { marginsOf, type Padding, perAxis, type Sliding, spanOf, windowText } from './sliding.ts';
import { slidingWindows } from './slidingWindows.ts';

export interface PoolOptions {
  /** How far neighbouring windows are apart: a number, or one for each spatial axis. Default: their size. */
  stride?: number | readonly number[];
  /** Room around x: `valid` (none, default), `same`, a width, or a width or pair [before, after] for each spatial axis. */
  padding?: Padding;
  /** How far neighbouring elements of a window are apart. Default 1. */
  dilation?: number | readonly number[];
}

/** The last axes, over which windows slide, and how they do. */
interface Plan extends Sliding {
  readonly axes: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

function plan(
  operation: string,
  x: Variable,
  size: number | readonly number[],
  { stride = size, padding = 'valid', dilation = 1 }: PoolOptions,
): Plan {
  const count = typeof size === 'number' ? x.rank - 2 : size.length;
  if (count < 1 || count > x.rank) {
    throw new ShapeError(
      `${operation}: windows of ${JSON.stringify(size)} on x ${formatShape(x.shape)}; x is [batch, channels, ...spatial], and a list ` +
        `of sizes has one for each spatial axis${at()}`,
    );
  }
  const sliding = {
    sizes: perAxis(operation, 'size', size, count),
    strides: perAxis(operation, 'stride', stride, count),
    dilations: perAxis(operation, 'dilation', dilation, count),
  };
  const axes = sliding.sizes.map((_, i) => x.rank - count + i);
  const extents = axes.map((axis) => x.shape[axis]);
  const { before, after } = marginsOf(operation, padding, extents, sliding);
  axes.forEach((axis, i) => {
    const span = spanOf(sliding, i);
    const padded = before[i] + extents[i] + after[i];
    if (padded < span || before[i] >= span || after[i] >= span) {
      throw new ShapeError(
        `${operation}: ${windowText(sliding, i)} on axis ${axis} of ${formatShape(x.shape)}, padded by ${before[i]} and ${after[i]}; a ` +
          `window must fit, and must not lie in the padding alone${at()}`,
      );
    }
  });
  return { ...sliding, axes, before, after };
}

/** All windows, as new axes at the end, over x surrounded by `value`. */
function paddedWindows(x: Variable, { axes, before, after, ...sliding }: Plan, value: number): Variable {
  const widths = (list: readonly number[]): number[] =>
    x.shape.map((_, axis) => list[axes.indexOf(axis)] ?? 0);
  const padded = [...before, ...after].some((width) => width > 0);
  return slidingWindows(padded ? pad(x, widths(before), widths(after), { value }) : x, axes, sliding);
}

/** The axes that windows add. */
const insideWindows = ({ axes }: Plan): number[] => axes.map((_, i) => i - axes.length);

/** Below every number of the dtype, or as low as its lowest. */
function lowest(dtype: DType): number {
  if (isFloat(dtype)) return Number.NEGATIVE_INFINITY;
  return dtype === 'int32' ? -(2 ** 31) : 0;
}

const signals = { shape: [2, 2, 7], domain: real(-3, 3, { distinct: true }) };
const images = { shape: [1, 2, 4, 5], domain: real(-3, 3, { distinct: true }) };

/**
 * The largest element of each window of `size` (one number for all spatial axes of x [batch, channels, ...spatial], or a
 * list for the last axes), as PyTorch's `max_pool2d` and its like. Padding is never the largest; elements that tie share
 * the gradient evenly.
 * @throws ShapeError where a window does not fit
 */
export const maxPool = declare(
  (x: TensorLike, size: number | readonly number[], options: PoolOptions = {}): Variable => {
    const given = toVariable(x);
    const operand = given.dtype === 'bool' ? cast(given, 'int32') : given;
    const planned = plan('maxPool', operand, size, options);
    return max(paddedWindows(operand, planned, lowest(operand.dtype)), insideWindows(planned));
  },
)({
  name: 'maxPool',
  doc: 'The largest element of each window over the spatial axes; elements that tie share the gradient evenly.',
  dtypes: 'number',
  samples: [
    {
      inputs: [images],
      call: (x) => maxPool(x, 2),
      torch: 'torch.nn.functional.max_pool2d(x, 2)',
    },
    {
      inputs: [images],
      call: (x) => maxPool(x, [3, 2], { stride: [2, 1], padding: [1, 0] }),
      torch: 'torch.nn.functional.max_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 0))',
    },
    {
      inputs: [signals],
      call: (x) => maxPool(x, 3, { stride: 1, dilation: 2, padding: 1 }),
      torch: 'torch.nn.functional.max_pool1d(x, 3, stride=1, dilation=2, padding=1)',
    },
  ],
});

export interface AvgPoolOptions extends PoolOptions {
  /** Whether padding counts as elements that are 0 (default, as in PyTorch), or not at all. */
  countPadding?: boolean;
}

/**
 * The mean of each window of `size` (one number for all spatial axes of x [batch, channels, ...spatial], or a list for the
 * last axes), as PyTorch's `avg_pool2d` and its like.
 * @throws ShapeError where a window does not fit
 */
export const avgPool = declare(
  (
    x: TensorLike,
    size: number | readonly number[],
    { countPadding = true, ...options }: AvgPoolOptions = {},
  ): Variable => {
    const operand = toVariable(x);
    const float = cast(operand, toFloat(operand.dtype));
    const planned = plan('avgPool', float, size, options);
    const inside = insideWindows(planned);
    const total = sum(paddedWindows(float, planned, 0), inside);
    if (countPadding) return div(total, sizeOf(planned.sizes));
    const spatial = float.shape.map((extent, axis) => (planned.axes.includes(axis) ? extent : 1));
    return div(total, sum(paddedWindows(full(spatial, 1, float.dtype), planned, 0), inside));
  },
)({
  name: 'avgPool',
  doc: 'The mean of each window over the spatial axes.',
  dtypes: 'float',
  samples: [
    { inputs: [images], call: (x) => avgPool(x, 2), torch: 'torch.nn.functional.avg_pool2d(x, 2)' },
    {
      inputs: [images],
      call: (x) => avgPool(x, [2, 3], { stride: 1, padding: [0, 1] }),
      torch: 'torch.nn.functional.avg_pool2d(x, (2, 3), stride=1, padding=(0, 1))',
    },
    {
      inputs: [signals],
      call: (x) => avgPool(x, 3, { stride: 2, padding: 1, countPadding: false }),
      torch: 'torch.nn.functional.avg_pool1d(x, 3, stride=2, padding=1, count_include_pad=False)',
    },
  ],
});
