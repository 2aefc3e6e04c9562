/** The place of an extreme element, found together with its value in one pass. */
import {
  applyOperation,
  at,
  type Block,
  formatShape,
  isFloat,
  normalizeAxis,
  type Operation,
  ShapeError,
  sizeOf,
  type TensorLike,
  toVariable,
  undefinedGradient,
  Variable,
  zero,
} from '../graph/index.ts';
import { inferReduction, type KeepDims, type ReductionAttributes } from './broadcasting.ts';
import { cast } from './conversion.ts';
import { declare, real } from './declare.ts';
import { axesShifted } from './oneOperand.ts';
import { meanOfExtremes, shareAmongExtremes, tiesOfExtremes } from './reduction.ts';

/** Scans one axis; the first of equals wins, and a NaN wins over everything. */
function scan(
  [x]: readonly Block[],
  [values, indices]: readonly Block[],
  axis: number,
  largest: boolean,
): void {
  const extent = x.shape[axis];
  const inner = sizeOf(x.shape.slice(axis + 1));
  const outer = sizeOf(x.shape.slice(0, axis));
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let position = o * extent * inner + i;
      let best = x.data[position];
      let where = 0;
      for (let k = 1; k < extent && !Number.isNaN(best); k++) {
        position += inner;
        const value = x.data[position];
        if (largest ? !(value <= best) : !(value >= best)) {
          best = value;
          where = k;
        }
      }
      values.data[o * inner + i] = best;
      indices.data[o * inner + i] = where;
    }
  }
}

const indexReason = (name: string): string =>
  `the second output of ${name} is an index: it jumps from one integer to another and has no derivative`;

function extremeOperation(name: string, largest: boolean): Operation<ReductionAttributes> {
  return {
    name,
    infer([x], attributes) {
      const shape = inferReduction(name, x, attributes);
      if (x.shape[attributes.axes[0]] === 0) {
        throw new ShapeError(
          `${name}: axis ${attributes.axes[0]} of ${formatShape(x.shape)} is empty, and nothing has no extreme${at()}`,
        );
      }
      return [
        { shape, dtype: x.dtype },
        { shape, dtype: 'int32' },
      ];
    },
    bprop({ inputs: [x], outputs: [y], gradients, attributes, g }) {
      const [, place] = gradients;
      if (place instanceof Variable || place.gradient === 'undefined' || !isFloat(x.dtype)) {
        return undefinedGradient(indexReason(name));
      }
      return shareAmongExtremes(x, y, g, attributes);
    },
    jvp: ({ inputs: [x], outputs: [y], tangents: [tangent], attributes }) => [
      tangent === undefined ? zero : meanOfExtremes(x, y, tangent, attributes),
      undefinedGradient(indexReason(name)),
    ],
    batch: axesShifted,
    kinks: tiesOfExtremes,
    computation: {
      kind: 'routine',
      run: (inputs, outputs, { axes }) => scan(inputs, outputs, axes[0], largest),
    },
  };
}

const maxOperation = extremeOperation('maxWithIndex', true);
const minOperation = extremeOperation('minWithIndex', false);

function withIndex(
  operation: Operation<ReductionAttributes>,
  x: TensorLike,
  axis: number,
  keepDims: boolean,
): [Variable, Variable] {
  const operand = toVariable(x);
  const number = operand.dtype === 'bool' ? cast(operand, 'int32') : operand;
  const axes = [normalizeAxis(operation.name, axis, number.rank)];
  const [value, index] = applyOperation(operation, [number], { axes, keepDims });
  return [value, index];
}

const domain = real(-3, 3, { distinct: true });

/**
 * The largest element along `axis` (the last by default) and the index (int32) where it stands; the first one of
 * equals. The value is differentiable as in `max`; the gradient of the index is undefined, and reported so.
 */
export const maxWithIndex = declare(
  (x: TensorLike, axis = -1, { keepDims = false }: KeepDims = {}): [value: Variable, index: Variable] =>
    withIndex(maxOperation, x, axis, keepDims),
)({
  name: 'maxWithIndex',
  doc: 'The largest element along an axis and its index, in one pass; the index has no derivative.',
  dtypes: 'number -> number, int32',
  operation: maxOperation,
  samples: [
    { inputs: [{ shape: [3, 4], domain }], call: (x) => maxWithIndex(x)[0], torch: 'x.max(-1)[0]' },
    {
      inputs: [{ shape: [2, 5, 3], domain }],
      call: (x) => maxWithIndex(x, 1, { keepDims: true }),
      torch: 'x.max(1, keepdim=True)',
    },
  ],
});

const notDifferentiable = 'its output is an index';

/** The index (int32) of the largest element along `axis` (the last by default); the first one of equals. */
export const argmax = declare(
  (x: TensorLike, axis = -1, { keepDims = false }: KeepDims = {}): Variable =>
    withIndex(maxOperation, x, axis, keepDims)[1],
)({
  name: 'argmax',
  doc: 'The index of the largest element along an axis.',
  dtypes: 'number -> int32',
  notDifferentiable,
  samples: [
    { inputs: [{ shape: [3, 4], domain }], call: (x) => argmax(x), torch: 'x.argmax(-1)' },
    { inputs: [{ shape: [3, 4], domain }], call: (x) => argmax(x, 0), torch: 'x.argmax(0)' },
  ],
});

/** The index (int32) of the smallest element along `axis` (the last by default); the first one of equals. */
export const argmin = declare(
  (x: TensorLike, axis = -1, { keepDims = false }: KeepDims = {}): Variable =>
    withIndex(minOperation, x, axis, keepDims)[1],
)({
  name: 'argmin',
  doc: 'The index of the smallest element along an axis.',
  dtypes: 'number -> int32',
  operation: minOperation,
  notDifferentiable,
  samples: [
    { inputs: [{ shape: [3, 4], domain }], call: (x) => argmin(x), torch: 'x.argmin(-1)' },
    {
      inputs: [{ shape: [3, 4], domain }],
      call: (x) => argmin(x, 0, { keepDims: true }),
      torch: 'x.argmin(0, keepdim=True)',
    },
  ],
});
