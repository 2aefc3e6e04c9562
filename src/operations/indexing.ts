/** Reading and adding at computed places: `gather` and `scatterAdd` are each other's transpose. */
import {
  apply,
  at,
  type Block,
  constant,
  type DType,
  DTypeError,
  disconnected,
  formatShape,
  isFloat,
  type Nested,
  NumericalError,
  normalizeAxis,
  type Operation,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
  type TensorLike,
  tensor,
  toVariable,
  type Variable,
  zero,
} from '../graph/index.ts';
import { cast } from './conversion.ts';
import { declare, real, whole } from './declare.ts';
import { unify } from './elementwise.ts';
import { full, iota } from './generators.ts';
import { equal } from './logic.ts';
import { expandDims, moveAxis } from './movement.ts';
import { leading, spread } from './rules.ts';

/** The indices choose places along `axis`; the first `batchAxes` axes are common to all operands, which meet there in pairs. */
type IndexAttributes = { axis: number; batchAxes: number };

/** Options of `gather` and `scatterAdd`. */
export interface IndexOptions {
  /** How many leading axes x and the indices have in common: each index along them has indices of its own. Default 0. */
  batchAxes?: number;
}

/** @throws ShapeError unless the axis lies behind the common ones, and those agree. */
function indexAttributes(
  operation: string,
  x: Variable,
  indices: Variable,
  axis: number,
  { batchAxes = 0 }: IndexOptions,
): IndexAttributes {
  const along = normalizeAxis(operation, axis, x.rank);
  const common = x.shape.slice(0, batchAxes);
  if (
    !Number.isInteger(batchAxes) ||
    batchAxes < 0 ||
    batchAxes > along ||
    !sameShape(common, indices.shape.slice(0, batchAxes))
  ) {
    throw new ShapeError(
      `${operation}: ${formatShape(x.shape)} with indices ${formatShape(indices.shape)} along axis ${along} have no ${batchAxes} ` +
        `leading axes in common before that axis; batchAxes counts axes of equal extents${at()}`,
    );
  }
  return { axis: along, batchAxes };
}

/** What `gather` gives, and what `scatterAdd` adds. */
function gatheredShape(x: Variable, indices: Variable, { axis, batchAxes }: IndexAttributes): Shape {
  return [...x.shape.slice(0, axis), ...indices.shape.slice(batchAxes), ...x.shape.slice(axis + 1)];
}

export function indicesOf(operation: string, indices: TensorLike): Variable {
  const plain = typeof indices === 'number' || Array.isArray(indices);
  const operand = plain ? constant(tensor(indices as Nested, { dtype: 'int32' })) : toVariable(indices);
  if (operand.dtype !== 'int32' && operand.dtype !== 'uint8') {
    throw new DTypeError(
      `${operation}: indices are ${operand.dtype}${formatShape(operand.shape)}; they must be integers: tensor(..., { dtype: 'int32' })${at()}`,
    );
  }
  return cast(operand, 'int32');
}

/** The place along an axis that `index` names; negative ones count from the end. @throws NumericalError */
function place(operation: string, index: number, extent: number): number {
  const at = index < 0 ? index + extent : index;
  if (at < 0 || at >= extent) {
    throw new NumericalError(
      `${operation}: index ${index} is out of bounds for an axis of extent ${extent}; use ${-extent} to ${extent - 1}`,
    );
  }
  return at;
}

/** Visits the place in the table that each index names, and the place of its row: rows of `inner` elements move together. */
function forEachRow(
  operation: string,
  table: Block,
  indices: Block,
  { axis, batchAxes }: IndexAttributes,
  visit: (tablePosition: number, rowPosition: number, inner: number) => void,
): void {
  const extent = table.shape[axis];
  const inner = sizeOf(table.shape.slice(axis + 1));
  const outer = sizeOf(table.shape.slice(0, axis));
  const count = sizeOf(indices.shape.slice(batchAxes));
  const shared = sizeOf(table.shape.slice(batchAxes, axis));
  for (let o = 0; o < outer; o++) {
    const first = Math.floor(o / shared) * count;
    for (let k = 0; k < count; k++) {
      const chosen = place(operation, indices.data[first + k], extent);
      visit((o * extent + chosen) * inner, (o * count + k) * inner, inner);
    }
  }
}

