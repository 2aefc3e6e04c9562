/** `sum` and `broadcastTo`: each is the transpose of the other, so they live together. */
import {
  type Axis,
  apply,
  at,
  broadcastShapes,
  checkExtents,
  formatShape,
  normalizeAxes,
  type Operation,
  reducedShape,
  type Shape,
  ShapeError,
  sameShape,
  type TensorLike,
  toSum,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { cast } from './conversion.ts';
import { declare, real } from './declare.ts';
import { reshape } from './movement.ts';

export interface KeepDims {
  /** Keep reduced axes with extent 1. Default false. */
  keepDims?: boolean;
}

/** What a reduction carries: its axes from the front, ascending. */
export type ReductionAttributes = { axes: number[]; keepDims: boolean };

/** A reduction of all axes gives a scalar; of some, a tensor of lower rank. */
export interface Reduction {
  (x: TensorLike): Variable<readonly []>;
  (x: TensorLike, axis?: Axis, options?: KeepDims): Variable;
}

/** Type rule of a reduction of `x`. */
export function inferReduction(name: string, x: Variable, { axes, keepDims }: ReductionAttributes): Shape {
  normalizeAxes(name, axes, x.rank);
  return reducedShape(x.shape, axes, keepDims);
}

/** `g` of a reduction, back in the rank of its input: reduced axes have extent 1. */
export function restoreAxes(g: Variable, x: Variable, { axes, keepDims }: ReductionAttributes): Variable {
  return keepDims ? g : reshape(g, reducedShape(x.shape, axes, true));
}

const sumOperation: Operation<ReductionAttributes> = {
  name: 'sum',
  infer: ([x], attributes) => [{ shape: inferReduction('sum', x, attributes), dtype: x.dtype }],
  bprop: ({ inputs: [x], g, attributes }) => broadcastTo(restoreAxes(g, x, attributes), x.shape),
  linear: true,
  computation: { kind: 'reduction', monoid: 'sum' },
};

/** Adds the elements along `axis` (all axes by default). Booleans and bytes are counted in int32. */
export const sum = declare(((x: TensorLike, axis?: Axis, { keepDims = false }: KeepDims = {}) => {
  const operand = toVariable(x);
  const axes = normalizeAxes('sum', axis, operand.rank);
  return apply(sumOperation, [cast(operand, toSum(operand.dtype))], { axes, keepDims });
}) as Reduction)({
  name: 'sum',
  doc: 'Adds elements along the given axes; the gradient is copied back to each.',
  dtypes: 'number',
  operation: sumOperation,
  samples: [
    { inputs: [{ shape: [3, 4], domain: real(-2, 2) }], call: (x) => sum(x), torch: 'x.sum()' },
    { inputs: [{ shape: [3, 4], domain: real(-2, 2) }], call: (x) => sum(x, 0), torch: 'x.sum(0)' },
    {
      inputs: [{ shape: [3, 17], domain: real(-2, 2) }],
      call: (x) => sum(x, -1, { keepDims: true }),
      torch: 'x.sum(-1, keepdim=True)',
    },
    {
      inputs: [{ shape: [2, 3, 5], domain: real(-2, 2) }],
      call: (x) => sum(x, [0, 2]),
      torch: 'x.sum((0, 2))',
    },
    { inputs: [{ shape: [2, 0], domain: real(-2, 2) }], call: (x) => sum(x, 1), torch: 'x.sum(1)' },
    { inputs: [{ shape: [7], domain: { low: 0, high: 1, dtype: 'bool' } }], call: (x) => sum(x) },
  ],
});

/** The sum over the axes of a reduction. */
export function sumLike(x: Variable, { axes, keepDims }: ReductionAttributes): Variable {
  return sum(x, axes, { keepDims });
}

const broadcastToOperation: Operation<{ shape: Shape }> = {
  name: 'broadcastTo',
  infer([x], { shape }) {
    checkExtents('broadcastTo', shape);
    if (!sameShape(broadcastShapes('broadcastTo', x.shape, shape), shape)) {
      throw new ShapeError(
        `broadcastTo: ${formatShape(x.shape)} does not stretch to ${formatShape(shape)}; only axes of extent 1 do${at()}`,
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  bprop: ({ inputs: [x], g }) => sumTo(g, x.shape),
  linear: true,
  batch: ({ inputs: [x], attributes: { shape }, size }) => [
    broadcastTo(alignBatch(x, shape.length), [size, ...shape]),
  ],
  computation: {
    kind: 'view',
    view: (input, output) => {
      const lead = output.length - input.shape.length;
      const strides = output.map((_, axis) =>
        axis < lead || input.shape[axis - lead] === 1 ? 0 : input.strides[axis - lead],
      );
      return { shape: output, strides, offset: input.offset };
    },
  },
};

function stretch<const S extends Shape>(x: TensorLike, shape: S): Variable<S> {
  const operand = toVariable(x);
  if (sameShape(operand.shape, shape)) return operand as Variable<S>;
  return apply(broadcastToOperation, [operand], { shape: [...shape] }) as unknown as Variable<S>;
}

/** Repeats axes of extent 1 (and missing leading axes) up to `shape`. */
export const broadcastTo = declare(stretch)({
  name: 'broadcastTo',
  doc: 'Repeats axes of extent 1 up to a shape; the gradient is summed back.',
  dtypes: 'any',
  operation: broadcastToOperation,
  samples: [
    {
      inputs: [{ shape: [4], domain: real(-2, 2) }],
      call: (x) => broadcastTo(x, [3, 4]),
      torch: 'x.broadcast_to((3, 4))',
    },
    {
      inputs: [{ shape: [3, 1], domain: real(-2, 2) }],
      call: (x) => broadcastTo(x, [2, 3, 4]),
      torch: 'x.broadcast_to((2, 3, 4))',
    },
    {
      inputs: [{ shape: [], domain: real(-2, 2) }],
      call: (x) => broadcastTo(x, [2, 2]),
      torch: 'x.broadcast_to((2, 2))',
    },
  ],
});

/** An operand of a batch that is the same for every index of the batch axis. */
export function spread(x: Variable, size: number): Variable {
  return broadcastTo(x, [size, ...x.shape]);
}

/** An operand with a batch axis in front, with axes of extent 1 behind that, so that the others align in `rank` axes. */
export function alignBatch(x: Variable, rank: number): Variable {
  const [size, ...own] = x.shape;
  return reshape(x, [size, ...new Array<number>(rank - own.length).fill(1), ...own]);
}

/** Sums `g` down to `shape`, from which it had been broadcast: the one place where broadcasting is undone. */
export function sumTo(g: Variable, shape: Shape): Variable {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.rank - shape.length;
  const axes = g.shape.flatMap((extent, axis) =>
    axis < lead || (shape[axis - lead] === 1 && extent !== 1) ? [axis] : [],
  );
  const summed = axes.length === 0 ? g : sum(g, axes, { keepDims: true });
  return reshape(summed, shape);
}
