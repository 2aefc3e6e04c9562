/**
 * Products: sums of products that are matrix products, which run in blocks that stay in the cache; one large product in
 * the place of many small ones; and none where only a diagonal of it is wanted.
 *
 * A matrix times a vector stays what it is: the compiler fuses the multiplication into the sum, which reads each element
 * once either way.
 */
import { type Application, apply, type Shape, sizeOf, type Variable } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { transposeLast } from '../../operations/linearAlgebra.ts';
import { beneathBroadcasts, madeBy, operationOf, reshapesFreely } from '../axes.ts';
import { type Rule, rule } from '../rule.ts';
import { counted, exampleOf } from './examples.ts';

const { broadcastTo, diagonal, einsum, expandDims, matmul, mul, reshape, sum, transpose } = registry;
const [sumOperation, mulOperation, matmulOperation, diagonalOperation] = (
  ['sum', 'mul', 'matmul', 'diagonal'] as const
).map(operationOf);

/** Multiplications from which a matrix product is faster than the fused loops of a sum of products. */
const WORTH = 16 ** 3;

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** A sum over axes that both factors have, each having others of its own, as a matrix product. */
function asMatrixProduct(application: Application): Variable | undefined {
  const { inputs, outputs, attributes } = application;
  const product = madeBy(inputs[0], mulOperation);
  if (product === undefined) return undefined;
  const { shape } = inputs[0];
  const reduced = attributes.axes as readonly number[];
  const sizes = { inner: 1, left: 1, right: 1 };
  let letters: readonly [string, string] = ['', ''];
  let result = '';
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const [left, right] = product.inputs.map(
      (each) => (each.shape[axis - shape.length + each.rank] ?? 1) > 1,
    );
    const letter = LETTERS[axis];
    letters = [letters[0] + (left ? letter : ''), letters[1] + (right ? letter : '')];
    if (!reduced.includes(axis)) result += letter;
    else if (!left || !right) return undefined;
    if (left && right) {
      if (reduced.includes(axis)) sizes.inner *= shape[axis];
    } else sizes[left ? 'left' : 'right'] *= shape[axis];
  }
  const { inner, left, right } = sizes;
  if (Math.min(inner, left, right) === 1 || !(inner * left * right >= WORTH)) return undefined;
  const [a, b] = product.inputs.map((each) =>
    reshape(
      each,
      each.shape.filter((extent) => extent !== 1),
    ),
  );
  return reshape(einsum(`${letters[0]},${letters[1]}->${result}`, a, b), outputs[0].shape);
}

/** How many of the batch axes, from the last, `x` has been broadcast along. */
function repeatedAxes(narrow: Variable, batch: Shape): number {
  let count = 0;
  while (count < batch.length) {
    const extent = narrow.shape[narrow.rank - 3 - count] ?? 1;
    if (extent !== 1 || batch[batch.length - 1 - count] === 1) break;
    count++;
  }
  return count;
}

/** What is broadcast to matrices with so many batch axes, as matrices of `shape`, without the batch axes that it repeats. */
function sharedMatrix(narrow: Variable, batchAxes: number, shape: Shape): Variable {
  const missing = batchAxes + 2 - narrow.rank;
  const aligned = [...new Array<number>(missing).fill(1), ...narrow.shape];
  const own = [...aligned.slice(0, shape.length - 2), ...aligned.slice(-2)];
  return broadcastTo(reshape(narrow, own), shape);
}

/** One matrix for all of a batch: their rows, one below the other, are one matrix. */
function asOneProduct({ inputs: [a, b], outputs: [c] }: Application): Variable | undefined {
  const batch = c.shape.slice(0, -2);
  const [n, k] = a.shape.slice(-2);
  const m = c.shape[c.rank - 1];
  const narrow = beneathBroadcasts(b);
  const count = repeatedAxes(narrow, batch);
  if (count === 0 || repeatedAxes(beneathBroadcasts(a), batch) > 0) return undefined;
  const lead = batch.slice(0, batch.length - count);
  const rows = [...lead, sizeOf(batch.slice(lead.length)) * n, k];
  if (!reshapesFreely(a, rows)) return undefined;
  const one = sharedMatrix(narrow, batch.length, [...lead, k, m]);
  return reshape(apply(matmulOperation, [reshape(a, rows), one], {}), c.shape);
}

/** The same for one matrix times a batch of columns: A x = (x^T A^T)^T, and a column transposed is a row. */
function asOneProductOfColumns({ inputs: [a, b], outputs: [c] }: Application): Variable | undefined {
  if (c.shape[c.rank - 1] !== 1) return undefined;
  const batch = c.shape.slice(0, -2);
  const narrow = beneathBroadcasts(a);
  const [n, k] = a.shape.slice(-2);
  const count = repeatedAxes(narrow, batch);
  if (count === 0 || repeatedAxes(beneathBroadcasts(b), batch) > 0) return undefined;
  const lead = batch.slice(0, batch.length - count);
  const rows = [...lead, sizeOf(batch.slice(lead.length)), k];
  if (!reshapesFreely(b, rows)) return undefined;
  const one = sharedMatrix(narrow, batch.length, [...lead, n, k]);
  return reshape(apply(matmulOperation, [reshape(b, rows), transposeLast(one)], {}), c.shape);
}