const gatherOperation: Operation<IndexAttributes> = {
  name: 'gather',
  infer: ([x, indices], attributes) => [{ shape: gatheredShape(x, indices, attributes), dtype: x.dtype }],
  bprop({ inputs: [x, indices], index, g, attributes }) {
    if (index === 1) return disconnected;
    if (!isFloat(x.dtype)) return zero;
    return apply(scatterAddOperation, [full(x.shape, 0, x.dtype), indices, g], attributes);
  },
  linear: true,
  batch(batch) {
    const {
      inputs: [x, indices],
      mapped,
      attributes: { axis, batchAxes },
    } = batch;
    if (mapped[0] && !mapped[1] && batchAxes === 0)
      return [apply(gatherOperation, [x, indices], { axis: axis + 1, batchAxes })];
    if (mapped[0]) return leading({ ...batch, attributes: { axis: axis + 1, batchAxes: batchAxes + 1 } });
    // One table for all examples: their indices are more indices into it, behind the common axes.
    const gathered = apply(gatherOperation, [x, moveAxis(indices, 0, batchAxes)], { axis, batchAxes });
    return [moveAxis(gathered, axis, 0)];
  },
  computation: {
    kind: 'routine',
    run([x, indices], [y], attributes) {
      forEachRow('gather', x, indices, attributes, (from, to, inner) => {
        for (let i = 0; i < inner; i++) y.data[to + i] = x.data[from + i];
      });
    },
  },
};

const table = { shape: [5, 3], domain: real(-2, 2) };
const places = { shape: [4], domain: whole(0, 4) };

/**
 * Takes the entries of x at `indices` (integers) along `axis` (0 by default), as NumPy's `take`: the shape of the
 * indices replaces the axis. Negative indices count from the end; an index out of bounds throws.
 *
 * With `batchAxes`, x [...batch, ...] and indices [...batch, ...] have that many leading axes in common, and each x along
 * them is read at its own indices: `gather(logits, labels, 1, { batchAxes: 1 })` is each row's entry at its label.
 */
export const gather = declare(
  (x: TensorLike, indices: TensorLike, axis = 0, options: IndexOptions = {}): Variable => {
    const operands = [toVariable(x), indicesOf('gather', indices)] as const;
    return apply(gatherOperation, operands, indexAttributes('gather', ...operands, axis, options));
  },
)({
  name: 'gather',
  doc: 'Takes entries at integer indices along an axis; the gradient is added back at those places.',
  dtypes: 'any, int32 -> any',
  operation: gatherOperation,
  samples: [
    { inputs: [table, places], call: (x, y) => gather(x, y), torch: 'x[y]' },
    {
      inputs: [table, { shape: [2, 2], domain: whole(0, 2) }],
      call: (x, y) => gather(x, y, 1),
      torch: 'x[:, y]',
    },
    {
      inputs: [table, { shape: [], domain: whole(-5, 4) }],
      call: (x, y) => gather(x, y, 0),
      torch: 'x[y]',
    },
    {
      inputs: [table, { shape: [5], domain: whole(0, 2) }],
      call: (x, y) => gather(x, y, 1, { batchAxes: 1 }),
      torch: 'x.gather(1, y[:, None])[:, 0]',
    },
    {
      inputs: [
        { shape: [2, 3, 4, 2], domain: real(-2, 2) },
        { shape: [2, 3], domain: whole(0, 3) },
      ],
      call: (x, y) => gather(x, y, 2, { batchAxes: 1 }),
      torch: 'x.gather(2, y[:, None, :, None].expand(2, 3, 3, 2))',
    },
  ],
});

