/** Whole Jacobians: by columns, by rows, and by whichever is cheaper. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  argmax,
  cast,
  checkpoint,
  compile,
  concat,
  constant,
  countApplications,
  cumsum,
  DTypeError,
  evaluate,
  exp,
  expectClose,
  flip,
  grad,
  identity,
  input,
  jacobian,
  jacobianCost,
  leaf,
  less,
  type Matrix,
  matmul,
  matrix,
  maxWithIndex,
  mul,
  type Nested,
  operationCount,
  pad,
  randomMatrices,
  reshape,
  ShapeError,
  scan,
  sigmoid,
  sin,
  slice,
  softmax,
  sparseJacobian,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  times,
  toDense,
  transpose,
  transposed,
  UndefinedGradientError,
  type Variable,
  valueOf,
  vmap,
  whileLoop,
} from '../examples/support.ts';
import { functionOfRecipe, numericalJacobian } from '../support/jacobians.ts';
import { relativeError } from '../support/numeric.ts';
import { recipes } from '../support/randomGraph.ts';

const MODES = ['forward', 'reverse', 'auto'] as const;

const random = randomMatrices(11);
const double = (data: Nested): Tensor => tensor(data, { dtype: 'float64' });
const diagonalOf = (values: readonly number[]): Matrix =>
  matrix(values.length, values.length, (i, j) => (i === j ? values[i] : 0));

describe.each(MODES)('in mode %s, the Jacobian', (mode) => {
  test('of an elementwise function is diagonal', () => {
    const x = [0.3, -1, 2];
    expectClose(valueOf(jacobian((v: Variable) => sin(v), { mode })(leaf(x))), diagonalOf(x.map(Math.cos)));
  });

  test('of a linear function is its matrix, on either side', () => {
    const w = random(3, 5);
    const right = jacobian((v: Variable) => matmul(double(w), v), { mode })(leaf([1, 2, 3, 4, 5]));
    expectClose(valueOf(right), w, 0);
    const left = jacobian((v: Variable) => matmul(v, double(w)), { mode })(leaf([1, 2, 3]));
    expectClose(valueOf(left), transposed(w), 0);
  });

  test('of a layer is diag(1 - tanh^2) W', () => {
    const w = random(4, 3);
    const x = [[0.5], [-1], [0.2]];
    const y = times(w, x).map(([each]) => 1 - Math.tanh(each) ** 2);
    const found = jacobian((v: Variable) => tanh(matmul(double(w), v)), { mode })(leaf(x.flat()));
    expectClose(valueOf(found), times(diagonalOf(y), w));
  });

  test('of a softmax is diag(p) - p p^T', () => {
    const x = [0.1, 1.2, -0.7, 0.4];
    const total = x.reduce((all, each) => all + Math.exp(each), 0);
    const p = x.map((each) => Math.exp(each) / total);
    const found = jacobian((v: Variable) => softmax(v), { mode })(leaf(x));
    expectClose(
      valueOf(found),
      matrix(4, 4, (i, j) => (i === j ? p[i] : 0) - p[i] * p[j]),
    );
  });

  test('of a product of matrices with respect to either factor has four axes', () => {
    const [a, b] = [random(2, 3), random(3, 4)];
    const f = (x: Variable, y: Variable): Variable => matmul(x, y);
    const byA = jacobian(f, { mode })(double(a), double(b));
    expect(byA.shape).toEqual([2, 4, 2, 3]);
    const index = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
    expectClose(
      valueOf(byA),
      index(2).map((i) =>
        index(4).map((j) => index(2).map((k) => index(3).map((l) => (i === k ? b[l][j] : 0)))),
      ),
      0,
    );
    const byB = jacobian(f, { mode, argument: 1 })(double(a), double(b));
    expectClose(
      valueOf(byB),
      index(2).map((i) =>
        index(4).map((j) => index(3).map((k) => index(4).map((l) => (j === l ? a[i][k] : 0)))),
      ),
      0,
    );
  });

  test('of a product of a matrix with itself', () => {
    const x = random(3, 3);
    const found = jacobian((v: Variable) => matmul(v, v), { mode })(double(x));
    const index = [0, 1, 2];
    expectClose(
      valueOf(found),
      index.map((i) =>
        index.map((j) =>
          index.map((k) => index.map((l) => (i === k ? x[l][j] : 0) + (j === l ? x[i][k] : 0))),
        ),
      ),
    );
  });

  test('takes all ranks on both sides', () => {
    const shapeOf = (f: (x: Variable) => Variable, shape: readonly number[]): readonly number[] =>
      jacobian(f, { mode })(input(shape, { dtype: 'float64' })).shape;
    expect(shapeOf((x) => square(x), [])).toEqual([]);
    expect(shapeOf((x) => sum(x), [2, 3])).toEqual([2, 3]);
    expect(shapeOf((x) => mul(x, [[1, 2]]), [])).toEqual([1, 2]);
    expect(shapeOf((x) => sum(x, 0), [2, 3, 4])).toEqual([3, 4, 2, 3, 4]);
    expect(shapeOf((x) => slice(x, [0], [0]), [3])).toEqual([0, 3]);
    expect(shapeOf((x) => sum(square(x), 1), [2, 0])).toEqual([2, 2, 0]);
    expectClose(valueOf(jacobian((x: Variable) => square(x), { mode })(leaf(3))), 6);
    expectClose(valueOf(jacobian((x: Variable) => mul(x, [[1, 2]]), { mode })(leaf(3))), [[1, 2]]);
    expectClose(valueOf(jacobian((x: Variable) => sum(square(x)), { mode })(leaf([[1, 2]]))), [[2, 4]]);
    expectClose(valueOf(jacobian((x: Variable) => sum(square(x), 1), { mode })(double([[], []]))), [[], []]);
  });

  test('has the structure of the output, and in each place that of the input', () => {
    const f = ({ a, b }: { a: Variable; b: Variable[] }) => ({
      sum: sum(mul(a, b[0])),
      parts: [mul(a, b[1]), square(b[0])] as const,
    });
    const x = { a: leaf([1, 2]), b: [leaf([3, 4]), leaf(5)] };
    const found = jacobian(f, { mode })(x);
    expect(valueOf(found.sum.a)).toEqual([3, 4]);
    expect(valueOf(found.sum.b[0])).toEqual([1, 2]);
    expect(valueOf(found.sum.b[1])).toBe(0);
    expect(valueOf(found.parts[0].a)).toEqual(diagonalOf([5, 5]));
    expect(valueOf(found.parts[0].b[0])).toEqual(diagonalOf([0, 0]));
    expect(valueOf(found.parts[0].b[1])).toEqual([1, 2]);
    expect(valueOf(found.parts[1].b[0])).toEqual(diagonalOf([6, 8]));
    expect(Object.keys(found)).toEqual(['sum', 'parts']);
  });

  test('is zero with respect to what f ignores, and where a constant stands between', () => {
    const f = (x: Variable, y: Variable): Variable => add(mul(y, stopGradient(x)), 0);
    expect(valueOf(jacobian(f, { mode })(leaf([1, 2]), leaf(3)))).toEqual(diagonalOf([0, 0]));
    expect(valueOf(jacobian((_: Variable) => leaf([1, 2, 3]), { mode })(leaf([1, 2])))).toEqual(
      matrix(3, 2, () => 0),
    );
  });

  test('keeps numbers that are infinite or undefined to their own elements', () => {
    const found = valueOf(jacobian((x: Variable) => sqrt(x), { mode })(leaf([0, 4, -1])));
    expect(found).toEqual([
      [Infinity, 0, 0],
      [0, 0.25, 0],
      [0, 0, Number.NaN],
    ]);
  });

  test('of a function that mixes element by element, joins, cuts and sums', () => {
    const x = [0.4, -0.3, 1.1, 0.8];
    const f = (v: Variable): Variable => {
      const shifted = pad(slice(v, [0], [3]), [1], [0]);
      return cumsum(mul(exp(v), sub(shifted, sum(v))));
    };
    expectClose(valueOf(jacobian(f, { mode })(leaf(x))), numericalJacobian(f, x, [4]), 1e-9);
  });
});

describe('jacobian', () => {
  test('of random graphs is the same by columns and by rows', () => {
    fc.assert(
      fc.property(recipes('every', 8, 'small'), (recipe) => {
        const { f, at } = functionOfRecipe(recipe, 2);
        const [forward, reverse] = (['forward', 'reverse'] as const).map((mode) =>
          evaluate(jacobian(f, { mode })(at)).flat(),
        );
        forward.forEach((block, i) => {
          expect(block.shape).toEqual(reverse[i].shape);
          expect(relativeError(block.data, reverse[i].data)).toBeLessThan(1e-12);
        });
      }),
      { numRuns: 60 },
    );
  });

  test('of random graphs is what finite differences find', () => {
    fc.assert(
      fc.property(recipes('smooth', 6, 'small'), (recipe) => {
        const { f, at } = functionOfRecipe(recipe, 1);
        const [block] = jacobian((x: Variable) => f([x, ...at.slice(1).map((each) => constant(each))]))(
          at[0],
        );
        const numeric = numericalJacobian(
          (x) => f([x, ...at.slice(1).map((each) => constant(each))])[0],
          at[0].data,
          at[0].shape,
        );
        expect(relativeError(evaluate(block).data, numeric.flat())).toBeLessThan(1e-7);
      }),
      { numRuns: 40 },
    );
  });

  test('of a scalar function is its gradient', () => {
    const f = (x: Variable): Variable => sum(mul(sin(x), x));
    const x = leaf([0.1, 0.2, 0.3]);
    expect(valueOf(jacobian(f)(x))).toEqual(valueOf(grad(f)(x)));
  });

  test('nests: the second derivatives of each output', () => {
    const second = jacobian(jacobian((x: Variable) => mul(x, sum(square(x)))));
    const x = [1, -2, 0.5];
    const index = [0, 1, 2];
    // y_i = x_i s with s = x.x: d2 y_i / dx_j dx_k = 2 (x_j [i = k] + x_k [i = j] + x_i [j = k]).
    const expected = index.map((i) =>
      index.map((j) =>
        index.map((k) => 2 * ((i === k ? x[j] : 0) + (i === j ? x[k] : 0) + (j === k ? x[i] : 0))),
      ),
    );
    expectClose(valueOf(second(leaf(x))), expected);
  });

  test('does not confuse the perturbations of two that are nested', () => {
    const f = (x: Variable): Variable => sum(mul(x, jacobian((y: Variable) => add(x, mul(y, y)))(x)), 1);
    // The inner one is diag(2 y) whatever x adds: f(x) = 2 x^2, by rows.
    expectClose(valueOf(jacobian(f)(leaf([1, 3]))), diagonalOf([4, 12]));
  });

  test('can be mapped over a batch, and compiled', () => {
    const f = (x: Variable): Variable => mul(x, sum(square(x)));
    const batch = [
      [1, 2],
      [3, -1],
      [0, 0.5],
    ];
    const expected = batch.map(([a, b]) => [
      [3 * a * a + b * b, 2 * a * b],
      [2 * a * b, a * a + 3 * b * b],
    ]);
    for (const mode of MODES) {
      expectClose(valueOf(vmap(jacobian(f, { mode }))(leaf(batch))), expected);
      expectClose(compile(vmap(jacobian(f, { mode })))(double(batch)).toArray(), expected);
    }
  });

  test('with respect to one argument sees the others as they are', () => {
    const f = (x: Variable, { y }: { y: Variable }, labels: Variable): Variable =>
      add(mul(x, y), cast(labels, 'float64'));
    const labels = tensor([1, 2], { dtype: 'int32' });
    const x = leaf([1, 2]);
    expect(valueOf(jacobian(f)(x, { y: leaf([3, 4]) }, labels))).toEqual(diagonalOf([3, 4]));
    expect(valueOf(jacobian(f, { argument: 1 })(x, { y: leaf([3, 4]) }, labels).y)).toEqual(
      diagonalOf([1, 2]),
    );
  });

  test('is one batched graph, whose size does not depend on the number of elements', () => {
    const f = (x: Variable): Variable => tanh(mul(x, sum(square(x))));
    for (const mode of MODES) {
      const size = (n: number): number => countApplications([jacobian(f, { mode })(input([n]))]);
      expect(size(50)).toBe(size(3));
    }
  });

  test('takes one matrix product less than a chain has factors, and none by an identity matrix', () => {
    const [a, b, c] = [random(7, 6), random(6, 5), random(5, 4)];
    const f = (x: Variable): Variable => [c, b, a].reduce((h, w) => matmul(double(w), h), x);
    for (const mode of ['forward', 'reverse'] as const) {
      const found = jacobian(f, { mode })(leaf([1, 2, 3, 4]));
      expect(countApplications([found], 'matmul')).toBe(2);
      expectClose(valueOf(found), times(a, times(b, c)));
    }
    const layers = (x: Variable): Variable =>
      [c, b, a].reduce((h, w) => sigmoid(matmul(double(w), h)), tanh(x));
    const found = jacobian(layers, { mode: 'reverse' })(leaf([1, 2, 3, 4]));
    // Three for the values on the way (the last one only as the argument of its sigmoid), two for the derivatives.
    expect(countApplications([found], 'matmul')).toBe(5);
    expectClose(valueOf(found), numericalJacobian(layers, [1, 2, 3, 4], [4]), 1e-9);
  });

  test('refuses what has no derivative, in every mode', () => {
    const whole = tensor([1, 2], { dtype: 'int32' });
    for (const mode of MODES) {
      expect(() => jacobian((x: Variable) => cast(x, 'float32'), { mode })(whole)).toThrow(
        UndefinedGradientError,
      );
      expect(() => jacobian((x: Variable) => cast(x, 'float32'), { mode })(whole)).toThrow(
        /^jacobian: no gradient with respect to .*int32 has no tangent space/,
      );
      expect(() => jacobian((x: Variable) => argmax(x), { mode })(leaf([1, 2]))).toThrow(DTypeError);
      const place = (x: Variable): Variable => cast(maxWithIndex(x)[1], 'float64');
      expect(() => jacobian(place, { mode })(leaf([1, 2]))).toThrow(UndefinedGradientError);
      expect(() => jacobian(place, { mode })(leaf([1, 2]))).toThrow(/^jacobian: .*index/);
      // The index is the narrowest place on the way.
      const spread = (x: Variable): Variable => mul(place(x), constant(tensor([1, 2, 3])));
      expect(() => jacobian(spread, { mode })(leaf([1, 2]))).toThrow(UndefinedGradientError);
    }
  });

  test('goes through loops and choices, and by columns where there is no derivative by rows', () => {
    const f = (x: Variable): Variable =>
      whileLoop(
        (y: Variable) => less(sum(y), 100),
        (y: Variable) => mul(y, y),
        x,
      );
    const x = leaf([2, 3]);
    // Squared three times: x^8.
    const expected = diagonalOf([8 * 2 ** 7, 8 * 3 ** 7]);
    expect(valueOf(f(x))).toEqual([2 ** 8, 3 ** 8]);
    expect(valueOf(jacobian(f)(x))).toEqual(expected);
    expect(jacobianCost(f)(x)).toMatchObject({ mode: 'forward', reverse: Infinity });
    expect(() => jacobian(f, { mode: 'reverse' })(x)).toThrow(UndefinedGradientError);
    const g = (y: Variable): Variable => {
      const [last, all] = scan((c: Variable, e: Variable) => [mul(c, e), mul(c, sin(e))] as const, 1, y);
      return concat([all, reshape(last, [1])]);
    };
    const numeric = numericalJacobian(g, [0.5, -1, 2], [3]);
    for (const mode of MODES) expectClose(valueOf(jacobian(g, { mode })(leaf([0.5, -1, 2]))), numeric, 1e-9);
  });

  test('through what a checkpoint computes again, which waits for the units but does not depend on them', () => {
    const inside = (x: Variable): Variable =>
      tanh(
        matmul(
          sin(flip(x)),
          constant(
            tensor([
              [1, 2],
              [3, 5],
            ]),
          ),
        ),
      );
    const x = leaf([[1, 2]]);
    const expected = valueOf(jacobian(inside)(x));
    for (const mode of MODES) {
      expectClose(valueOf(jacobian(checkpoint(inside), { mode })(x)), expected);
      const sparse = sparseJacobian(checkpoint(inside), { mode })(x);
      expectClose(valueOf(reshape(toDense(sparse), [1, 2, 1, 2])), expected);
    }
    const mirrored = checkpoint((y: Variable) => sin(flip(y)));
    const slopes = [3, 2, 1].map(Math.cos);
    expectClose(
      valueOf(jacobian(mirrored, { mode: 'reverse' })(leaf([1, 2, 3]))),
      matrix(3, 3, (i, j) => (i + j === 2 ? slopes[i] : 0)),
    );
    const { values, columnIndices } = sparseJacobian(mirrored, { mode: 'reverse' })(leaf([1, 2, 3]));
    expect([...columnIndices]).toEqual([2, 1, 0]);
    expectClose(valueOf(values), slopes);
  });

  test('says what is wrong with its options', () => {
    const f = (x: Variable): Variable => x;
    expect(() => jacobian(f, { argument: 1 as 0 })(leaf(1))).toThrow(ShapeError);
    expect(() => jacobian(f, { argument: 1 as 0 })(leaf(1))).toThrow(/argument 1 of a call with 1 argument/);
    expect(() => jacobian(f, { mode: 'backwards' as 'auto' })).toThrow(/no mode backwards/);
  });
});

describe('the cost', () => {
  test('of a graph is counted from its shapes', () => {
    const x = input([3, 4]);
    expect(operationCount(matmul(x, input([4, 5])))).toBe(2 * 3 * 4 * 5);
    expect(operationCount(matmul(input([2, 3, 4]), input([2, 4, 5])))).toBe(2 * 2 * 3 * 4 * 5);
    expect(operationCount(transpose(x))).toBe(0);
    expect(operationCount(add(x, input([4])))).toBe(12);
    expect(operationCount(sum(x))).toBe(12);
    expect(operationCount(pad(x, [1, 0], [0, 0]))).toBe(16);
    expect(operationCount([tanh(x), exp(x)])).toBe(24);
    const shared = exp(x);
    expect(operationCount([mul(shared, shared), shared])).toBe(24);
    expect(operationCount(identity(x))).toBe(0);
    expect(operationCount(cumsum(x))).toBe(24);
    // max, bound it (max, min), subtract, exp, sum, divide.
    expect(operationCount(softmax(x))).toBe(12 + 3 * 2 + 12 + 12 + 12 + 12);
  });

  test('decides: few outputs by rows, few inputs by columns', () => {
    const [w, v] = [random(30, 20), random(20, 10)];
    const wide = (x: Variable): Variable => matmul(tanh(matmul(tanh(x), double(w))), double(v));
    const deep = (x: Variable): Variable => tanh(matmul(sigmoid(wide(x)), double(transposed(v))));
    const cost = jacobianCost((x: Variable) => sum(deep(x)))(input([30], { dtype: 'float64' }));
    expect(cost.mode).toBe('reverse');
    expect(cost.reverse).toBeLessThan(cost.forward / 5);
    const tall = jacobianCost((t: Variable) => deep(mul(t, double(random(1, 30)[0]))))(
      input([], { dtype: 'float64' }),
    );
    expect(tall.mode).toBe('forward');
    expect(tall.forward).toBeLessThan(tall.reverse / 5);
  });

  test('goes by the narrowest tensor on all paths, where there is one', () => {
    const [down, up] = [random(12, 2), random(2, 15)];
    const code = (x: Variable): Variable => sin(matmul(tanh(x), double(down)));
    const f = (x: Variable): Variable => square(matmul(code(x), double(up)));
    const x = leaf(random(1, 12)[0]);
    const cost = jacobianCost(f)(x);
    expect(cost.mode).toBe('bottleneck');
    expect(cost.bottleneck).toBeLessThan(Math.min(cost.forward, cost.reverse));
    expectClose(valueOf(jacobian(f)(x)), valueOf(jacobian(f, { mode: 'reverse' })(x)));
    // With a path around it, it is none; with several inputs and outputs, it is.
    expect(jacobianCost((y: Variable) => add(f(y), sum(y)))(x).bottleneck).toBe(Infinity);
    const g = ([a, b]: readonly Variable[]): Variable[] => {
      const middle = code(mul(a, sum(b)));
      return [exp(matmul(middle, double(up))), sum(mul(middle, middle))];
    };
    const at = [x, leaf([[0.1, 0.2, -0.4]])];
    expect(jacobianCost(g)(at).mode).toBe('bottleneck');
    const expected = jacobian(g, { mode: 'forward' })(at);
    jacobian(g)(at).forEach((row, i) => {
      row.forEach((block, j) => {
        expect(block.shape).toEqual(expected[i][j].shape);
        expectClose(valueOf(block), valueOf(expected[i][j]));
      });
    });
    // Down to one number: the outer product of two gradients.
    const h = (y: Variable): Variable => mul(sin(sum(square(y))), [1, 2, 3]);
    expect(jacobianCost(h)(leaf([1, 2, 3])).mode).toBe('bottleneck');
    expectClose(
      valueOf(jacobian(h)(leaf([1, 2, 3]))),
      valueOf(jacobian(h, { mode: 'forward' })(leaf([1, 2, 3]))),
    );
  });

  test('is that of the graph which runs, without the values of f that a pass does not read', () => {
    const [a, b, c] = [random(7, 6), random(6, 5), random(5, 4)];
    const f = (x: Variable): Variable =>
      [c, b, a].reduce<Variable>((h, w) => matmul(double(w), h), reshape(x, [4]));
    const x = input([2, 2], { dtype: 'float64' });
    const cost = jacobianCost(f)(x);
    for (const mode of ['forward', 'reverse'] as const) {
      expect(operationCount(jacobian(f, { mode })(x))).toBe(cost[mode]);
    }
    expect(cost.forward).toBe(2 * 4 * (5 * 6 + 6 * 7));
    expect(cost.reverse).toBe(2 * 7 * (6 * 5 + 5 * 4));
  });

  test('auto is the mode with the lower count, columns laid out as rows included, for random graphs', () => {
    fc.assert(
      fc.property(recipes('every', 8, 'small'), (recipe) => {
        const { f, at } = functionOfRecipe(recipe, 2);
        const cost = jacobianCost(f)(at);
        const elements = evaluate(jacobian(f)(at).flat()).reduce((total, { size }) => total + size, 0);
        const prices = { ...cost, forward: cost.forward + elements };
        const least = Math.min(prices.forward, prices.reverse, prices.bottleneck);
        expect(prices[cost.mode]).toBe(least);
        const asked = { forward: 'forward', reverse: 'reverse', bottleneck: 'auto' } as const;
        const count = (mode: 'auto' | 'forward' | 'reverse'): number =>
          countApplications(jacobian(f, { mode })(at).flat());
        expect(count('auto')).toBe(count(asked[cost.mode]));
      }),
      { numRuns: 20 },
    );
  });
});

test('a block has the dtype of what it is with respect to, in every mode', () => {
  const f = (x: Variable) => mul(cast(x, 'float64'), [1, 2]);
  for (const mode of ['forward', 'reverse', 'auto'] as const)
    expect(jacobian(f, { mode })(tensor([3, 4])).dtype).toBe('float32');
});