/** A sum over the batch: the products side by side are one product, with as many more terms in its sums. */
function asOneSum({ inputs, outputs, attributes }: Application): Variable | undefined {
  const product = madeBy(inputs[0], matmulOperation);
  const reduced = attributes.axes as readonly number[];
  if (product === undefined || reduced.length === 0 || reduced.some((axis) => axis >= inputs[0].rank - 2))
    return undefined;
  const [a, b] = product.inputs;
  const [n, k] = a.shape.slice(-2);
  const [rows, columns] = [a.rank - 2, a.rank - 1];
  const kept = a.shape.flatMap((_, axis) => (axis < rows && !reduced.includes(axis) ? [axis] : []));
  const lead = kept.map((axis) => a.shape[axis]);
  const inner = sizeOf(reduced.map((axis) => a.shape[axis])) * k;
  const left = transpose(a, [...kept, rows, ...reduced, columns]);
  const right = transpose(b, [...kept, ...reduced, rows, columns]);
  const [wide, tall] = [
    [...lead, n, inner],
    [...lead, inner, b.shape[columns]],
  ];
  if (!reshapesFreely(left, wide) || !reshapesFreely(right, tall)) return undefined;
  const total = apply(matmulOperation, [reshape(left, wide), reshape(right, tall)], {});
  return reshape(total, outputs[0].shape);
}

export const productRules = (): readonly Rule[] => [
  rule({
    name: 'sum of products',
    class: 'exact',
    dtypes: 'number',
    on: sumOperation,
    says: 'sum_k a_ik b_kj -> matmul(a, b), where the matrices are not small',
    replacement: (_, { application, uses }) =>
      uses(application.inputs[0]) > 1 ? undefined : asMatrixProduct(application),
    examples: [
      exampleOf(
        [
          [16, 16],
          [16, 16],
        ],
        (a, b) => sum(mul(expandDims(counted(a), 2), counted(b)), 1),
      ),
      exampleOf(
        [
          [20, 1, 16],
          [17, 16],
        ],
        (a, b) => sum(mul(counted(a), counted(b)), 2, { keepDims: true }),
      ),
      exampleOf(
        [
          [2, 16, 1, 16],
          [2, 1, 16, 16],
        ],
        (a, b) => sum(mul(counted(a), counted(b)), 3),
      ),
    ],
  }),
  rule({
    name: 'one matrix for a batch',
    class: 'exact',
    dtypes: 'number',
    on: matmulOperation,
    says: 'matmul(A [b, n, k], B [k, m]) -> matmul(A [b n, k], B)',
    replacement: (_, { application }) => asOneProduct(application) ?? asOneProductOfColumns(application),
    examples: [
      exampleOf(
        [
          [4, 2, 3],
          [3, 5],
        ],
        (a, b) => matmul(a, b),
      ),
      exampleOf(
        [
          [2, 4, 2, 3],
          [2, 1, 3, 5],
        ],
        (a, b) => matmul(a, b),
      ),
      exampleOf(
        [
          [2, 3],
          [4, 3, 1],
        ],
        (a, b) => matmul(a, b),
      ),
    ],
  }),
  rule({
    name: 'sum over a batch of products',
    class: 'exact',
    dtypes: 'number',
    on: sumOperation,
    says: 'sum_b matmul(A_b, B_b) -> matmul([A_1, A_2, ...], [B_1; B_2; ...])',
    replacement: (_, { application, uses }) =>
      uses(application.inputs[0]) > 1 ? undefined : asOneSum(application),
    examples: [
      exampleOf(
        [
          [4, 3, 2],
          [4, 3, 5],
        ],
        (a, b) => sum(matmul(transpose(counted(a), [0, 2, 1]), counted(b)), 0),
      ),
    ],
  }),
  rule({
    name: 'diagonal of a product',
    class: 'exact',
    dtypes: 'number',
    on: diagonalOperation,
    says: 'diagonal(A B) -> row i of A times column i of B',
    replacement: (_, { application: { inputs, outputs, attributes }, uses }) => {
      const product = madeBy(inputs[0], matmulOperation);
      if (product === undefined || uses(inputs[0]) > 1 || attributes.offset !== 0) return undefined;
      const [a, b] = product.inputs;
      if (a.shape[a.rank - 2] !== b.shape[b.rank - 1]) return undefined;
      return reshape(matmul(expandDims(a, -2), expandDims(transposeLast(b), -1)), outputs[0].shape);
    },
    examples: [
      exampleOf(
        [
          [3, 4],
          [4, 3],
        ],
        (a, b) => diagonal(matmul(a, b)),
      ),
      exampleOf(
        [
          [2, 3, 4],
          [2, 4, 3],
        ],
        (a, b) => diagonal(matmul(a, b), { axes: [1, 2] }),
      ),
    ],
  }),
];