const scatterAddOperation: Operation<IndexAttributes> = {
  name: 'scatterAdd',
  infer([x, indices, updates], attributes) {
    const expected = gatheredShape(x, indices, attributes);
    if (!sameShape(updates.shape, expected)) {
      throw new ShapeError(
        `scatterAdd: updates of shape ${formatShape(updates.shape)} do not fit: ${formatShape(x.shape)} with indices ` +
          `${formatShape(indices.shape)} along axis ${attributes.axis} takes ${formatShape(expected)}${at()}`,
      );
    }
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  bprop({ inputs: [x, indices], index, g, attributes }) {
    if (index === 1) return disconnected;
    if (!isFloat(x.dtype)) return zero;
    return index === 0 ? g : apply(gatherOperation, [g, indices], attributes);
  },
  jvp({ inputs: [x, indices], tangents: [dx, , added], attributes }) {
    if (added === undefined) return [dx ?? zero];
    return [apply(scatterAddOperation, [dx ?? full(x.shape, 0, x.dtype), indices, added], attributes)];
  },
  batch(batch) {
    const {
      inputs: [x, indices, updates],
      mapped,
      attributes: { axis, batchAxes },
      size,
    } = batch;
    if (mapped[1] || batchAxes > 0)
      return leading({ ...batch, attributes: { axis: axis + 1, batchAxes: batchAxes + 1 } });
    const [own, added] = [x, updates].map((each, i) => (mapped[2 * i] ? each : spread(each, size)));
    return [apply(scatterAddOperation, [own, indices, added], { axis: axis + 1, batchAxes })];
  },
  computation: {
    kind: 'routine',
    run([x, indices, updates], [y], attributes) {
      y.data.set(x.data);
      forEachRow('scatterAdd', y, indices, attributes, (to, from, inner) => {
        for (let i = 0; i < inner; i++) y.data[to + i] += updates.data[from + i];
      });
    },
  },
};

/** x with `updates` added at `indices` along `axis`; indices that repeat add up. Shapes and `batchAxes` as in `gather`. */
export const scatterAdd = declare(
  (
    x: TensorLike,
    indices: TensorLike,
    updates: TensorLike,
    axis = 0,
    options: IndexOptions = {},
  ): Variable => {
    const [operand, added] = unify([x, updates], 'number');
    const places = indicesOf('scatterAdd', indices);
    return apply(
      scatterAddOperation,
      [operand, places, added],
      indexAttributes('scatterAdd', operand, places, axis, options),
    );
  },
)({
  name: 'scatterAdd',
  doc: 'Adds updates at integer indices along an axis; repeated indices add up.',
  dtypes: 'number, int32, number -> number',
  operation: scatterAddOperation,
  samples: [
    {
      inputs: [table, places, { shape: [4, 3], domain: real(-2, 2) }],
      call: (x, y, z) => scatterAdd(x, y, z),
      torch: 'x.index_add(0, y, z)',
    },
    {
      inputs: [table, { shape: [2], domain: whole(0, 2) }, { shape: [5, 2], domain: real(-2, 2) }],
      call: (x, y, z) => scatterAdd(x, y, z, 1),
      torch: 'x.index_add(1, y, z)',
    },
    {
      inputs: [table, { shape: [5, 2], domain: whole(0, 2) }, { shape: [5, 2], domain: real(-2, 2) }],
      call: (x, y, z) => scatterAdd(x, y, z, 1, { batchAxes: 1 }),
      torch: 'x.scatter_add(1, y, z)',
    },
  ],
});

/** Rows of zeros with a one at each label; a label outside 0..classes-1 gives a row of zeros. */
export const oneHot = declare((labels: TensorLike, classes: number, dtype: DType = 'float32'): Variable => {
  const operand = indicesOf('oneHot', labels);
  return cast(equal(expandDims(operand, -1), iota([classes])), dtype);
})({
  name: 'oneHot',
  doc: 'A new last axis that is 1 at the label and 0 elsewhere.',
  dtypes: 'int32 -> dtype',
  notDifferentiable: 'its input is an index',
  samples: [
    {
      inputs: [{ shape: [4], domain: whole(0, 2) }],
      call: (x) => oneHot(x, 3),
      torch: 'torch.nn.functional.one_hot(x, 3)',
    },
  ],
});
