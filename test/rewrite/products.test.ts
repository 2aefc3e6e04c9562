import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients, operationCount } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { evaluate } from '../../src/engine/index.ts';
import {
  ancestors,
  constant,
  type DType,
  input,
  print,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { withRewriting } from '../../src/rewrite/level.ts';
import { bestOrder } from '../../src/rewrite/rules/matrixChain.ts';
import { simplify } from '../../src/rewrite/simplify.ts';

const { broadcastTo, diagonal, matmul, mul, reshape, sin, sum, trace, transpose } = registry;

const open = (shape: Shape, name: string, dtype: DType = 'float64'): Variable =>
  input(shape, { name, dtype });
const namesIn = (...outputs: readonly Variable[]): string[] =>
  ancestors(outputs).applications.map(({ operation }) => operation.name);
const count = (output: Variable, name: string): number =>
  namesIn(output).filter((each) => each === name).length;

/** Small whole numbers, whose products and sums are the same in every order. */
function whole(variables: readonly Variable[]): Map<Variable, Tensor> {
  return new Map(
    variables.map((variable, k) => {
      const data = Array.from({ length: sizeOf(variable.shape) }, (_, i) => ((i * (k + 3)) % 7) - 3);
      const flat = constant(tensor(data, { dtype: variable.dtype }));
      return [variable, runReference([reshape(flat, variable.shape)])[0]];
    }),
  );
}

/** The simplified graph of `y`, after checking that it has the numbers of `y`. */
function simplified(y: Variable, inputs: readonly Variable[], level?: 'fastMath'): Variable {
  const feeds = whole(inputs);
  const simple = simplify(y, { level });
  const [expected] = runReference([y], feeds);
  expect(simple.shape).toEqual(y.shape);
  expect(
    Array.from(runReference([simple], feeds)[0].data, (v) => v + 0),
    print(simple),
  ).toEqual(Array.from(expected.data, (v) => v + 0));
  expect(Array.from(evaluate([simple], feeds)[0].data, (v) => v + 0)).toEqual(
    Array.from(expected.data, (v) => v + 0),
  );
  return simple;
}

describe('chains of matrices', () => {
  /** The least cost by trying every way to put parentheses. */
  function bruteForce(extents: readonly number[]): number {
    if (extents.length <= 2) return 0;
    let best = Infinity;
    for (let k = 1; k < extents.length - 1; k++) {
      const cost =
        bruteForce(extents.slice(0, k + 1)) +
        bruteForce(extents.slice(k)) +
        extents[0] * extents[k] * extents[extents.length - 1];
      best = Math.min(best, cost);
    }
    return best;
  }
  const extents = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 9 });

  test('take the fewest multiplications that any parentheses allow', () => {
    fc.assert(
      fc.property(extents, (sizes) => {
        expect(bestOrder(sizes).cost).toBe(bruteForce(sizes));
      }),
      { numRuns: 150, seed: 3 },
    );
  });

  /** A product of factors, split where `at` says. */
  const product = (factors: readonly Variable[], at: readonly number[], depth = 0): Variable => {
    if (factors.length === 1) return factors[0];
    const split = 1 + (at[depth % at.length] % (factors.length - 1));
    return matmul(
      product(factors.slice(0, split), at, depth + 1) as Variable,
      product(factors.slice(split), at, depth + 2),
    );
  };

  test.each(['float64', 'int32'] as const)('in any order as written, of %s, end in the cheapest', (dtype) => {
    const written = fc.array(fc.nat(20), { minLength: 1, maxLength: 6 });
    const property = fc.property(extents, written, (sizes, at) => {
      const factors = sizes.slice(1).map((size, i) => open([sizes[i], size], `m${i}`, dtype));
      const y = product(factors, at);
      const simple = simplified(y, factors, 'fastMath');
      const best = 2 * bruteForce(sizes);
      expect(operationCount(simple)).toBeGreaterThanOrEqual(best);
      // What saves less than a tenth is left as it was.
      expect(operationCount(simple)).toBeLessThanOrEqual(Math.min(best / 0.9 + 1e-9, operationCount(y)));
    });
    fc.assert(property, { numRuns: 60, seed: 4 });
  });

  test('(A B) v is A (B v), with transposed factors too, and so are its gradients', () => {
    const [a, b] = [open([20, 20], 'A'), open([20, 20], 'B')];
    const v = open([20], 'v');
    const y = matmul(transpose(matmul(a, b)), v);
    const simple = simplified(y, [a, b, v], 'fastMath');
    expect(operationCount(simple)).toBe(2 * 2 * 20 * 20);
    const bounded = matmul(matmul(sin(a), sin(b)), sin(v));
    expect(operationCount(simplify(bounded))).toBeLessThan(operationCount(bounded) / 5);
    const slopes = (level: 'none' | 'fastMath'): Tensor[] =>
      withRewriting(level, () => runReference(gradients(sum(sin(y)), [a, b, v]), whole([a, b, v])));
    const [plain, fast] = [slopes('none'), slopes('fastMath')];
    plain.forEach(({ data }, i) => {
      data.forEach((each, k) => {
        expect(fast[i].data[k]).toBeCloseTo(each, 9);
      });
    });
  });

  test('that may overflow in one order alone stay as they are', () => {
    const [a, b, v] = [open([2, 2], 'A'), open([2, 2], 'B'), open([2], 'v')];
    const y = matmul(matmul(a, b), v);
    const diagonalOf = (x: number): Tensor =>
      tensor(
        [
          [x, 0],
          [0, x],
        ],
        { dtype: 'float64' },
      );
    const feeds = new Map([
      [a, diagonalOf(1e-200)],
      [b, diagonalOf(1e200)],
      [v, tensor([1e200, 1e200], { dtype: 'float64' })],
    ]);
    for (const each of [simplify(y), y])
      expect(evaluate([each], feeds)[0].data[0] / 1e200).toBeCloseTo(1, 12);
  });

  test('an inner product that is needed anyway stays', () => {
    const [a, b, v] = [open([9, 9], 'A'), open([9, 9], 'B'), open([9, 1], 'v')];
    const ab = matmul(a, b);
    const [, y] = simplify([ab, matmul(ab, v)], { level: 'fastMath' });
    expect(operationCount(y)).toBe(2 * (9 ** 3 + 9 ** 2));
  });

  test('of hundreds of factors take no longer than their length', () => {
    let y: Variable = open([3, 3], 'm');
    for (let i = 0; i < 300; i++) y = matmul(open([3, 3], `m${i}`), y);
    const start = operationCount(y);
    expect(operationCount(simplify(matmul(y, open([3, 1], 'v')), { level: 'fastMath' }))).toBeLessThanOrEqual(
      start + 18,
    );
  });
});

