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
import { expandDims } from './movement.ts';

type IndexAttributes = { axis: number };

function indicesOf(operation: string, indices: TensorLike): Variable {
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

/** Visits (outer, k-th index, its place): rows of `inner` elements move together. */
function forEachRow(
  operation: string,
  table: Block,
  indices: Block,
  axis: number,
  visit: (tablePosition: number, rowPosition: number, inner: number) => void,
): void {
  const extent = table.shape[axis];
  const inner = sizeOf(table.shape.slice(axis + 1));
  const outer = sizeOf(table.shape.slice(0, axis));
  const count = indices.data.length;
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      visit((o * extent + place(operation, indices.data[k], extent)) * inner, (o * count + k) * inner, inner);
    }
  }
}

const gatherOperation: Operation<IndexAttributes> = {
  name: 'gather',
  infer([x, indices], { axis }) {
    return [
      { shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], dtype: x.dtype },
    ];
  },
  bprop({ inputs: [x, indices], index, g, attributes }) {
    if (index === 1) return disconnected;
    if (!isFloat(x.dtype)) return zero;
    return apply(scatterAddOperation, [full(x.shape, 0, x.dtype), indices, g], attributes);
  },
  computation: {
    kind: 'routine',
    run([x, indices], [y], { axis }) {
      forEachRow('gather', x, indices, axis, (from, to, inner) => {
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
 */
export const gather = declare((x: TensorLike, indices: TensorLike, axis = 0): Variable => {
  const operand = toVariable(x);
  return apply(gatherOperation, [operand, indicesOf('gather', indices)], {
    axis: normalizeAxis('gather', axis, operand.rank),
  });
})({
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
  ],
});

const scatterAddOperation: Operation<IndexAttributes> = {
  name: 'scatterAdd',
  infer([x, indices, updates], { axis }) {
    const expected = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    if (!sameShape(updates.shape, expected)) {
      throw new ShapeError(
        `scatterAdd: updates of shape ${formatShape(updates.shape)} do not fit: ${formatShape(x.shape)} with indices ` +
          `${formatShape(indices.shape)} along axis ${axis} takes ${formatShape(expected)}${at()}`,
      );
    }
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  bprop({ inputs: [x, indices], index, g, attributes: { axis } }) {
    if (index === 1) return disconnected;
    if (!isFloat(x.dtype)) return zero;
    return index === 0 ? g : gather(g, indices, axis);
  },
  computation: {
    kind: 'routine',
    run([x, indices, updates], [y], { axis }) {
      y.data.set(x.data);
      forEachRow('scatterAdd', y, indices, axis, (to, from, inner) => {
        for (let i = 0; i < inner; i++) y.data[to + i] += updates.data[from + i];
      });
    },
  },
};

/** x with `updates` added at `indices` along `axis`; indices that repeat add up. Shapes as in `gather`. */
export const scatterAdd = declare(
  (x: TensorLike, indices: TensorLike, updates: TensorLike, axis = 0): Variable => {
    const [operand, added] = unify([x, updates], 'number');
    return apply(scatterAddOperation, [operand, indicesOf('scatterAdd', indices), added], {
      axis: normalizeAxis('scatterAdd', axis, operand.rank),
    });
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
