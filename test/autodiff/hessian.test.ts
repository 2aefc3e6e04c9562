/** Second derivatives: products with the Hessian, whole Hessians, and their diagonals. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  ChainruleError,
  cast,
  compile,
  constant,
  countApplications,
  crossEntropy,
  DTypeError,
  evaluate,
  exp,
  expectClose,
  flatten,
  gaussNewtonProduct,
  grad,
  gradients,
  hessian,
  hessianDiagonal,
  hvp,
  input,
  jacobian,
  leaf,
  linearize,
  logSumExp,
  type Matrix,
  matmul,
  matrix,
  mul,
  type Nested,
  prod,
  randomMatrices,
  ShapeError,
  sin,
  softmax,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  times,
  transposed,
  UndefinedGradientError,
  type Variable,
  valueOf,
  vmap,
} from '../examples/support.ts';
import { functionOfRecipe, numericalJacobian } from '../support/jacobians.ts';
import { relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';
import { recipes } from '../support/randomGraph.ts';
import { rosenbrock, rosenbrockHessian, rosenbrockStart } from '../support/rosenbrock.ts';

const random = randomMatrices(5);
const double = (data: Nested): Tensor => tensor(data, { dtype: 'float64' });
const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((each, j) => each + b[i][j]));
const column = (x: readonly number[]): Matrix => x.map((each) => [each]);
const product = (a: Matrix, v: readonly number[]): number[] => times(a, column(v)).map(([each]) => each);

/** A small network and its loss as a function of a tree of parameters. */
const data = double(random(5, 3));
const targets = double(random(5, 2));
interface Weights {
  readonly layers: readonly Variable[];
  readonly bias: Variable;
}
const network = ({ layers, bias }: Weights): Variable =>
  matmul(tanh(add(matmul(data, layers[0]), bias)), layers[1]);
const squaredLoss = (y: Variable): Variable => sum(square(sub(y, targets)));
const loss = (weights: Weights): Variable => squaredLoss(network(weights));
const weights = (seed: number): { layers: Tensor[]; bias: Tensor } => {
  const draw = randomMatrices(seed);
  return { layers: [double(draw(3, 4)), double(draw(4, 2))], bias: double(draw(1, 4)[0]) };
};
const partsOf = ({ layers, bias }: Weights): Variable[] => [...layers, bias];
const numbersOf = (tree: Weights): number[] => partsOf(tree).flatMap((each) => flatten(valueOf(each)));

/** The Hessian of `loss` as one matrix: blocks in the order layers[0], layers[1], bias. */
function denseLossHessian(at: ReturnType<typeof weights>): Matrix {
  const blocks = hessian(loss)(at);
  const sizes = [12, 8, 4];
  return partsOf(at as unknown as Weights).flatMap((_, i) => {
    const row = i < 2 ? blocks.layers[i] : blocks.bias;
    const parts = partsOf(row).map((each) => flatten(valueOf(each)));
    return Array.from({ length: sizes[i] }, (__, r) =>
      parts.flatMap((part, j) => part.slice(r * sizes[j], (r + 1) * sizes[j])),
    );
  });
}