describe('sums of products', () => {
  const extent = fc.constantFrom(2, 16, 18, 24);
  const axisOf = (...kinds: string[]) => fc.record({ extent, kind: fc.constantFrom(...kinds) });
  const axes = fc
    .tuple(axisOf('left'), axisOf('right'), axisOf('inner'), axisOf('left', 'right', 'inner', 'batch', 'one'))
    .chain((all) => fc.shuffledSubarray(all, { minLength: 3 }));

  test('over axes that both factors have are matrix products, for any order of axes', () => {
    let made = 0;
    const property = fc.property(
      axes,
      fc.boolean(),
      fc.constantFrom<DType>('float64', 'int32'),
      (axes, keepDims, dtype) => {
        const extents = (...kinds: string[]): number[] =>
          axes.map(({ extent, kind }) => (kinds.includes(kind) ? extent : 1));
        const a = open(extents('left', 'inner', 'batch'), 'a', dtype);
        const b = open(extents('right', 'inner', 'batch'), 'b', dtype);
        if (sizeOf(broadcastTo(a, mul(a, b).shape).shape) > 40_000) return;
        const reduced = axes.flatMap(({ kind }, i) => (kind === 'inner' ? [i] : []));
        const y = sum(mul(a, b), reduced, { keepDims });
        const simple = simplified(y, [a, b]);
        const has = (kind: string): boolean => axes.some((each) => each.kind === kind);
        const size = sizeOf(extents('left', 'right', 'inner'));
        const worth = has('left') && has('right') && has('inner') && size >= 4096;
        expect(count(simple, 'matmul'), print(y)).toBe(worth ? 1 : 0);
        made += worth ? 1 : 0;
      },
    );
    fc.assert(property, { numRuns: 120, seed: 11 });
    expect(made).toBeGreaterThan(10);
  });

  test('that a matrix and a vector make stay fused loops', () => {
    const [a, v] = [open([64, 64], 'a'), open([64], 'v')];
    expect(namesIn(simplify(sum(mul(a, v), 1)))).toEqual(['mul', 'sum']);
  });
});

