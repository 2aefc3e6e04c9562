/**
 * The three operations behind convolutions. <g, conv(x, w)> is linear in g, x and w; its three derivatives are conv(x, w),
 * its transpose convTranspose(g, w), and correlate(x, g), which gives a kernel. Each is the gradient of the other two, so
 * all can be differentiated again and again. They are computed as matrix products with the patches of x that the
 * kernel meets (K. Chellapilla, S. Puri, P. Simard, "High performance convolutional neural networks for document
 * processing", 2006).
 */
import {
  apply,
  type Batch,
  type Operation,
  type Shape,
  sizeOf,
  type Variable,
  type VariableType,
} from '../../graph/index.ts';
import { spread, sum } from '../broadcasting.ts';
import { mul } from '../elementwise.ts';
import { full } from '../generators.ts';
import { matmul } from '../linearAlgebra.ts';
import { moveAxis, reshape, transpose } from '../movement.ts';
import { total } from '../rules.ts';
import { flip, pad, slice } from '../slicing.ts';
import { countWindows, type Margins, type Sliding, spanOf } from './sliding.ts';
import { overlapAdd, slidingWindows } from './slidingWindows.ts';

/**
 * All three operations carry the same geometry: x [batch, groups * c, ...extents], w [groups * o, c, ...sizes],
 * y [batch, groups * o, ...counts].
 */
export type ConvAttributes = Sliding &
  Margins & { readonly groups: number; readonly extents: readonly number[] };

/** The spatial extents of y. */
function countsOf(attributes: ConvAttributes): number[] {
  const { extents, before, after } = attributes;
  return extents.map((extent, i) => countWindows(before[i] + extent + after[i], attributes, i));
}

/** The axes from `first` on. */
const axesFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/** What the kernel meets at each place: [batch, groups, c, ...counts, ...sizes], a view. */
function patchesOf(x: Variable, attributes: ConvAttributes): Variable {
  const { before, after, groups, sizes } = attributes;
  const surrounded = [...before, ...after].some((width) => width > 0)
    ? pad(x, [0, 0, ...before], [0, 0, ...after])
    : x;
  const windows = slidingWindows(surrounded, axesFrom(2, sizes.length), attributes);
  const [batch, channels, ...rest] = windows.shape;
  return reshape(windows, [batch, groups, channels / groups, ...rest]);
}

/** [batch, groups * o, ...counts] as [groups, o, batch * counts]. */
function byGroups(y: Variable, groups: number): Variable {
  const [batch, channels, ...counts] = y.shape;
  const split = reshape(y, [batch, groups, channels / groups, sizeOf(counts)]);
  return reshape(transpose(split, [1, 2, 0, 3]), [groups, channels / groups, batch * sizeOf(counts)]);
}

/** The inverse of {@link byGroups}. */
function fromGroups(y: Variable, batch: number, counts: readonly number[]): Variable {
  const [groups, o] = y.shape;
  const split = reshape(y, [groups, o, batch, sizeOf(counts)]);
  return reshape(transpose(split, [2, 0, 1, 3]), [batch, groups * o, ...counts]);
}

/** y_(b, o, t) = sum over c and k of w_(o, c, k) x_(b, c, stride t + dilation k - before), in each group. */
function expandConv(x: Variable, w: Variable, attributes: ConvAttributes): Variable {
  const { groups, sizes } = attributes;
  const n = sizes.length;
  const [batch] = x.shape;
  const [outputs, c] = w.shape;
  const counts = countsOf(attributes);
  const patches = patchesOf(x, attributes);
  if (c === 1) {
    // One channel in a group leaves nothing to multiply matrices for: a loop reads the patches in place.
    const kernels = reshape(w, [groups, outputs / groups, ...counts.map(() => 1), ...sizes]);
    return reshape(sum(mul(patches, kernels), axesFrom(3 + n, n)), [batch, outputs, ...counts]);
  }
  // [groups, c, ...sizes, batch, ...counts]: rows as in the kernel, and neighbours beside each other.
  const order = [1, 2, ...axesFrom(3 + n, n), 0, ...axesFrom(3, n)];
  const columns = reshape(transpose(patches, order), [groups, c * sizeOf(sizes), batch * sizeOf(counts)]);
  const kernels = reshape(w, [groups, outputs / groups, c * sizeOf(sizes)]);
  return fromGroups(matmul(kernels, columns), batch, counts);
}