describe('hvp', () => {
  test('of a quadratic form x^T A x is (A + A^T) v', () => {
    const a = random(4, 4);
    const v = [1, -2, 0.5, 3];
    const f = (x: Variable): Variable => matmul(x, matmul(double(a), x));
    expectClose(valueOf(hvp(f, leaf([0.3, 1, -1, 2]), v)), product(plus(a, transposed(a)), v));
  });

  test('of logSumExp is (diag p - p p^T) v', () => {
    const x = [0.1, -2, 1.5];
    const v = [1, -0.5, 2];
    const total = x.reduce((all, each) => all + Math.exp(each), 0);
    const p = x.map((each) => Math.exp(each) / total);
    const pv = p.reduce((all, each, i) => all + each * v[i], 0);
    expectClose(
      valueOf(hvp((y: Variable) => logSumExp(y), leaf(x), v)),
      p.map((each, i) => each * (v[i] - pv)),
    );
  });

  test('of Rosenbrock with 1,000 elements is its closed form', () => {
    const x = rosenbrockStart(1000).map((each, i) => each + Math.sin(i) / 2);
    const v = x.map((_, i) => Math.cos(3 * i));
    const { diagonal, beside } = rosenbrockHessian(x);
    const expected = x.map(
      (_, i) =>
        diagonal[i] * v[i] + (i > 0 ? beside[i - 1] * v[i - 1] : 0) + (i < 999 ? beside[i] * v[i + 1] : 0),
    );
    expectClose(valueOf(hvp(rosenbrock, leaf(x), double(v))), expected);
  });

  test('keeps the structure of nested arguments, and is the Hessian times v', () => {
    const at = weights(1);
    const v = weights(2);
    const found = hvp(loss, at, v);
    expect(Object.keys(found)).toEqual(['layers', 'bias']);
    expect(found.layers.map(({ shape }) => shape)).toEqual([
      [3, 4],
      [4, 2],
    ]);
    const flat = numbersOf({ layers: v.layers.map((each) => constant(each)), bias: constant(v.bias) });
    expectClose(numbersOf(found), product(denseLossHessian(at), flat));
  });

  test('is the Hessian times v for random graphs, and what reverse over reverse mode gives', () => {
    fc.assert(
      fc.property(recipes('smooth', 7, 'small'), (recipe) => {
        const { f, at } = functionOfRecipe(recipe, 1);
        const scalar = (xs: readonly Variable[]): Variable => sum(sin(f(xs)[0]));
        const next = uniform(recipe.seed);
        const vs = at.map(({ shape, data: numbers }) =>
          tensor(
            Float64Array.from(numbers, () => 2 * next() - 1),
            { shape },
          ),
        );
        const found = evaluate<readonly Variable[]>(hvp(scalar, at, vs)) as Tensor[];
        const leaves = at.map((each) => leaf(each.toArray() as Nested));
        const first = gradients(scalar(leaves), leaves, { disconnected: 'zero' });
        const along = first.map((g, i) => sum(mul(g, vs[i]))).reduce((a, b) => add(a, b));
        const backwards = evaluate<readonly Variable[]>(
          gradients(along, leaves, { disconnected: 'zero' }),
        ) as Tensor[];
        const blocks = hessian(scalar)(at);
        const wholes = found.map(({ data: numbers }, i) => {
          expect(relativeError(numbers, backwards[i].data)).toBeLessThan(1e-11);
          const terms = blocks[i].map((block, j) => {
            const size = vs[j].size;
            const full = evaluate(block).data;
            return numbers.map((_, r) =>
              Array.from(vs[j].data).reduce((all, each, k) => all + each * full[r * size + k], 0),
            );
          });
          return numbers.map((_, r) => terms.reduce((all, each) => all + each[r], 0));
        });
        // As one vector: the part of an input that adds the same to all logits is zero, up to what cancels.
        const joined = (parts: readonly ArrayLike<number>[]): number[] =>
          parts.flatMap((part) => Array.from(part));
        const product = joined(found.map((each) => each.data));
        expect(relativeError(product, joined(wholes))).toBeLessThan(1e-12);
      }),
      { numRuns: 30 },
    );
  });

  test('costs a small multiple of f, and no whole Hessian', () => {
    const x = input([1000]);
    const f = (y: Variable): Variable => sum(mul(sin(y), exp(y)));
    const size = countApplications([hvp(f, x, input([1000]))]);
    expect(size).toBeLessThanOrEqual(8 * countApplications([f(x)]));
  });

  test('is zero along what f ignores, and for functions that are linear or constant', () => {
    const f = ({ a }: { a: Variable; b: Variable }): Variable => sum(mul(a, a));
    const found = hvp(f, { a: leaf([1, 2]), b: leaf(3) }, { a: [1, 0], b: 1 });
    expect([valueOf(found.a), valueOf(found.b)]).toEqual([[2, 0], 0]);
    expect(valueOf(hvp((x: Variable) => sum(x), [1, 2], [1, 1]))).toEqual([0, 0]);
    expect(valueOf(hvp((_: Variable) => leaf(4), [1, 2], [1, 1]))).toEqual([0, 0]);
    expect(valueOf(hvp((x: Variable) => sum(stopGradient(square(x))), [1, 2], [1, 1]))).toEqual([0, 0]);
  });

  test('takes a scalar, and shares one trace with others through linearize', () => {
    expect(valueOf(hvp((x: Variable) => prod(mul(x, [1, 1, 1])), 2, 1))).toBe(12);
    const [, push] = linearize(grad(rosenbrock), [leaf([1, 2, 3])]);
    expectClose(valueOf(push([[1, 0, 0]])), valueOf(hvp(rosenbrock, leaf([1, 2, 3]), [1, 0, 0])));
  });

  test('compiles, and maps over many vectors', () => {
    const vs = double(random(6, 3));
    const products = (x: Variable, many: Variable): Variable =>
      vmap((v: Variable) => hvp(rosenbrock, x, v))(many);
    const at = double([0.5, -1, 2]);
    const whole = valueOf(hessian(rosenbrock)(at)) as Matrix;
    expectClose(compile(products)(at, vs).toArray(), times(vs.toArray() as Matrix, whole));
  });

  test('says what is wrong', () => {
    const f = (x: Variable): Variable => sum(square(x));
    expect(() => hvp((x: Variable) => square(x), [1, 2], [1, 2])).toThrow(ShapeError);
    expect(() => hvp((x: Variable) => square(x), [1, 2], [1, 2])).toThrow(
      /^hvp: the function returned .*\[2\].*scalar/,
    );
    expect(() => hvp(f, [1, 2], [1, 2, 3])).toThrow(/^hvp: a vector of shape \[3\]/);
    expect(() => hvp(((x: Variable) => [sum(x)]) as never, [1, 2], [1, 2])).toThrow(
      /^hvp: the function must return a Variable/,
    );
    expect(() => hvp((x: Variable) => cast(sum(x), 'int32'), [1, 2], [1, 2])).toThrow(DTypeError);
    const whole = tensor([1, 2], { dtype: 'int32' });
    expect(() => hvp((x: Variable) => sum(cast(x, 'float32')), whole, [1, 2])).toThrow(
      UndefinedGradientError,
    );
  });
});

