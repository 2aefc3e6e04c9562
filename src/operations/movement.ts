/** Operations that only re-index: their transposes are of the same kind. None of them computes or copies. */
import {
  type Axis,
  apply,
  at,
  checkExtents,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Operation,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
  stridesOf,
  type TensorLike,
  toVariable,
  type Variable,
  type View,
} from '../graph/index.ts';
import { declare, real } from './declare.ts';
import { shifted } from './oneOperand.ts';

const matrix = { shape: [3, 4], domain: real(-2, 2) };
const cube = { shape: [2, 3, 5], domain: real(-2, 2) };

/**
 * The strides that index `view` in another shape without copying (extents of 1 put aside, runs of axes that lie
 * contiguous may be regrouped), or undefined where there are none.
 */
export function reshapeView(view: View, shape: Shape): View | undefined {
  if (sizeOf(shape) === 0) return { shape, strides: stridesOf(shape), offset: view.offset };
  const runs: { extent: number; stride: number }[] = [];
  view.shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = runs.at(-1);
    const stride = view.strides[axis];
    if (last !== undefined && last.stride === stride * extent) {
      last.extent *= extent;
      last.stride = stride;
    } else runs.push({ extent, stride });
  });
  const strides = new Array<number>(shape.length).fill(0);
  let run = runs.length - 1;
  let taken = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (run >= 0 && taken === runs[run].extent) {
      run--;
      taken = 1;
    }
    if (run < 0 || runs[run].extent % (taken * shape[axis]) !== 0) return undefined;
    strides[axis] = runs[run].stride * taken;
    taken *= shape[axis];
  }
  return { shape, strides, offset: view.offset };
}

