/** Reading and adding along one axis, each line at indices of its own: what puts a sorted line in order, and back. */
import {
  at,
  broadcastShapes,
  formatShape,
  normalizeAxis,
  type Shape,
  ShapeError,
  type TensorLike,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { broadcastTo } from './broadcasting.ts';
import { declare, real, whole } from './declare.ts';
import { unify } from './elementwise.ts';
import { gather, indicesOf, scatterAdd } from './indexing.ts';
import { moveAxis } from './movement.ts';

/**
 * The operands with `axis` at the end and all other axes broadcast against each other, so that they meet line by line.
 * @throws ShapeError where they do not fit
 */
function linesOf(
  operation: string,
  operands: readonly Variable[],
  axis: number,
): { along: number; lines: Variable[] } {
  const [{ rank }] = operands;
  const shapes = operands.map(({ shape }) => formatShape(shape)).join(', ');
  if (operands.some((each) => each.rank !== rank)) {
    throw new ShapeError(
      `${operation}: ${shapes} differ in their number of axes; each line along the axis has its own indices (gather takes ` +
        `the same indices everywhere)${at()}`,
    );
  }
  const along = normalizeAxis(operation, axis, rank);
  const moved = operands.map((each) => moveAxis(each, along, rank - 1));
  const common: Shape = broadcastShapes(operation, ...moved.map(({ shape }) => shape.slice(0, -1)));
  return { along, lines: moved.map((each) => broadcastTo(each, [...common, each.shape[rank - 1]])) };
}

const table = { shape: [3, 5], domain: real(-2, 2) };

/**
 * Along `axis` (the last by default), entry `indices[..., k, ...]` of each line of x, as NumPy's `take_along_axis`:
 * x [..., n, ...] and integer indices [..., k, ...], whose other axes broadcast, give [..., k, ...]. Negative indices count
 * from the end; an index out of bounds throws.
 */
export const takeAlongAxis = declare((x: TensorLike, indices: TensorLike, axis = -1): Variable => {
  const operands = [toVariable(x), indicesOf('takeAlongAxis', indices)];
  const { along, lines } = linesOf('takeAlongAxis', operands, axis);
  const last = lines[0].rank - 1;
  return moveAxis(gather(lines[0], lines[1], last, { batchAxes: last }), last, along);
})({
  name: 'takeAlongAxis',
  doc: 'Takes from each line along an axis the entries at its own indices; the gradient is added back there.',
  dtypes: 'any, int32 -> any',
  samples: [
    {
      inputs: [table, { shape: [3, 2], domain: whole(0, 4) }],
      call: (x, y) => takeAlongAxis(x, y),
      torch: 'x.gather(-1, y)',
    },
    {
      inputs: [
        { shape: [2, 4, 3], domain: real(-2, 2) },
        { shape: [2, 6, 1], domain: whole(0, 3) },
      ],
      call: (x, y) => takeAlongAxis(x, y, 1),
      torch: 'x.gather(1, y.expand(2, 6, 3))',
    },
  ],
});

/**
 * x with `updates` added along `axis` (the last by default): `updates[..., k, ...]` at place `indices[..., k, ...]` of
 * its line, where indices that repeat add up: the transpose of {@link takeAlongAxis}, and PyTorch's `scatter_add`.
 */
export const addAlongAxis = declare(
  (x: TensorLike, indices: TensorLike, updates: TensorLike, axis = -1): Variable => {
    const [operand, added] = unify([x, updates], 'number');
    const operands = [operand, indicesOf('addAlongAxis', indices), added];
    const { along, lines } = linesOf('addAlongAxis', operands, axis);
    const last = lines[0].rank - 1;
    const sum = scatterAdd(lines[0], lines[1], lines[2], last, { batchAxes: last });
    return moveAxis(sum, last, along);
  },
)({
  name: 'addAlongAxis',
  doc: 'Adds updates to each line along an axis at its own indices; repeated indices add up.',
  dtypes: 'number, int32, number -> number',
  samples: [
    {
      inputs: [table, { shape: [3, 4], domain: whole(0, 4) }, { shape: [3, 4], domain: real(-2, 2) }],
      call: (x, y, z) => addAlongAxis(x, y, z),
      torch: 'x.scatter_add(-1, y, z)',
    },
    {
      inputs: [
        { shape: [4, 2], domain: real(-2, 2) },
        { shape: [3, 2], domain: whole(0, 3) },
        { shape: [3, 1], domain: real(-2, 2) },
      ],
      call: (x, y, z) => addAlongAxis(x, y, z, 0),
      torch: 'x.scatter_add(0, y, z.expand(3, 2))',
    },
  ],
});