describe('gaussNewtonProduct', () => {
  /** J^T H J for the network, by whole matrices. */
  function gaussNewton(lossOf: (y: Variable) => Variable, at: ReturnType<typeof weights>): Matrix {
    const blocks = jacobian(network)(at);
    const parts = partsOf(blocks).map((each) => flatten(valueOf(each)));
    const sizes = [12, 8, 4];
    const j = Array.from({ length: 10 }, (_, r) =>
      parts.flatMap((part, i) => part.slice(r * sizes[i], (r + 1) * sizes[i])),
    );
    const y = network({ layers: at.layers.map((each) => constant(each)), bias: constant(at.bias) });
    const outer = flatten(valueOf(hessian(lossOf)(y)));
    const h = matrix(10, 10, (r, c) => outer[10 * r + c]);
    return times(transposed(j), times(h, j));
  }

  test.each([
    ['a squared error', squaredLoss],
    ['a cross-entropy', (y: Variable) => crossEntropy(y, tensor([0, 1, 1, 0, 1], { dtype: 'int32' }))],
  ])('is J^T H J v for %s', (_, lossOf) => {
    const at = weights(3);
    const v = weights(4);
    const found = numbersOf(gaussNewtonProduct(network, lossOf, at, v));
    const flat = numbersOf({ layers: v.layers.map((each) => constant(each)), bias: constant(v.bias) });
    expectClose(found, product(gaussNewton(lossOf, at), flat));
    // Positive semidefinite, as both losses are convex.
    expect(found.reduce((all, each, i) => all + each * flat[i], 0)).toBeGreaterThan(0);
  });

  test('is the Hessian-vector product where the model is linear', () => {
    const w = double(random(4, 3));
    const model = (x: Variable): Variable => matmul(x, w);
    const lossOf = (y: Variable): Variable => sum(mul(softmax(y), y));
    const x = leaf([1, -1, 0.5, 2]);
    expectClose(
      valueOf(gaussNewtonProduct(model, lossOf, x, [1, 2, 3, 4])),
      valueOf(hvp((each: Variable) => lossOf(model(each)), x, [1, 2, 3, 4])),
    );
  });

  test('takes models that return several tensors, and arguments that they ignore', () => {
    const model = ({ a }: { a: Variable; b: Variable }) => [square(a), { y: mul(a, 3) }] as const;
    const found = gaussNewtonProduct(
      model,
      ([p, { y }]) => add(sum(square(p)), sum(square(y))),
      { a: leaf([1, 2]), b: leaf(1) },
      { a: [1, 1], b: 1 },
    );
    // J = (diag 2a, 3 I), H = 2 I: 2 (4 a^2 + 9) v.
    expectClose(valueOf(found.a), [26, 50]);
    expect(valueOf(found.b)).toBe(0);
  });

  test('refuses a loss that is not scalar', () => {
    expect(() =>
      gaussNewtonProduct(
        (x: Variable) => square(x),
        (y) => y,
        [1, 2],
        [1, 1],
      ),
    ).toThrow(/^gaussNewtonProduct: the function returned/);
  });
});