const reshapeOperation: Operation<{ shape: Shape }> = {
  name: 'reshape',
  infer([x], { shape }) {
    checkExtents('reshape', shape);
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new ShapeError(
        `reshape: ${formatShape(x.shape)} has ${sizeOf(x.shape)} elements, ${formatShape(shape)} has ${sizeOf(shape)}${at()}`,
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  bprop: ({ inputs: [x], g }) => reshape(g, x.shape),
  linear: true,
  batch: shifted(({ shape }, size) => ({ shape: [size, ...shape] })),
  computation: { kind: 'view', view: (input, output) => reshapeView(input, output) },
};

function resolveShape(shape: Shape, size: number): Shape {
  const open = shape.indexOf(-1);
  if (open < 0) return shape;
  const rest = sizeOf(shape.filter((_, axis) => axis !== open));
  return shape.map((extent, axis) => (axis === open ? (rest === 0 ? 0 : Math.floor(size / rest)) : extent));
}

function reshapeTo<const S extends Shape>(x: TensorLike, shape: S): Variable<S> {
  const operand = toVariable(x);
  const target = resolveShape(shape, sizeOf(operand.shape));
  if (sameShape(operand.shape, target)) return operand as unknown as Variable<S>;
  return apply(reshapeOperation, [operand], { shape: [...target] }) as unknown as Variable<S>;
}

/** The same elements in row-major order in another shape; one extent may be -1, to be worked out. */
export const reshape = declare(reshapeTo)({
  name: 'reshape',
  doc: 'The same elements, in row-major order, in another shape.',
  dtypes: 'any',
  operation: reshapeOperation,
  samples: [
    { inputs: [matrix], call: (x) => reshape(x, [2, 6]), torch: 'x.reshape(2, 6)' },
    { inputs: [cube], call: (x) => reshape(x, [-1, 5]), torch: 'x.reshape(-1, 5)' },
    { inputs: [matrix], call: (x) => reshape(transpose(x), [12]), torch: 'x.T.reshape(12)' },
  ],
});

const transposeOperation: Operation<{ permutation: readonly number[] }> = {
  name: 'transpose',
  infer([x], { permutation }) {
    const sorted = [...permutation].sort((a, b) => a - b);
    if (permutation.length !== x.rank || sorted.some((axis, i) => axis !== i)) {
      throw new ShapeError(
        `transpose: [${permutation.join(', ')}] does not permute the ${x.rank} axes of ${formatShape(x.shape)}${at()}`,
      );
    }
    return [{ shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype }];
  },
  bprop({ g, attributes: { permutation } }) {
    const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
    return transpose(g, inverse);
  },
  linear: true,
  batch: shifted(({ permutation }) => ({ permutation: [0, ...permutation.map((axis) => axis + 1)] })),
  computation: {
    kind: 'view',
    view: (input, output, { permutation }) => ({
      shape: output,
      strides: permutation.map((axis) => input.strides[axis]),
      offset: input.offset,
    }),
  },
};

function transposeAxes<N extends number, M extends number>(
  x: Variable<readonly [N, M]>,
): Variable<readonly [M, N]>;
function transposeAxes(x: TensorLike, permutation?: readonly number[]): Variable;
function transposeAxes(x: TensorLike, permutation?: readonly number[]): Variable {
  const operand = toVariable(x);
  const axes = permutation?.map((axis) => normalizeAxis('transpose', axis, operand.rank));
  return apply(transposeOperation, [operand], {
    permutation: axes ?? operand.shape.map((_, axis) => operand.rank - 1 - axis),
  });
}

/** Permutes axes: axis k of the result is axis `permutation[k]` of x. By default reverses them. */
export const transpose = declare(transposeAxes)({
  name: 'transpose',
  doc: 'Permutes axes; for a matrix, y_ij = x_ji.',
  dtypes: 'any',
  operation: transposeOperation,
  samples: [
    { inputs: [matrix], call: (x) => transpose(x), torch: 'x.T' },
    { inputs: [cube], call: (x) => transpose(x, [1, 2, 0]), torch: 'x.permute(1, 2, 0)' },
  ],
});

/** The same tensor with axis `from` at place `to`, the others in their order. */
export function moveAxis(x: Variable, from: number, to: number): Variable {
  if (from === to) return x;
  const order = x.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  order.splice(to, 0, from);
  return transpose(x, order);
}

/** Drops axes of extent 1 (those given, or all). */
export const squeeze = declare((x: TensorLike, axis?: Axis): Variable => {
  const operand = toVariable(x);
  const axes =
    axis === undefined
      ? operand.shape.flatMap((extent, i) => (extent === 1 ? [i] : []))
      : normalizeAxes('squeeze', axis, operand.rank);
  for (const each of axes) {
    if (operand.shape[each] !== 1) {
      throw new ShapeError(
        `squeeze: axis ${each} of ${formatShape(operand.shape)} has extent ${operand.shape[each]}, not 1${at()}`,
      );
    }
  }
  return reshape(
    operand,
    operand.shape.filter((_, i) => !axes.includes(i)),
  );
})({
  name: 'squeeze',
  doc: 'Drops axes of extent 1.',
  dtypes: 'any',
  samples: [
    {
      inputs: [{ shape: [3, 1, 4, 1], domain: real(-2, 2) }],
      call: (x) => squeeze(x),
      torch: 'x.squeeze()',
    },
    {
      inputs: [{ shape: [3, 1, 4, 1], domain: real(-2, 2) }],
      call: (x) => squeeze(x, -1),
      torch: 'x.squeeze(-1)',
    },
  ],
});

/** Inserts axes of extent 1, at these places of the result. */
export const expandDims = declare((x: TensorLike, axis: number | readonly number[]): Variable => {
  const operand = toVariable(x);
  const rank = operand.rank + (typeof axis === 'number' ? 1 : axis.length);
  const axes = normalizeAxes('expandDims', axis, rank);
  let next = 0;
  return reshape(
    operand,
    Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : operand.shape[next++])),
  );
})({
  name: 'expandDims',
  doc: 'Inserts axes of extent 1.',
  dtypes: 'any',
  samples: [
    { inputs: [matrix], call: (x) => expandDims(x, 1), torch: 'x.unsqueeze(1)' },
    { inputs: [matrix], call: (x) => expandDims(x, -1), torch: 'x.unsqueeze(-1)' },
  ],
});
