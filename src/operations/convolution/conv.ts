/**
 * Convolutions of any number of spatial axes (cross-correlations, as in all deep learning), and transposed ones.
 */
import { apply, at, formatShape, ShapeError, type TensorLike, type Variable } from '../../graph/index.ts';
import { type Declared, declare, real } from '../declare.ts';
import { unify } from '../elementwise.ts';
import { convOperation, convTransposeOperation } from './bilinear.ts';
import { marginsOf, type Padding, perAxis, type Sliding, spanOf, windowText } from './sliding.ts';

export interface ConvOptions {
  /** How far the kernel moves from place to place: a number, or one for each spatial axis. Default 1. */
  stride?: number | readonly number[];
  /** Zeros around x: `valid` (none, default), `same`, a width, or a width or pair [before, after] for each spatial axis. */
  padding?: Padding;
  /** How far neighbouring elements of the kernel are apart. Default 1. */
  dilation?: number | readonly number[];
  /** Channels are split into so many groups, each with its own kernels; as many as channels: depthwise. Default 1. */
  groups?: number;
}

/** Checks what both convolutions have in common, and brings it into one form. */
function prepare(
  operation: string,
  x: TensorLike,
  w: TensorLike,
  { stride = 1, dilation = 1, groups = 1 }: ConvOptions,
): { image: Variable; kernel: Variable; sliding: Sliding; groups: number } {
  const [image, kernel] = unify([x, w], 'float');
  const n = image.rank - 2;
  if (n < 1 || kernel.rank !== image.rank) {
    throw new ShapeError(
      `${operation}: x ${formatShape(image.shape)} and w ${formatShape(kernel.shape)}; x is [batch, channels, ...spatial], and w has ` +
        `as many axes: two of channels, then one for each spatial axis${at()}`,
    );
  }
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ShapeError(`${operation}: ${groups} groups; give a whole number of at least 1${at()}`);
  }
  const sliding = {
    sizes: kernel.shape.slice(2),
    strides: perAxis(operation, 'stride', stride, n),
    dilations: perAxis(operation, 'dilation', dilation, n),
  };
  if (sliding.sizes.includes(0)) {
    throw new ShapeError(`${operation}: the kernel ${formatShape(kernel.shape)} is empty${at()}`);
  }
  return { image, kernel, sliding, groups };
}

/** An operand of this shape. */
const drawn = (...shape: number[]) => ({ shape, domain: real(-2, 2) });

const signals = drawn(2, 2, 5);
const images = drawn(1, 2, 3, 4);

/**
 * Convolution of x [batch, channels, ...spatial] with w [outChannels, channels / groups, ...kernel], as PyTorch's
 * `conv1d`, `conv2d` and `conv3d`: y [batch, outChannels, ...], without flipping the kernel. Any number of spatial axes.
 * @throws ShapeError where channels, groups or extents do not fit
 */
export const conv: Declared<(x: TensorLike, w: TensorLike, options?: ConvOptions) => Variable> = declare(
  (x: TensorLike, w: TensorLike, options: ConvOptions = {}): Variable => {
    const { image, kernel, sliding, groups } = prepare('conv', x, w, options);
    const [channels, outputs, perGroup] = [image.shape[1], kernel.shape[0], kernel.shape[1]];
    if (channels !== perGroup * groups || outputs % groups !== 0) {
      const many = groups === 1 ? '1 group' : `${groups} groups`;
      throw new ShapeError(
        `conv: x ${formatShape(image.shape)} has ${channels} channels and w ${formatShape(kernel.shape)} takes ${perGroup} in each of ` +
          `${many}, for ${outputs} outputs; w is [outChannels, channels / groups, ...kernel], and both kinds of channels divide ` +
          `into the groups${at()}`,
      );
    }
    const extents = image.shape.slice(2);
    const margins = marginsOf('conv', options.padding ?? 'valid', extents, sliding);
    extents.forEach((extent, i) => {
      const padded = margins.before[i] + extent + margins.after[i];
      if (padded < spanOf(sliding, i)) {
        throw new ShapeError(
          `conv: ${windowText(sliding, i)} does not fit axis ${i + 2} of ${formatShape(image.shape)} with its padding, ${padded} in ` +
            `all; pad more, or use padding: 'same'${at()}`,
        );
      }
    });
    return apply(convOperation, [image, kernel], { ...sliding, ...margins, groups, extents });
  },
)({
  name: 'conv',
  doc: 'Convolution over any number of spatial axes: y_(b,o,t) = sum of w_(o,c,k) x_(b,c,st+dk); x is [batch, channels, ...].',
  dtypes: 'float',
  operation: convOperation,
  samples: [
    {
      inputs: [signals, drawn(3, 2, 2)],
      call: (x, y) => conv(x, y),
      torch: 'torch.nn.functional.conv1d(x, y)',
    },
    {
      inputs: [signals, drawn(1, 2, 2)],
      call: (x, y) => conv(x, y, { stride: 3, padding: [[2, 1]], dilation: 2 }),
      torch: 'torch.nn.functional.conv1d(torch.nn.functional.pad(x, (2, 1)), y, stride=3, dilation=2)',
    },
    {
      inputs: [images, drawn(2, 2, 3, 2)],
      call: (x, y) => conv(x, y, { padding: 'same' }),
      torch: 'torch.nn.functional.conv2d(x, y, padding="same")',
    },
    {
      inputs: [drawn(1, 4, 3, 3), drawn(2, 2, 2, 2)],
      call: (x, y) => conv(x, y, { stride: [2, 1], padding: [0, 1], groups: 2 }),
      torch: 'torch.nn.functional.conv2d(x, y, stride=(2, 1), padding=(0, 1), groups=2)',
    },
    {
      inputs: [images, drawn(4, 1, 2, 2)],
      call: (x, y) => conv(x, y, { padding: [0, 2], dilation: [1, 2], groups: 2 }),
      torch: 'torch.nn.functional.conv2d(x, y, padding=(0, 2), dilation=(1, 2), groups=2)',
    },
    {
      inputs: [drawn(1, 2, 2, 3, 2), drawn(1, 2, 1, 2, 2)],
      call: (x, y) => conv(x, y, { padding: 1, stride: 2 }),
      torch: 'torch.nn.functional.conv3d(x, y, padding=1, stride=2)',
    },
  ],
});

