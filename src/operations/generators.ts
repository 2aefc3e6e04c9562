/** Tensors made from nothing but a shape. */
import {
  apply,
  checkExtents,
  type DType,
  normalizeAxis,
  type Operation,
  type Shape,
  scalar,
  type Variable,
} from '../graph/index.ts';
import { broadcastTo } from './broadcasting.ts';
import { declare } from './declare.ts';

/** `value` in every place of `shape`; it takes no memory. */
export function full<const S extends Shape>(shape: S, value: number, dtype: DType = 'float32'): Variable<S> {
  return broadcastTo(scalar(value, dtype), shape);
}

const iotaOperation: Operation<{ shape: Shape; axis: number; dtype: DType }> = {
  name: 'iota',
  infer(_, { shape, dtype }) {
    checkExtents('iota', shape);
    return [{ shape, dtype }];
  },
  bprop: () => {
    throw new Error('iota has no inputs');
  },
  computation: { kind: 'elementwise', formula: (k, _, { axis, dtype }) => k.cast(k.index(axis), dtype) },
};

/** Each element is its own coordinate along `axis`: `iota([4])` is [0, 1, 2, 3]. int32 unless told otherwise. */
export const iota = declare(
  (shape: Shape, axis = 0, dtype: DType = 'int32'): Variable =>
    apply(iotaOperation, [], { shape: [...shape], axis: normalizeAxis('iota', axis, shape.length), dtype }),
)({
  name: 'iota',
  doc: 'Each element is its coordinate along an axis: y_i = i.',
  dtypes: '-> dtype',
  operation: iotaOperation,
  notDifferentiable: 'it has no inputs',
  samples: [
    { inputs: [], call: () => iota([5]) },
    { inputs: [], call: () => iota([3, 4], 1, 'float32') },
  ],
});