/** x_(b, c, s) = sum over o, and over t and k with stride t + dilation k - before = s, of w_(o, c, k) y_(b, o, t). */
function expandTranspose(y: Variable, w: Variable, attributes: ConvAttributes): Variable {
  const { groups, sizes, before, after, extents, strides, dilations } = attributes;
  const n = sizes.length;
  const [batch, outputs, ...counts] = y.shape;
  const [, c] = w.shape;
  const o = outputs / groups;
  const margins = {
    before: before.map((width, i) => spanOf(attributes, i) - 1 - width),
    after: after.map((width, i) => spanOf(attributes, i) - 1 - width),
  };
  if ([...margins.before, ...margins.after].every((width) => width >= 0) && strides.every((s) => s === 1)) {
    // Without strides it is the convolution of y, with margins, with the kernel turned round.
    const swapped = moveAxis(reshape(w, [groups, o, c, ...sizes]), 2, 1);
    const turned = flip(reshape(swapped, [groups * c, o, ...sizes]), axesFrom(2, n));
    return expandConv(y, turned, { ...attributes, ...margins, extents: counts });
  }
  const kernels = reshape(w, [groups, o, c * sizeOf(sizes)]);
  const columns = matmul(moveAxis(kernels, 2, 1), byGroups(y, groups));
  const split = reshape(columns, [groups * c, ...sizes, batch, ...counts]);
  // [batch, channels, ...counts, ...sizes]
  const patches = transpose(split, [1 + n, 0, ...axesFrom(2 + n, n), ...axesFrom(1, n)]);
  const whole = [batch, groups * c, ...extents.map((extent, i) => before[i] + extent + after[i])];
  const added = overlapAdd(patches, whole, { axes: axesFrom(2, n), sizes, strides, dilations });
  const ends = extents.map((extent, i) => before[i] + extent);
  return slice(added, [0, 0, ...before], [batch, groups * c, ...ends]);
}

/** w_(o, c, k) = sum over b and t of y_(b, o, t) x_(b, c, stride t + dilation k - before), in each group. */
function expandCorrelate(x: Variable, y: Variable, attributes: ConvAttributes): Variable {
  const { groups, sizes } = attributes;
  const n = sizes.length;
  const [batch, outputs, ...counts] = y.shape;
  const o = outputs / groups;
  const patches = patchesOf(x, attributes);
  const c = patches.shape[2];
  if (c === 1) {
    const places = reshape(y, [batch, groups, o, ...counts, ...sizes.map(() => 1)]);
    return reshape(sum(mul(patches, places), [0, ...axesFrom(3, n)]), [outputs, 1, ...sizes]);
  }
  // Rows in another order than those of conv: were they the same, a training step would keep the patches of every layer
  // until its gradient is due, and they are as many times larger than x as the kernel has places. To copy them again
  // costs little beside the product.
  const order = [1, ...axesFrom(3 + n, n), 2, 0, ...axesFrom(3, n)];
  const columns = reshape(transpose(patches, order), [groups, sizeOf(sizes) * c, batch * sizeOf(counts)]);
  const kernels = matmul(byGroups(y, groups), transpose(columns, [0, 2, 1]));
  return reshape(moveAxis(reshape(kernels, [outputs, ...sizes, c]), 1 + n, 1), [outputs, c, ...sizes]);
}

type Bilinear = Operation<ConvAttributes>;

/** An image has a batch and channels in front of its spatial axes, a kernel two kinds of channels. */
type Role = 'image' | 'kernel';