describe('hessian', () => {
  test('of closed forms', () => {
    const a = random(3, 3);
    expectClose(
      valueOf(hessian((x: Variable) => matmul(x, matmul(double(a), x)))(leaf([1, 2, 3]))),
      plus(a, transposed(a)),
    );
    const x = [0.4, -1, 1.3, 0.2];
    const { diagonal, beside } = rosenbrockHessian(x);
    expectClose(
      valueOf(hessian(rosenbrock)(leaf(x))),
      matrix(4, 4, (i, j) => (i === j ? diagonal[i] : Math.abs(i - j) === 1 ? beside[Math.min(i, j)] : 0)),
    );
    expect(valueOf(hessian((y: Variable) => sum(y))(leaf([1, 2])))).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expectClose(valueOf(hessian((y: Variable) => sin(y))(leaf(0.3))), -Math.sin(0.3));
  });

  test('has the shape of the argument twice, and is symmetric', () => {
    const f = (x: Variable): Variable => sum(mul(softmax(x, 0), square(x)));
    const found = evaluate(hessian(f)(double(random(3, 2))));
    expect(found.shape).toEqual([3, 2, 3, 2]);
    const rows = matrix(6, 6, (i, j) => found.data[6 * i + j]);
    expectClose(rows, transposed(rows), 1e-14);
  });

  test('of a function of a tree is a tree of trees, the blocks of one symmetric matrix', () => {
    const at = weights(6);
    const whole = denseLossHessian(at);
    expect(whole).toHaveLength(24);
    expectClose(whole, transposed(whole));
    const blocks = hessian(loss)(at);
    expect(blocks.bias.layers[0].shape).toEqual([4, 3, 4]);
    expect(blocks.layers[1].bias.shape).toEqual([4, 2, 4]);
  });

  test('is the Jacobian of the gradient, by finite differences', () => {
    const f = (x: Variable): Variable => sum(mul(tanh(x), exp(sum(x, 1))));
    const x = random(2, 2).flat();
    const numeric = numericalJacobian(grad(f) as (x: Variable) => Variable, x, [2, 2]);
    expectClose(
      flatten(valueOf(hessian(f)(tensor(new Float64Array(x), { shape: [2, 2] })))),
      numeric.flat(),
      1e-8,
    );
  });

  test('with respect to another argument, mapped, compiled, and differentiated again', () => {
    const f = (x: Variable, y: Variable): Variable => sum(mul(square(x), y));
    expect(valueOf(hessian(f, { argument: 1 })([1, 2], [3, 4]))).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(valueOf(hessian(f)([1, 2], [3, 4]))).toEqual([
      [6, 0],
      [0, 8],
    ]);
    const cubic = (x: Variable): Variable => prod(x);
    const batch = double([
      [1, 2, 3],
      [-1, 0, 2],
    ]);
    const expected = (batch.toArray() as Matrix).map(([a, b, c]) => [
      [0, c, b],
      [c, 0, a],
      [b, a, 0],
    ]);
    expectClose(valueOf(vmap(hessian(cubic))(batch)), expected);
    expectClose(compile(vmap(hessian(cubic)))(batch).toArray(), expected);
    // d3 (x0 x1 x2) is 1 where all three indices differ.
    expectClose(
      valueOf(jacobian(hessian(cubic))(leaf([1, 2, 3]))),
      [0, 1, 2].map((i) => [0, 1, 2].map((j) => [0, 1, 2].map((k) => Number(i !== j && j !== k && i !== k)))),
    );
  });

  test('refuses a function that is not scalar', () => {
    expect(() => hessian((x: Variable) => square(x))([1, 2])).toThrow(/^hessian: the function returned/);
  });
});

