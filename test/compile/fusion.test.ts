import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { constant, input, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import {
  countOf,
  isCopy,
  kindsOf,
  loopsOf,
  productsOf,
  programOf,
  randomFeeds,
  readsOf,
  runByTheBook,
} from './support.ts';

const { add, mul, exp, sin, cos, tanh, neg, relu, sqrt, square, sum, max, matmul, transpose } = registry;
const { slice, flip, broadcastTo, reshape, concat, pad, stack, softmax, expandDims } = registry;

const matrix = (rows: number, columns: number): Variable => input([rows, columns]);

describe('one loop', () => {
  test('is an elementwise chain: one load, one store, nothing between', () => {
    const x = matrix(4, 5);
    const program = programOf([exp(tanh(add(mul(x, 2), 1)))]);
    const [loop] = loopsOf(program);
    expect(kindsOf(program)).toEqual(['loop']);
    expect(loop.stores.length).toBe(1);
    expect(readsOf(loop).length).toBe(1);
    expect(program.buffers.filter(({ place }) => place.kind === 'arena').length).toBe(2);
  });

  test('is bias and relu after a matrix product', () => {
    const program = programOf([relu(add(matmul(matrix(4, 5), matrix(5, 6)), input([6])))]);
    expect(kindsOf(program)).toEqual(['product', 'loop']);
  });

  test('is a reduction with what comes before it and after it', () => {
    const program = programOf([add(sqrt(sum(square(matrix(4, 5)), 1)), 1)]);
    expect(kindsOf(program)).toEqual(['loop']);
    const [loop] = loopsOf(program);
    expect(loop.extents).toEqual([4, 5]);
    expect(loop.reduced).toBe(1);
    expect(loop.stores.length).toBe(1);
  });

  test('is several reductions of one tensor', () => {
    const x = matrix(4, 5);
    const program = programOf([sum(x, 1), max(x, 1), sum(square(x), 1)]);
    expect(kindsOf(program)).toEqual(['loop']);
    expect(loopsOf(program)[0].accumulators.length).toBe(3);
    expect(readsOf(loopsOf(program)[0]).length).toBe(1);
  });

  test('is two outputs over the same elements, with what they share computed once', () => {
    const x = matrix(4, 5);
    const shared = exp(x);
    const program = programOf([add(shared, 1), mul(shared, 2)]);
    expect(kindsOf(program)).toEqual(['loop']);
    expect(countOf(program, 'exp')).toBe(1);
    expect(loopsOf(program)[0].stores.length).toBe(2);
  });

  test('is not more than one reduction after another', () => {
    // The maximum, the exponentials, their sum, the quotient.
    const program = programOf([softmax(matrix(4, 50))]);
    expect(kindsOf(program).length).toBeLessThanOrEqual(4);
    expect(countOf(program, 'exp')).toBe(1);
  });

  test('ends where the body would grow too large', () => {
    let y: Variable = input([7]);
    for (let i = 0; i < 1000; i++) y = sin(y);
    const sizes = loopsOf(programOf([y])).map(({ nodes }) => nodes.length);
    expect(Math.max(...sizes)).toBeLessThan(300);
    expect(sizes.length).toBeLessThan(20);
  });
});

describe('a value that two loops read', () => {
  test('is computed in both where that is cheap', () => {
    const x = matrix(40, 50);
    const program = programOf([sum(neg(x), 0), sum(neg(x), 1)]);
    expect(countOf(program, 'neg')).toBe(2);
    expect(program.buffers.filter(({ length }) => length === 2000).length).toBe(1);
  });

  test('is stored where it is expensive', () => {
    const x = matrix(40, 50);
    const program = programOf([sum(exp(x), 0), sum(exp(x), 1)]);
    expect(countOf(program, 'exp')).toBe(1);
  });

  test('is stored where a broadcast would compute it for every repeat', () => {
    const program = programOf([add(exp(input([50])), matrix(40, 50))]);
    const loop = loopsOf(program).find(({ nodes }) => nodes.some(({ op }) => op === 'exp'));
    expect(loop?.extents).toEqual([50]);
  });

  test('is stored where one loop reads it at two places', () => {
    const e = exp(matrix(30, 30));
    const program = programOf([add(flip(e, 0), transpose(e))]);
    expect(countOf(program, 'exp')).toBe(1);
  });
});

describe('movement is index maps', () => {
  test('a transposed operand of a product has its strides swapped, and no copy', () => {
    const [a, b] = [matrix(5, 4), matrix(5, 6)];
    const program = programOf([matmul(transpose(a), b)]);
    expect(kindsOf(program)).toEqual(['product']);
    const [{ a: left, b: right }] = productsOf(program);
    expect([left.rows, left.columns]).toEqual([1, 4]);
    expect([right.rows, right.columns]).toEqual([6, 1]);
  });

  test('neither have the gradients of a product', () => {
    const [a, b] = [matrix(5, 4), matrix(4, 6)];
    const c = matmul(a, b);
    const program = programOf(gradients(sum(mul(c, matrix(5, 6))), [a, b]));
    expect(kindsOf(program)).toEqual(['product', 'product']);
  });

  test('the batch axes of a product are strides too, 0 where it broadcasts', () => {
    const program = programOf([matmul(input([3, 2, 4, 5]), input([2, 5, 6]))]);
    expect(kindsOf(program)).toEqual(['product']);
    const [{ batch, a, b }] = productsOf(program);
    expect(batch).toEqual([3, 2]);
    expect(a.strides).toEqual([40, 20]);
    expect(b.strides).toEqual([0, 30]);
  });

  test('slices, flips and broadcasts are accesses', () => {
    const x = matrix(6, 8);
    const part = slice(x, [1, 2], [5, 8], [1, 2]);
    const program = programOf([add(add(part, flip(slice(x, [0, 0], [4, 3]), 1)), input([3]))]);
    expect(kindsOf(program)).toEqual(['loop']);
    const accesses = readsOf(loopsOf(program)[0]).map(({ offset, strides }) => ({ offset, strides }));
    expect(accesses).toEqual([
      { offset: 10, strides: [8, 2] },
      { offset: 2, strides: [8, -1] },
      { offset: 0, strides: [0, 1] },
    ]);
  });

  test('views of views are one access', () => {
    const x = input([4, 6, 5]);
    const view = flip(slice(transpose(x, [2, 0, 1]), [1, 0, 0], [5, 4, 6], [3, 1, 2]), 2);
    const program = programOf([exp(view)]);
    expect(kindsOf(program)).toEqual(['loop']);
    const [read] = readsOf(loopsOf(program)[0]);
    expect(read.offset).toBe(1 + 2 * 10);
    expect(read.strides).toEqual([3, 30, -10]);
  });

  test('a transpose is an output by one copy', () => {
    const program = programOf([transpose(matrix(3, 4))]);
    expect(program.kernels.length).toBe(1);
    expect(isCopy(program.kernels[0])).toBe(true);
  });

  test('axes of extent 1 leave no trace', () => {
    const x = input([4, 1, 5]);
    const program = programOf([exp(x), exp(reshape(x, [4, 5])), exp(expandDims(x, 0))]);
    for (const { extents } of loopsOf(program)) expect(extents).toEqual([4, 5]);
  });

  test('a reshape of a transpose takes a copy, and only then', () => {
    const x = matrix(3, 4);
    const straight = programOf([matmul(reshape(x, [6, 2]), matrix(2, 5))]);
    expect(kindsOf(straight)).toEqual(['product']);
    const turned = programOf([matmul(reshape(transpose(x), [6, 2]), matrix(2, 5))]);
    expect(kindsOf(turned)).toEqual(['loop', 'product']);
    expect(isCopy(turned.kernels[0])).toBe(true);
  });

  test('a number broadcast to a tensor takes no memory', () => {
    const program = programOf([add(matrix(30, 40), broadcastTo(constant(2), [30, 40]))]);
    expect(kindsOf(program)).toEqual(['loop']);
    expect(program.constants).toEqual([]);
    expect(program.buffers.length).toBe(2);
  });
});

describe('assembly writes regions', () => {
  test('of a concatenation, with what computes the parts', () => {
    const program = programOf([concat([sin(matrix(2, 5)), cos(matrix(3, 5))], 0)]);
    expect(kindsOf(program)).toEqual(['loop', 'loop']);
    const stores = loopsOf(program).map(({ accesses, stores: [{ access }] }) => accesses[access]);
    expect(stores[0].buffer).toBe(stores[1].buffer);
    expect(stores.map(({ offset }) => offset)).toEqual([0, 10]);
    expect(program.kernels.some(isCopy)).toBe(false);
  });

  test('along the last axis, by strides', () => {
    const program = programOf([concat([matrix(4, 2), matrix(4, 3)], 1)]);
    const stores = loopsOf(program).map(({ accesses, stores: [{ access }] }) => accesses[access]);
    expect(stores.map(({ offset, strides }) => [offset, strides])).toEqual([
      [0, [5, 1]],
      [2, [5, 1]],
    ]);
  });

  test('of padding: the fill, then the middle', () => {
    const program = programOf([pad(exp(matrix(2, 3)), [1, 1], [0, 2])]);
    const [fill, middle] = loopsOf(program);
    expect(program.kernels.length).toBe(2);
    expect(fill.extents).toEqual([3, 6]);
    expect(middle.extents).toEqual([2, 3]);
    const { access } = middle.stores[0];
    expect(middle.accesses[access].offset).toBe(7);
    expect(middle.accesses[access].strides).toEqual([6, 1]);
  });

  test('and a part read again comes from its own region', () => {
    const [a, b] = [matrix(2, 3), matrix(2, 3)];
    const whole = concat([a, b], 0);
    const outputs = [whole, mul(slice(whole, [0], [2]), 10), mul(slice(whole, [2], [4]), 10)];
    const feeds = randomFeeds(outputs, 1);
    const found = runByTheBook({ outputs, inputs: [a, b] }, feeds).outputs;
    expect(found.map((value) => value.toArray())).toEqual(
      runReference(outputs, feeds).map((value) => value.toArray()),
    );
  });

  test('of a stack', () => {
    const program = programOf([stack([input([4]), input([4])], 1)]);
    expect(kindsOf(program)).toEqual(['loop', 'loop']);
  });
});

test('a training loss and its gradient take few kernels', () => {
  const [x, w, b] = [matrix(32, 20), matrix(20, 10), input([10])];
  const labels = input([32], { dtype: 'int32' });
  const J = registry.crossEntropy(add(matmul(x, w), b), labels);
  const program = programOf([J, ...gradients(J, [w, b])]);
  expect(productsOf(program).length).toBe(2);
  expect(loopsOf(program).length).toBeLessThanOrEqual(9);
});