interface Rules {
  readonly roles: readonly [Role, Role];
  readonly result: Role;
  /** The shape of the result, from those of the operands. */
  shape(a: Shape, b: Shape, attributes: ConvAttributes): Shape;
  expand(a: Variable, b: Variable, attributes: ConvAttributes): Variable;
  /** The gradients of the operands, given that of the result. */
  readonly gradients: readonly [
    (a: Variable, b: Variable, g: Variable, attributes: ConvAttributes) => Variable,
    (a: Variable, b: Variable, g: Variable, attributes: ConvAttributes) => Variable,
  ];
}

function bilinear(name: string, rules: Rules): Bilinear {
  const operation: Bilinear = {
    name,
    infer: ([a, b], attributes): VariableType[] => [
      { shape: rules.shape(a.shape, b.shape, attributes), dtype: a.dtype },
    ],
    bprop: ({ inputs: [a, b], index, g, attributes }) => rules.gradients[index](a, b, g, attributes),
    jvp: ({ inputs: [a, b], tangents: [da, db], attributes }) => [
      total(
        da === undefined ? undefined : apply(operation, [da, b], attributes),
        db === undefined ? undefined : apply(operation, [a, db], attributes),
      ),
    ],
    batch: (batch) => [batched(batch, rules)],
    computation: { kind: 'composition', expand: ([a, b], attributes) => rules.expand(a, b, attributes) },
  };
  return operation;
}

/** Examples that share their kernel are one larger batch. Where each has its own kernel, they are groups side by side. */
function batched(
  { operation, inputs, mapped, attributes, size }: Batch<ConvAttributes>,
  rules: Rules,
): Variable {
  const { roles, result, shape } = rules;
  const [a, b] = inputs;
  if (!mapped[1] && roles[1] === 'kernel') {
    const [batch, ...rest] = a.shape.slice(1);
    const y = apply(operation, [reshape(a, [size * batch, ...rest]), b], attributes);
    return reshape(y, [size, batch, ...y.shape.slice(1)]);
  }
  const elements = inputs.map((input, i) => (mapped[i] ? input.shape.slice(1) : input.shape));
  const [first, second, ...rest] = shape(elements[0], elements[1], attributes);
  if (size === 0) return full([0, first, second, ...rest], 0, a.dtype);
  const folded = inputs.map((input, i) => {
    const own = mapped[i] ? input : spread(input, size);
    const [outer, inner, ...others] = elements[i];
    if (roles[i] === 'kernel') return reshape(own, [size * outer, inner, ...others]);
    return reshape(moveAxis(own, 0, 1), [outer, size * inner, ...others]);
  });
  const y = apply(operation, folded, { ...attributes, groups: attributes.groups * size });
  if (result === 'kernel') return reshape(y, [size, first, second, ...rest]);
  return moveAxis(reshape(y, [first, size, second, ...rest]), 1, 0);
}

export const convOperation = bilinear('conv', {
  roles: ['image', 'kernel'],
  result: 'image',
  shape: ([batch], [outputs], attributes) => [batch, outputs, ...countsOf(attributes)],
  expand: expandConv,
  gradients: [
    (_, w, g, attributes) => apply(convTransposeOperation, [g, w], attributes),
    (x, _, g, attributes) => apply(correlateOperation, [x, g], attributes),
  ],
});

export const convTransposeOperation = bilinear('convTranspose', {
  roles: ['image', 'kernel'],
  result: 'image',
  shape: ([batch], [, c], { groups, extents }) => [batch, groups * c, ...extents],
  expand: expandTranspose,
  gradients: [
    (_, w, g, attributes) => apply(convOperation, [g, w], attributes),
    (y, _, g, attributes) => apply(correlateOperation, [g, y], attributes),
  ],
});

const correlateOperation = bilinear('correlate', {
  roles: ['image', 'image'],
  result: 'kernel',
  shape: ([, channels], [, outputs], { groups, sizes }) => [outputs, channels / groups, ...sizes],
  expand: expandCorrelate,
  gradients: [
    (_, y, g, attributes) => apply(convTransposeOperation, [y, g], attributes),
    (x, _, g, attributes) => apply(convOperation, [x, g], attributes),
  ],
});