describe('hessianDiagonal', () => {
  const f = (x: Variable): Variable => sum(mul(sin(x), exp(sum(x))));

  test('is the diagonal of the Hessian', () => {
    const x = [0.2, -0.4, 0.7];
    const whole = valueOf(hessian(f)(leaf(x))) as Matrix;
    expectClose(
      valueOf(hessianDiagonal(f, leaf(x))),
      whole.map((row, i) => row[i]),
    );
    const { diagonal } = rosenbrockHessian(rosenbrockStart(50));
    expectClose(valueOf(hessianDiagonal(rosenbrock, leaf(rosenbrockStart(50)))), diagonal);
    expectClose(valueOf(hessianDiagonal((y: Variable) => sin(y), leaf(0.3))), -Math.sin(0.3));
  });

  test('of a tree has its structure', () => {
    const at = weights(8);
    const whole = denseLossHessian(at);
    expectClose(
      numbersOf(hessianDiagonal(loss, at)),
      whole.map((row, i) => row[i]),
    );
  });

  test('is estimated without bias, with the variance that is promised', () => {
    const x = [0.2, -0.4, 0.7, 0.1];
    const whole = valueOf(hessian(f)(leaf(x))) as Matrix;
    const probes = 4000;
    const estimate = valueOf(hessianDiagonal(f, leaf(x), { probes, seed: 3 })) as number[];
    estimate.forEach((each, i) => {
      const variance = whole[i].reduce((all, h, j) => all + (i === j ? 0 : h * h), 0) / probes;
      expect(Math.abs(each - whole[i][i])).toBeLessThan(5 * Math.sqrt(variance));
      expect(each).not.toBe(whole[i][i]);
    });
  });

  test('is estimated exactly where the Hessian is diagonal, also for several tensors and scalars', () => {
    const g = ({ a, b }: { a: Variable; b: Variable }): Variable => add(sum(sin(a)), exp(b));
    const { a, b } = hessianDiagonal(g, { a: leaf([0.1, 0.2]), b: leaf(0.3) }, { probes: 2 });
    expectClose(valueOf(a), [-Math.sin(0.1), -Math.sin(0.2)]);
    expectClose(valueOf(b), Math.exp(0.3));
  });

  test('draws the same probes for the same seed', () => {
    const of = (seed: number): Nested =>
      valueOf(hessianDiagonal(f, leaf([0.2, -0.4, 0.7]), { probes: 3, seed }));
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  test('takes at least one probe', () => {
    expect(() => hessianDiagonal(f, [1, 2], { probes: 0 })).toThrow(ChainruleError);
    expect(() => hessianDiagonal(f, [1, 2], { probes: 1.5 })).toThrow(/1.5 probes/);
  });
});