describe('batches', () => {
  test('that share a matrix are one product', () => {
    const w = open([5, 6], 'w');
    for (const shape of [
      [3, 4, 5],
      [2, 3, 4, 5],
    ]) {
      const x = open(shape, 'x');
      const y = simplified(matmul(x, w), [x, w]);
      const [product] = ancestors([y]).applications.filter(({ operation }) => operation.name === 'matmul');
      expect(product.outputs[0].rank).toBe(2);
    }
  });

  test('that share a matrix which is a row, a column or a number, stretched', () => {
    for (const shape of [[], [1, 1], [5, 1], [1, 6], [6], [1, 1, 6]]) {
      const [x, w] = [open([3, 4, 5], 'x'), open(shape, 'w')];
      simplified(matmul(x, broadcastTo(w, [3, 5, 6])), [x, w]);
      const [column, a] = [open([3, 6, 1], 'column'), open(shape, 'a')];
      simplified(matmul(broadcastTo(a, [3, 5, 6]), column), [column, a]);
    }
  });

  test('of which each has its own matrix along some axes keep those', () => {
    const [x, w] = [open([2, 3, 4, 5], 'x'), open([2, 1, 5, 6], 'w')];
    const y = simplified(matmul(x, w), [x, w]);
    const [product] = ancestors([y]).applications.filter(({ operation }) => operation.name === 'matmul');
    expect(product.outputs[0].shape).toEqual([2, 12, 6]);
  });

  test('of vectors times one matrix are one product', () => {
    const [a, v] = [open([4, 5], 'a'), open([7, 5, 1], 'v')];
    const y = simplified(matmul(a, v), [a, v]);
    const [product] = ancestors([y]).applications.filter(({ operation }) => operation.name === 'matmul');
    expect(product.outputs[0].shape).toEqual([7, 4]);
  });

  test('the gradient of a shared matrix is one product, not one for each of the batch and their sum', () => {
    const [x, w] = [open([8, 4, 5], 'x'), open([5, 6], 'w')];
    const J = sum(sin(matmul(x, w)));
    const [dw] = withRewriting('none', () => gradients(J, [w]));
    const simple = simplify(dw);
    expect(operationCount(simple)).toBeLessThan(operationCount(dw));
    expect(namesIn(simple)).not.toContain('sum');
    const feeds = whole([x, w]);
    const [expected, found] = [dw, simple].map((each) => runReference([each], feeds)[0]);
    expected.data.forEach((each, i) => {
      expect(found.data[i]).toBeCloseTo(each, 11);
    });
  });

  test('a sum over a batch of products that would take a copy stays', () => {
    const [a, b] = [open([4, 3, 2], 'a'), open([4, 2, 5], 'b')];
    expect(count(simplified(sum(matmul(a, b), 0), [a, b]), 'sum')).toBe(1);
  });
});

describe('diagonals', () => {
  test('of products are computed alone', () => {
    const [a, b] = [open([30, 20], 'a'), open([20, 30], 'b')];
    const y = simplified(trace(matmul(a, b)), [a, b]);
    expect(operationCount(y)).toBeLessThan(2 * 30 * 20 + 100);
  });

  test('of a product that is not square, or beside the main one, stay', () => {
    const [a, b] = [open([3, 2], 'a'), open([2, 4], 'b')];
    simplified(diagonal(matmul(a, b)), [a, b]);
    simplified(diagonal(matmul(a, b), { offset: 1 }), [a, b]);
  });
});

describe('transposed products', () => {
  test('are products of transposed factors, so that nothing is copied', () => {
    const [x, w] = [open([6, 5], 'x'), open([4, 5], 'w')];
    const J = sum(sin(matmul(x, transpose(w))));
    const [dw] = withRewriting('none', () => gradients(J, [w]));
    const simple = simplify(dw);
    const last = ancestors([simple]).applications.at(-1);
    expect(last?.operation.name).toBe('matmul');
    const feeds = whole([x, w]);
    const [expected, found] = [dw, simple].map((each) => runReference([each], feeds)[0]);
    expected.data.forEach((each, i) => {
      expect(found.data[i]).toBeCloseTo(each, 12);
    });
  });
});
