/** The right elements of products and of single operations, by plain loops in float64. */
import { draw, samplePositions, sizeOf } from '../cases/draw.js';

/** @param {import('../cases/products.js').ProductCase} testCase */
export function expectedProduct({ m, k, n, a, b, transposeA, transposeB }) {
  const [left, right] = [draw(a), draw(b)];
  const [aRow, aColumn] = transposeA ? [1, m] : [k, 1];
  const [bRow, bColumn] = transposeB ? [1, k] : [n, 1];
  return samplePositions(m * n).map((position) => {
    const [i, j] = [Math.floor(position / n), position % n];
    let sum = 0;
    for (let at = 0; at < k; at++) sum += left[i * aRow + at * aColumn] * right[at * bRow + j * bColumn];
    return sum;
  });
}

/** The row of `length` numbers in which the element at `position` stands, and its place there. */
function rowOf(numbers, position, length) {
  const start = position - (position % length);
  return { row: Float64Array.from(numbers.subarray(start, start + length)), at: position - start };
}

const add = (numbers) => numbers.reduce((sum, each) => sum + each, 0);

/** By the names of the cases: the element at a position of the result, given the operands and the extent of a row. */
const elements = {
  'sum-all': ([x]) => add(Float64Array.from(x)),
  'sum-rows': ([x], position, columns) => add(rowOf(x, position * columns, columns).row),
  'sum-columns'([x], position, columns) {
    let sum = 0;
    for (let at = position; at < x.length; at += columns) sum += x[at];
    return sum;
  },
  'add-row': ([x, y], position, columns) => x[position] + y[position % columns],
  'elementwise-chain': ([x, y, z], i) => 0.5 * Math.max(x[i] * y[i] + z[i], 0) - x[i],
  'matrix-vector': ([x, v], position, columns) =>
    add(rowOf(x, position * columns, columns).row.map((each, i) => each * v[i])),
  'softmax-rows'([x], position, columns) {
    const { row, at } = rowOf(x, position, columns);
    return Math.exp(row[at]) / add(row.map(Math.exp));
  },
  'layer-norm'([x, gain, shift], position, columns) {
    const { row, at } = rowOf(x, position, columns);
    const mean = add(row) / columns;
    const variance = add(row.map((each) => (each - mean) ** 2)) / columns;
    return ((row[at] - mean) / Math.sqrt(variance + 1e-5)) * gain[at] + shift[at];
  },
  'call-overhead': ([x], i) => x[i] + 1,
};

/** @param {import('../cases/kernels.js').KernelCase} testCase */
export function expectedElements({ of, operands, result }) {
  const columns = operands[0].shape.at(-1);
  const data = operands.map(draw);
  return samplePositions(sizeOf(result)).map((position) => elements[of](data, position, columns));
}
