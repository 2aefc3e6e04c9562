/**
 * Movements: one in the place of several, and none that moves nothing.
 *
 * What the compiler does by itself: a movement is an index map in the loop that reads it, not a copy, and a matrix product
 * takes its operands by their strides, so that transposing one costs nothing. A reshape that has no strides (of a
 * transposition, say) takes a copy, as do pad and concat. Here views matter because other rules can see what they hide.
 */
import { apply, sameShape } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { transposeLast } from '../../operations/linearAlgebra.ts';
import { madeBy, operationOf } from '../axes.ts';
import { rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';
import { exampleOf } from './examples.ts';

const { flip, gather, identity, iota, matmul, reshape, slice, stopGradient, transpose } = registry;
const x = unknown('x');
const inner = attributes('inner');
const outer = attributes('outer');
const common = { class: 'exact', dtypes: 'any' } as const;

const [iotaOperation, matmulOperation] = (['iota', 'matmul'] as const).map(operationOf);

export const movementRules = () => [
  rule({
    name: 'reshape to the same shape',
    ...common,
    pattern: terms.reshape(x, outer),
    where: ({ variables: { x }, attributes: { outer } }) => sameShape(x.shape, outer.shape),
    replacement: x,
    examples: [exampleOf([[2, 3]], (v) => apply(operationOf('reshape'), [v], { shape: [2, 3] }))],
  }),
  rule({
    name: 'reshape of a reshape',
    ...common,
    pattern: terms.reshape(terms.reshape(x, inner), outer),
    replacement: terms.reshape(x, outer),
    examples: [exampleOf([[4, 3]], (v) => reshape(reshape(v, [2, 6]), [12]))],
  }),
  rule({
    name: 'transposition of nothing',
    ...common,
    pattern: terms.transpose(x, outer),
    where: ({ attributes: { outer } }) =>
      (outer.permutation as number[]).every((axis, place) => axis === place),
    replacement: x,
    examples: [exampleOf([[2, 3]], (v) => transpose(v, [0, 1]))],
  }),
  rule({
    name: 'transposition of a transposition',
    ...common,
    pattern: terms.transpose(terms.transpose(x, inner), outer),
    replacement: terms.transpose(
      x,
      attributes(({ attributes: { inner, outer } }) => ({
        permutation: outer.permutation.map((axis: number) => inner.permutation[axis]),
      })),
    ),
    examples: [
      exampleOf([[2, 3, 4]], (v) => transpose(transpose(v, [1, 2, 0]), [0, 2, 1])),
      exampleOf([[2, 3]], (v) => transpose(transpose(v))),
    ],
  }),
  rule({
    name: 'transposition of axes of extent 1',
    ...common,
    on: operationOf('transpose'),
    says: 'transpose(x, permutation) -> reshape(x, shape), where all other axes keep their order',
    replacement: (_, { application: { inputs, outputs, attributes } }) => {
      const permutation = attributes.permutation as readonly number[];
      const moved = permutation.filter((axis) => inputs[0].shape[axis] !== 1);
      return moved.every((axis, i) => i === 0 || axis > moved[i - 1])
        ? reshape(inputs[0], outputs[0].shape)
        : undefined;
    },
    examples: [exampleOf([[2, 1, 3]], (v) => transpose(v, [1, 0, 2]))],
  }),
  rule({
    name: 'transposed product',
    class: 'exact',
    dtypes: 'number',
    on: operationOf('transpose'),
    says: '(A B)^T -> B^T A^T, whose transpositions cost nothing',
    replacement: (_, { application: { inputs, attributes }, uses }) => {
      const product = madeBy(inputs[0], matmulOperation);
      const permutation = attributes.permutation as readonly number[];
      const { rank } = inputs[0];
      const swaps = permutation.every(
        (axis, place) => axis === (place < rank - 2 ? place : 2 * rank - 3 - place),
      );
      if (product === undefined || !swaps || uses(inputs[0]) > 1) return undefined;
      const [a, b] = product.inputs;
      return apply(matmulOperation, [transposeLast(b), transposeLast(a)], {});
    },
    examples: [
      exampleOf(
        [
          [2, 3],
          [3, 4],
        ],
        (a, b) => transpose(matmul(a, b)),
      ),
      exampleOf(
        [
          [5, 2, 3],
          [5, 3, 4],
        ],
        (a, b) => transpose(matmul(a, b), [0, 2, 1]),
      ),
    ],
  }),
  rule({
    name: 'flip of nothing',
    ...common,
    pattern: terms.flip(x, outer),
    where: ({ variables: { x }, attributes: { outer } }) =>
      (outer.axes as number[]).every((axis) => x.shape[axis] <= 1),
    replacement: x,
    examples: [exampleOf([[1, 3]], (v) => flip(v, 0))],
  }),
  rule({
    name: 'flip of a flip',
    ...common,
    pattern: terms.flip(terms.flip(x, inner), outer),
    replacement: terms.flip(
      x,
      attributes(({ attributes: { inner, outer } }) => ({
        axes: [
          ...inner.axes.filter((axis: number) => !outer.axes.includes(axis)),
          ...outer.axes.filter((axis: number) => !inner.axes.includes(axis)),
        ].sort((a, b) => a - b),
      })),
    ),
    examples: [
      exampleOf([[2, 3]], (v) => flip(flip(v, 0), 0)),
      exampleOf([[2, 3, 2]], (v) => flip(flip(v, [0, 1]), [1, 2])),
    ],
  }),
  rule({
    name: 'entries in their order',
    ...common,
    on: operationOf('gather'),
    says: 'gather(x, iota) -> slice(x)',
    replacement: (_, { application: { inputs, attributes } }) => {
      const [table, indices] = inputs;
      const made = madeBy(indices, iotaOperation);
      const axis = attributes.axis as number;
      if (made === undefined || indices.rank !== 1 || attributes.batchAxes !== 0) return undefined;
      const [count] = indices.shape;
      if (count > table.shape[axis]) return undefined;
      return slice(
        table,
        table.shape.map(() => 0),
        table.shape.map((extent, i) => (i === axis ? count : extent)),
      );
    },
    examples: [
      exampleOf([[4, 3]], (v) => gather(v, iota([4]))),
      exampleOf([[4, 3]], (v) => gather(v, iota([2]), 1)),
    ],
  }),
];

/** Operations that steer differentiation alone: they go when there will be no more of it. */
export const finalMovementRules = () => [
  rule({
    name: 'identity',
    ...common,
    pattern: terms.identity(x),
    replacement: x,
    examples: [exampleOf([[2, 3]], (v) => identity(v))],
  }),
  rule({
    name: 'stopped gradient',
    ...common,
    pattern: terms.stopGradient(x),
    replacement: x,
    examples: [exampleOf([[2, 3]], (v) => stopGradient(v))],
  }),
];
