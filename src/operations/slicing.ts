/** `slice` and `pad`: each is the transpose of the other. `flip` is its own. */
import {
  type Axis,
  apply,
  at,
  formatShape,
  normalizeAxes,
  type Operation,
  ShapeError,
  stridesOf,
  type TensorLike,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { declare, real } from './declare.ts';
import { axesShifted, pushed, shifted } from './oneOperand.ts';

const matrix = { shape: [4, 5], domain: real(-2, 2) };

/** Along each axis, `count` elements from `starts`, `steps` apart (steps are positive). */
type SliceAttributes = { starts: readonly number[]; counts: readonly number[]; steps: readonly number[] };

const sliceOperation: Operation<SliceAttributes> = {
  name: 'slice',
  infer: ([x], { counts }) => [{ shape: counts, dtype: x.dtype }],
  bprop({ inputs: [x], g, attributes: { starts, counts, steps } }) {
    const after = x.shape.map((extent, axis) => {
      const last = counts[axis] === 0 ? starts[axis] - 1 : starts[axis] + (counts[axis] - 1) * steps[axis];
      return extent - 1 - last;
    });
    return apply(padOperation, [g], { before: starts, after, steps, value: 0 });
  },
  linear: true,
  batch: shifted(({ starts, counts, steps }, size) => ({
    starts: [0, ...starts],
    counts: [size, ...counts],
    steps: [1, ...steps],
  })),
  computation: {
    kind: 'view',
    view: (input, output, { starts, steps }) => ({
      shape: output,
      strides: input.strides.map((stride, axis) => stride * steps[axis]),
      offset: input.strides.reduce((offset, stride, axis) => offset + stride * starts[axis], input.offset),
    }),
  },
};

/**
 * Elements `starts[k] <= i < ends[k]` along each axis k, `steps[k]` apart. Missing axes are taken whole; negative
 * starts and ends count from the end; ends beyond the extent stop there (as in NumPy). A step must be positive:
 * use `flip` to reverse.
 */
export const slice = declare(
  (
    x: TensorLike,
    starts: readonly number[],
    ends: readonly number[],
    steps?: readonly number[],
  ): Variable => {
    const operand = toVariable(x);
    const { shape, rank } = operand;
    if (
      starts.length > rank ||
      ends.length !== starts.length ||
      (steps !== undefined && steps.length !== starts.length)
    ) {
      throw new ShapeError(
        `slice: ${starts.length} starts, ${ends.length} ends and ${steps?.length ?? 'no'} steps for ` +
          `${formatShape(shape)}; give one of each per leading axis${at()}`,
      );
    }
    const stride = shape.map((_, axis) => steps?.[axis] ?? 1);
    for (const step of stride) {
      if (!Number.isInteger(step) || step < 1)
        throw new ShapeError(`slice: step ${step} is not a positive integer; use flip to reverse${at()}`);
    }
    for (const bound of [...starts, ...ends]) {
      if (!Number.isInteger(bound)) throw new ShapeError(`slice: ${bound} is not a whole number${at()}`);
    }
    const clamp = (index: number, extent: number): number =>
      Math.min(extent, Math.max(0, index < 0 ? index + extent : index));
    const from = shape.map((extent, axis) => (axis < starts.length ? clamp(starts[axis], extent) : 0));
    const to = shape.map((extent, axis) => (axis < ends.length ? clamp(ends[axis], extent) : extent));
    const counts = from.map((start, axis) => Math.max(0, Math.ceil((to[axis] - start) / stride[axis])));
    if (counts.every((count, axis) => count === shape[axis])) return operand;
    return apply(sliceOperation, [operand], { starts: from, counts, steps: stride });
  },
)({
  name: 'slice',
  doc: 'A regular part of a tensor; the gradient is padded back with zeros.',
  dtypes: 'any',
  operation: sliceOperation,
  samples: [
    { inputs: [matrix], call: (x) => slice(x, [1], [3]), torch: 'x[1:3]' },
    { inputs: [matrix], call: (x) => slice(x, [0, 1], [4, -1]), torch: 'x[0:4, 1:-1]' },
    { inputs: [matrix], call: (x) => slice(x, [0, 1], [4, 5], [2, 3]), torch: 'x[0:4:2, 1:5:3]' },
    { inputs: [matrix], call: (x) => slice(x, [2], [2]), torch: 'x[2:2]' },
  ],
});

/** Elements `steps` apart, with `before` and `after` elements of `value` around them. */
type PadAttributes = {
  before: readonly number[];
  after: readonly number[];
  steps: readonly number[];
  value: number;
};

const padOperation: Operation<PadAttributes> = {
  name: 'pad',
  infer([x], { before, after, steps }) {
    const spread = x.shape.map((extent, axis) => (extent === 0 ? 0 : (extent - 1) * steps[axis] + 1));
    return [{ shape: spread.map((extent, axis) => before[axis] + extent + after[axis]), dtype: x.dtype }];
  },
  bprop: ({ inputs: [x], g, attributes: { before, steps } }) =>
    apply(sliceOperation, [g], { starts: before, counts: x.shape, steps }),
  jvp: pushed((tangent, { attributes }) => apply(padOperation, [tangent], { ...attributes, value: 0 })),
  batch: shifted(({ before, after, steps, value }) => ({
    before: [0, ...before],
    after: [0, ...after],
    steps: [1, ...steps],
    value,
  })),
  computation: {
    kind: 'assembly',
    regions(_, output, { before, steps }) {
      const strides = stridesOf(output);
      const offset = strides.reduce((total, stride, axis) => total + stride * before[axis], 0);
      return [{ input: 0, offset, strides: strides.map((stride, axis) => stride * steps[axis]) }];
    },
    fill: ({ value }) => value,
  },
};

/** Surrounds x with `before[k]` and `after[k]` elements of `value` (0 by default) along each axis k. */
export const pad = declare(
  (
    x: TensorLike,
    before: readonly number[],
    after: readonly number[],
    { value = 0 }: { value?: number } = {},
  ): Variable => {
    const operand = toVariable(x);
    const { rank, shape } = operand;
    const bad = [...before, ...after].find((width) => !Number.isInteger(width) || width < 0);
    if (before.length !== rank || after.length !== rank || bad !== undefined) {
      throw new ShapeError(
        `pad: ${formatShape(shape)} takes ${rank} widths of at least 0 before and after, got ` +
          `${formatShape(before)} and ${formatShape(after)}; use slice to cut${at()}`,
      );
    }
    return apply(padOperation, [operand], {
      before: [...before],
      after: [...after],
      steps: shape.map(() => 1),
      value,
    });
  },
)({
  name: 'pad',
  doc: 'Surrounds a tensor with a constant; the gradient is sliced back.',
  dtypes: 'any',
  operation: padOperation,
  samples: [
    {
      inputs: [{ shape: [2, 3], domain: real(-2, 2) }],
      call: (x) => pad(x, [1, 0], [2, 1]),
      torch: 'torch.nn.functional.pad(x, (0, 1, 1, 2))',
    },
    {
      inputs: [{ shape: [3], domain: real(-2, 2) }],
      call: (x) => pad(x, [2], [0], { value: -1 }),
      torch: 'torch.nn.functional.pad(x, (2, 0), value=-1.0)',
    },
  ],
});

const flipOperation: Operation<{ axes: readonly number[] }> = {
  name: 'flip',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop: ({ g, attributes: { axes } }) => flip(g, axes),
  linear: true,
  batch: axesShifted,
  computation: {
    kind: 'view',
    view: (input, output, { axes }) => ({
      shape: output,
      strides: input.strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride)),
      offset: axes.reduce(
        (offset, axis) => offset + Math.max(0, output[axis] - 1) * input.strides[axis],
        input.offset,
      ),
    }),
  },
};

/** Reverses the order of elements along `axis` (all axes by default). */
export const flip = declare((x: TensorLike, axis?: Axis): Variable => {
  const operand = toVariable(x);
  return apply(flipOperation, [operand], { axes: normalizeAxes('flip', axis, operand.rank) });
})({
  name: 'flip',
  doc: 'Reverses the order of elements along axes.',
  dtypes: 'any',
  operation: flipOperation,
  samples: [
    { inputs: [matrix], call: (x) => flip(x), torch: 'x.flip((0, 1))' },
    { inputs: [matrix], call: (x) => flip(x, 1), torch: 'x.flip(1)' },
  ],
});
