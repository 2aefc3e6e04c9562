/** Sliding windows, for users. */
import {
  type Axis,
  at,
  formatShape,
  normalizeAxis,
  ShapeError,
  type TensorLike,
  toVariable,
  type Variable,
} from '../../graph/index.ts';
import { declare, real } from '../declare.ts';
import { perAxis, type Sliding, spanOf, windowText } from './sliding.ts';
import { slidingWindows, windowsOperation } from './slidingWindows.ts';

export interface WindowsOptions {
  /** How far neighbouring windows are apart. Default 1. */
  stride?: number | readonly number[];
  /** How far neighbouring elements of a window are apart. Default 1. */
  dilation?: number | readonly number[];
  /** The axes along which windows slide, one for each size. Default: the last ones. */
  axis?: Axis;
}

/**
 * All windows of `size` (one number, or one for each windowed axis) along the last axes, as new axes at the end, like
 * NumPy's `sliding_window_view`: x [..., n] gives [..., windows, size]. A view: nothing is copied. The gradient adds up
 * where windows overlap.
 * @throws ShapeError where a window does not fit
 */
export const windows = declare(
  (
    x: TensorLike,
    size: number | readonly number[],
    { stride = 1, dilation = 1, axis }: WindowsOptions = {},
  ): Variable => {
    const operand = toVariable(x);
    const count = typeof size === 'number' ? 1 : size.length;
    const chosen =
      axis === undefined
        ? Array.from({ length: count }, (_, i) => i - count)
        : typeof axis === 'number'
          ? [axis]
          : axis;
    const axes = chosen.map((each) => normalizeAxis('windows', each, operand.rank));
    if (new Set(axes).size !== count) {
      throw new ShapeError(
        `windows: ${count} sizes for axes [${chosen.join(', ')}]; give one size for each axis${at()}`,
      );
    }
    const sliding: Sliding = {
      sizes: perAxis('windows', 'size', size, count),
      strides: perAxis('windows', 'stride', stride, count),
      dilations: perAxis('windows', 'dilation', dilation, count),
    };
    axes.forEach((each, i) => {
      if (operand.shape[each] < spanOf(sliding, i)) {
        throw new ShapeError(
          `windows: ${windowText(sliding, i)} does not fit axis ${each} of ${formatShape(operand.shape)}; pad it first${at()}`,
        );
      }
    });
    return slidingWindows(operand, axes, sliding);
  },
)({
  name: 'windows',
  doc: 'Sliding windows along the last axes as new axes, without copying; the gradient is added up where they overlap.',
  dtypes: 'any',
  operation: windowsOperation,
  samples: [
    { inputs: [{ shape: [7], domain: real(-2, 2) }], call: (x) => windows(x, 3), torch: 'x.unfold(0, 3, 1)' },
    {
      inputs: [{ shape: [2, 9], domain: real(-2, 2) }],
      call: (x) => windows(x, 4, { stride: 3 }),
      torch: 'x.unfold(1, 4, 3)',
    },
    {
      inputs: [{ shape: [6, 7], domain: real(-2, 2) }],
      call: (x) => windows(x, [3, 2], { stride: [1, 2], dilation: [2, 1] }),
      torch: 'x.unfold(0, 5, 1).unfold(1, 2, 2)[:, :, ::2]',
    },
    {
      inputs: [{ shape: [9, 3], domain: real(-2, 2) }],
      call: (x) => windows(x, 3, { stride: 2, dilation: 3, axis: 0 }),
      torch: 'x.unfold(0, 7, 2)[:, :, ::3]',
    },
    {
      inputs: [{ shape: [5, 4], domain: real(-2, 2) }],
      call: (x) => windows(x, [2, 2], { stride: 2, axis: [1, 0] }),
      torch: 'x.unfold(1, 2, 2).unfold(0, 2, 2)',
    },
  ],
});
