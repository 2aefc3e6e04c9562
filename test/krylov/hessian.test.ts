/** Curvature of real functions: a network's Hessian, and Rosenbrock's valley in a thousand dimensions. */
import { describe, expect, test } from 'vitest';
import {
  add,
  compile,
  crossEntropy,
  hvp,
  matmul,
  Tensor,
  tanh,
  tensor,
  type Variable,
} from '../../src/index.ts';
import { conjugateGradient, lanczos, lbfgs, minres, newtonCG } from '../../src/krylov/index.ts';
import { relativeError } from '../support/numeric.ts';
import { rosenbrock, rosenbrockStart } from '../support/rosenbrock.ts';
import { eliminate, jacobiEigenvalues, randomNumbers, vector } from './dense.ts';

type Weights = { W1: Variable; b1: Variable; W2: Variable; b2: Variable };
type Numbers = { W1: Tensor; b1: Tensor; W2: Tensor; b2: Tensor };

const [features, hidden, classes, examples] = [4, 16, 3, 60];
const sizes = { W1: [features, hidden], b1: [hidden], W2: [hidden, classes], b2: [classes] };
const count = features * hidden + hidden + hidden * classes + classes;

/** Three noisy arcs in four dimensions. */
function arcs(dtype: 'float32' | 'float64'): { X: Tensor; labels: Tensor } {
  const noise = randomNumbers(1, examples * features);
  const rows = Array.from({ length: examples }, (_, i) => {
    const angle = (2 * Math.PI * (i % classes)) / classes + i / examples;
    const point = [Math.cos(angle), Math.sin(angle), Math.cos(2 * angle), i / examples];
    return point.map((each, k) => each + 0.3 * noise[features * i + k]);
  });
  const labels = Array.from({ length: examples }, (_, i) => i % classes);
  return { X: tensor(rows, { dtype }), labels: tensor(labels, { dtype: 'int32' }) };
}

/** Cuts a list of numbers into weights. */
function weightsOf(numbers: ArrayLike<number>, dtype: 'float32' | 'float64' = 'float64'): Numbers {
  let next = 0;
  const entries = Object.entries(sizes).map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const part = Array.from({ length: size }, () => numbers[next++]);
    return [name, new Tensor(shape, dtype, tensor(part, { dtype }).data)];
  });
  return Object.fromEntries(entries) as Numbers;
}

const numbersOf = (weights: Numbers): number[] =>
  Object.keys(sizes).flatMap((name) => [...weights[name as 'W1'].data]);

function lossOf(dtype: 'float32' | 'float64'): (weights: Weights) => Variable {
  const { X, labels } = arcs(dtype);
  return ({ W1, b1, W2, b2 }) => crossEntropy(add(matmul(tanh(add(matmul(X, W1), b1)), W2), b2), labels);
}

const loss = lossOf('float64');
const product = compile((weights: Weights, v: Weights) => hvp(loss, weights, v));
const initial = weightsOf(randomNumbers(2, count).map((each) => 0.7 * each));

/** The Hessian, a column for each weight. */
function denseHessian(weights: Numbers): number[][] {
  return Array.from({ length: count }, (_, i) => {
    const unit = new Array<number>(count).fill(0);
    unit[i] = 1;
    return numbersOf(product(weights, weightsOf(unit)));
  });
}

describe('the Hessian of a network with two layers', () => {
  const trained = lbfgs(loss, initial, { maxIterations: 25 }).x;
  const minimum = lbfgs(loss, trained, { maxIterations: 40 }).x;

  test.each([
    ['at the start', initial],
    ['in training', trained],
    ['after training', minimum],
  ])('Lanczos finds its extreme eigenvalues %s', (_, weights) => {
    const H = denseHessian(weights);
    for (let i = 0; i < count; i++)
      for (let j = 0; j < i; j++) expect(Math.abs(H[i][j] - H[j][i])).toBeLessThan(1e-14);
    const exact = jacobiEigenvalues(H);
    const { values, converged, products } = lanczos((v: Numbers) => product(weights, v), {
      like: weights,
      count: 2,
    });
    expect(converged).toBe(true);
    const expected = [exact[0], exact[1], exact[count - 2], exact[count - 1]];
    values.forEach((value, i) => {
      expect(Math.abs(value / expected[i] - 1), `${value} against ${expected[i]}`).toBeLessThan(1e-8);
    });
    expect(products).toBeLessThan(count * 2);
  });

  test('in float32 to the digits that it has', () => {
    const single = lossOf('float32');
    const weights = weightsOf(numbersOf(initial), 'float32');
    const exact = jacobiEigenvalues(denseHessian(initial));
    const products = compile((v: Weights) => hvp(single, weights as unknown as Weights, v));
    const { values, converged, vectors } = lanczos(products, { like: weights });
    expect(converged).toBe(true);
    expect(vectors[0].W1.dtype).toBe('float32');
    expect(relativeError(values, [exact[0], exact[count - 1]])).toBeLessThan(1e-5);
    expect(Math.abs(values[0] / exact[0] - 1)).toBeLessThan(1e-3);
  });

  test('is indefinite at the start: conjugate gradients show where, MINRES solves', () => {
    const right = weightsOf(randomNumbers(3, count));
    const H = denseHessian(initial);
    const at = (v: Numbers): Numbers => product(initial, v);
    const { reason, curvature, direction } = conjugateGradient(at, right);
    expect(reason).toBe('negativeCurvature');
    expect(curvature).toBeLessThan(0);
    expect(direction!.W1.shape).toEqual([features, hidden]);
    // Softmax does not change when all logits do, so H is singular; a little more on its diagonal makes it regular.
    const shifted = (v: Numbers): Numbers => {
      const [image, numbers] = [numbersOf(at(v)), numbersOf(v)];
      return weightsOf(image.map((each, i) => each + 1e-3 * numbers[i]));
    };
    const { x, converged } = minres(shifted, right, { tolerance: 1e-10, maxIterations: 20 * count });
    expect(converged).toBe(true);
    const exact = eliminate(
      H.map((row, i) => row.map((each, j) => each + (i === j ? 1e-3 : 0))),
      numbersOf(right),
    );
    expect(relativeError(numbersOf(x), exact)).toBeLessThan(1e-6);
  });
});

describe('Rosenbrock in 1,000 dimensions', () => {
  const start = vector(rosenbrockStart(1000));
  const fromOne = (x: Tensor): number => Math.max(...Array.from(x.data, (each) => Math.abs(each - 1)));

  test('newtonCG reaches the minimum', () => {
    const { x, converged, value } = newtonCG(rosenbrock, start, { tolerance: 1e-9 });
    expect(converged).toBe(true);
    expect(fromOne(x)).toBeLessThan(1e-8);
    expect(value).toBeLessThan(1e-16);
  });

  test('lbfgs as well', () => {
    const { x, converged, value } = lbfgs(rosenbrock, start, { tolerance: 1e-9 });
    expect(converged).toBe(true);
    expect(fromOne(x)).toBeLessThan(1e-8);
    expect(value).toBeLessThan(1e-16);
  });
});