export interface ConvTransposeOptions extends ConvOptions {
  /** Cut from the ends of y: as the padding of the convolution that this one transposes. Default `valid`. */
  padding?: Padding;
  /** Elements to add at the end of y, fewer than the stride, where several extents would convolve to that of x. Default 0. */
  outputPadding?: number | readonly number[];
}

/**
 * The transpose of {@link conv}, as PyTorch's `conv_transpose2d` and its like: x [batch, channels, ...spatial] and w
 * [channels, outChannels / groups, ...kernel] give y [batch, outChannels, ...]; along an axis of extent n, y has
 * (n - 1) stride + dilation (kernel - 1) + 1 - padding + outputPadding elements, or n stride with padding `same`.
 * @throws ShapeError where channels, groups or extents do not fit
 */
export const convTranspose: Declared<
  (x: TensorLike, w: TensorLike, options?: ConvTransposeOptions) => Variable
> = declare((x: TensorLike, w: TensorLike, options: ConvTransposeOptions = {}): Variable => {
  const { image, kernel, sliding, groups } = prepare('convTranspose', x, w, options);
  const channels = image.shape[1];
  if (channels !== kernel.shape[0] || channels % groups !== 0) {
    throw new ShapeError(
      `convTranspose: x ${formatShape(image.shape)} has ${channels} channels and w ${formatShape(kernel.shape)} takes ` +
        `${kernel.shape[0]}, in ${groups} group${groups === 1 ? '' : 's'}; w is [channels, outChannels / groups, ...kernel], and ` +
        `the channels divide into the groups${at()}`,
    );
  }
  const { padding = 'valid', outputPadding = 0 } = options;
  const counts = image.shape.slice(2);
  const extra = typeof outputPadding === 'number' ? counts.map(() => outputPadding) : outputPadding;
  const fits = (width: number, i: number): boolean =>
    Number.isInteger(width) && width >= 0 && width < sliding.strides[i];
  if (
    extra.length !== counts.length ||
    !extra.every(fits) ||
    (padding === 'same' && extra.some((width) => width > 0))
  ) {
    throw new ShapeError(
      `convTranspose: outputPadding ${formatShape(extra)} for strides ${formatShape(sliding.strides)}; give a whole number below ` +
        `the stride, or one for each spatial axis, and none with padding 'same'${at()}`,
    );
  }
  const same = counts.map((count, i) => count * sliding.strides[i]);
  const margins = marginsOf('convTranspose', padding, same, sliding);
  const extents = counts.map((count, i) => {
    if (padding === 'same') return same[i];
    const whole = (count - 1) * sliding.strides[i] + spanOf(sliding, i) + extra[i];
    return whole - margins.before[i] - margins.after[i];
  });
  const short = extents.findIndex((extent, i) => extent < 0 || counts[i] === 0);
  if (short >= 0) {
    throw new ShapeError(
      `convTranspose: axis ${short + 2} of ${formatShape(image.shape)} with ${windowText(sliding, short)} leaves ` +
        `${extents[short]} elements after its padding is cut; x must not be empty, and the padding smaller${at()}`,
    );
  }
  return apply(convTransposeOperation, [image, kernel], { ...sliding, ...margins, groups, extents });
})({
  name: 'convTranspose',
  doc: 'Transposed convolution, the gradient of conv with respect to its input: each element of x adds a scaled kernel to y.',
  dtypes: 'float',
  operation: convTransposeOperation,
  samples: [
    {
      inputs: [signals, drawn(2, 1, 3)],
      call: (x, y) => convTranspose(x, y, { stride: 2 }),
      torch: 'torch.nn.functional.conv_transpose1d(x, y, stride=2)',
    },
    {
      inputs: [images, drawn(2, 2, 3, 2)],
      call: (x, y) => convTranspose(x, y, { stride: [2, 3], padding: 1, outputPadding: [1, 0], groups: 2 }),
      torch:
        'torch.nn.functional.conv_transpose2d(x, y, stride=(2, 3), padding=1, output_padding=(1, 0), groups=2)',
    },
    {
      inputs: [signals, drawn(2, 2, 2)],
      call: (x, y) => convTranspose(x, y, { stride: 2, dilation: 3, padding: 1 }),
      torch: 'torch.nn.functional.conv_transpose1d(x, y, stride=2, dilation=3, padding=1)',
    },
  ],
});
