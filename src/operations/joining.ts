/** Branch and merge: joining tensors along an axis splits the gradient, splitting them joins it. */
import {
  apply,
  at,
  formatShape,
  normalizeAxis,
  type Operation,
  promote,
  ShapeError,
  stridesOf,
  type TensorLike,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { cast } from './conversion.ts';
import { declare, real } from './declare.ts';
import { expandDims } from './movement.ts';
import { leading } from './rules.ts';
import { slice } from './slicing.ts';

const concatOperation: Operation<{ axis: number }> = {
  name: 'concat',
  infer(inputs, { axis }) {
    const [first] = inputs;
    for (const { shape } of inputs) {
      if (shape.length !== first.rank || shape.some((extent, i) => i !== axis && extent !== first.shape[i])) {
        throw new ShapeError(
          `concat: ${inputs.map((each) => formatShape(each.shape)).join(', ')} differ on an axis other than ${axis}${at()}`,
        );
      }
    }
    const total = inputs.reduce((sum, each) => sum + each.shape[axis], 0);
    return [{ shape: first.shape.map((extent, i) => (i === axis ? total : extent)), dtype: first.dtype }];
  },
  bprop({ inputs, index, g, attributes: { axis } }) {
    const start = inputs.slice(0, index).reduce((sum, each) => sum + each.shape[axis], 0);
    return part(g, axis, start, start + inputs[index].shape[axis]);
  },
  linear: true,
  batch: (batch) => leading({ ...batch, attributes: { axis: batch.attributes.axis + 1 } }),
  computation: {
    kind: 'assembly',
    regions(inputs, output, { axis }) {
      const strides = stridesOf(output);
      let start = 0;
      return inputs.map((shape, input) => {
        const offset = start * strides[axis];
        start += shape[axis];
        return { input, offset, strides };
      });
    },
    fill: () => undefined,
  },
};

/** Elements `start <= i < end` along one axis, everything along the others. */
function part(x: Variable, axis: number, start: number, end: number): Variable {
  const starts = x.shape.map((_, i) => (i === axis ? start : 0));
  const ends = x.shape.map((extent, i) => (i === axis ? end : extent));
  return slice(x, starts, ends);
}

function unifyAll(operation: string, list: readonly TensorLike[]): Variable[] {
  if (list.length === 0)
    throw new ShapeError(`${operation}: the list is empty; give at least one tensor${at()}`);
  const operands = list.map((each) => toVariable(each));
  const dtype = operands.map((each) => each.dtype).reduce(promote);
  return operands.map((each) => cast(each, dtype));
}

const pair = [
  { shape: [2, 3], domain: real(-2, 2) },
  { shape: [4, 3], domain: real(-2, 2) },
];

/** Joins tensors along an existing axis (0 by default); other extents must agree. */
export const concat = declare((list: readonly TensorLike[], axis = 0): Variable => {
  const operands = unifyAll('concat', list);
  const along = normalizeAxis('concat', axis, operands[0].rank);
  return operands.length === 1 ? operands[0] : apply(concatOperation, operands, { axis: along });
})({
  name: 'concat',
  doc: 'Joins tensors along an axis; the gradient is split.',
  dtypes: 'any',
  operation: concatOperation,
  samples: [
    { inputs: pair, call: (x, y) => concat([x, y], 0), torch: 'torch.cat([x, y], 0)' },
    {
      inputs: [
        { shape: [2, 3], domain: real(-2, 2) },
        { shape: [2, 1], domain: real(-2, 2) },
        { shape: [2, 0], domain: real(-2, 2) },
      ],
      call: (x, y, z) => concat([x, y, z, x], -1),
      torch: 'torch.cat([x, y, z, x], -1)',
    },
  ],
});

/** Joins tensors of one shape along a new axis (0 by default). */
export const stack = declare((list: readonly TensorLike[], axis = 0): Variable => {
  const operands = unifyAll('stack', list);
  const along = normalizeAxis('stack', axis, operands[0].rank + 1);
  return concat(
    operands.map((each) => expandDims(each, along)),
    along,
  );
})({
  name: 'stack',
  doc: 'Joins tensors of one shape along a new axis.',
  dtypes: 'any',
  samples: [
    { inputs: [pair[0], pair[0]], call: (x, y) => stack([x, y]), torch: 'torch.stack([x, y])' },
    { inputs: [pair[0], pair[0]], call: (x, y) => stack([x, y], -1), torch: 'torch.stack([x, y], -1)' },
  ],
});

/** Cuts x along `axis` into `sections` equal parts, or into parts of the given sizes. */
export const split = declare((x: TensorLike, sections: number | readonly number[], axis = 0): Variable[] => {
  const operand = toVariable(x);
  const along = normalizeAxis('split', axis, operand.rank);
  const extent = operand.shape[along];
  const equal = typeof sections === 'number' && Number.isInteger(sections) && sections > 0 ? sections : 0;
  const sizes = typeof sections === 'number' ? new Array<number>(equal).fill(extent / equal) : sections;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== extent || sizes.length === 0 || sizes.some((size) => !Number.isInteger(size) || size < 0)) {
    const into = typeof sections === 'number' ? `${sections} equal parts` : `parts of ${sizes.join(' + ')}`;
    throw new ShapeError(
      `split: axis ${along} of ${formatShape(operand.shape)} does not divide into ${into}${at()}`,
    );
  }
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return part(operand, along, start - size, start);
  });
})({
  name: 'split',
  doc: 'Cuts a tensor into parts along an axis; the gradients are joined.',
  dtypes: 'any',
  samples: [
    { inputs: [{ shape: [6, 2], domain: real(-2, 2) }], call: (x) => split(x, 3), torch: 'x.split(2)' },
    {
      inputs: [{ shape: [2, 5], domain: real(-2, 2) }],
      call: (x) => split(x, [1, 4], -1),
      torch: 'x.split([1, 4], -1)',
    },
  ],
});
