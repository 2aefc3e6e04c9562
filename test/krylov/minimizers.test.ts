/** What both minimisers do alike, and what each promises. */
import { describe, expect, test } from 'vitest';
import {
  add,
  ChainruleError,
  cos,
  DTypeError,
  dot,
  exp,
  greater,
  log,
  matmul,
  mean,
  mul,
  NumericalError,
  ShapeError,
  softplus,
  square,
  sub,
  sum,
  tensor,
  type Variable,
  where,
} from '../../src/index.ts';
import { lbfgs, newtonCG } from '../../src/krylov/index.ts';
import { relativeError } from '../support/numeric.ts';
import { rosenbrock, rosenbrockStart } from '../support/rosenbrock.ts';
import { eliminate, geometric, length, randomNumbers, symmetric, vector } from './dense.ts';

/** The largest distance of an element from 1. */
const fromOne = (x: ArrayLike<number>): number => Math.max(...Array.from(x, (each) => Math.abs(each - 1)));

describe.each([
  ['newtonCG', newtonCG],
  ['lbfgs', lbfgs],
] as const)('%s', (method, minimizer) => {
  test.each([2, 3, 10, 100])("Rosenbrock's function of %i variables", (n) => {
    const found = minimizer(rosenbrock, vector(rosenbrockStart(n)), { tolerance: 1e-10 });
    expect([found.converged, found.reason]).toEqual([true, 'converged']);
    expect(fromOne(found.x.data)).toBeLessThan(1e-10);
    expect(found.value).toBeLessThan(1e-20);
    expect(found.gradientNorm).toBeLessThanOrEqual(1e-10);
    expect(found.evaluations).toBeGreaterThan(found.iterations);
  });

  test('a quadratic function has the minimum that elimination finds', () => {
    const n = 30;
    const A = symmetric(1, geometric(1, 1000, n));
    const b = randomNumbers(2, n);
    const H = tensor(A, { dtype: 'float64' });
    const f = (x: Variable): Variable => sub(mul(0.5, dot(x, matmul(H, x))), dot(vector(b), x));
    const { x, converged, iterations } = minimizer(f, vector(new Array(n).fill(0)), { tolerance: 1e-9 });
    expect(converged).toBe(true);
    expect(relativeError(x.data, eliminate(A, b))).toBeLessThan(1e-9);
    expect(iterations).toBeLessThan(method === 'newtonCG' ? 20 : 500);
  });

  test('logistic regression over an object of tensors keeps structure, shapes and dtypes', () => {
    const examples = 60;
    const X = tensor(randomNumbers(3, examples * 3), { dtype: 'float64', shape: [examples, 3] });
    const y = tensor(
      randomNumbers(4, examples).map((each) => Math.sign(each)),
      { dtype: 'float64' },
    );
    type Model = { weights: Variable; bias: readonly [Variable] };
    const f = ({ weights, bias: [b] }: Model): Variable =>
      add(mean(softplus(mul(-1, mul(y, add(matmul(X, weights), b))))), mul(0.01, sum(square(weights))));
    const start = { weights: vector([0, 0, 0]), bias: [tensor(0, { dtype: 'float64' })] as const };
    const { x, converged, gradientNorm } = minimizer(f, start, { tolerance: 1e-12 });
    expect(converged).toBe(true);
    expect(x.weights.shape).toEqual([3]);
    expect(x.bias[0].shape).toEqual([]);
    // The gradient in closed form.
    const w = x.weights.data;
    const slopes = [0.02 * w[0], 0.02 * w[1], 0.02 * w[2], 0];
    for (let i = 0; i < examples; i++) {
      const row = [X.data[3 * i], X.data[3 * i + 1], X.data[3 * i + 2], 1];
      const margin = y.data[i] * (row[0] * w[0] + row[1] * w[1] + row[2] * w[2] + x.bias[0].item());
      row.forEach((each, k) => {
        slopes[k] -= (y.data[i] * each) / (1 + Math.exp(margin)) / examples;
      });
    }
    expect(length(slopes)).toBeLessThan(1e-12);
    expect(gradientNorm).toBeLessThanOrEqual(1e-12);
  });

  test('a minimum whose value is large: rounding of the value does not stop the gradient', () => {
    const f = (x: Variable): Variable => add(rosenbrock(x), 1e6);
    const { converged, x, value } = minimizer(f, vector([-1.2, 1]), { tolerance: 1e-11 });
    expect([converged, value]).toEqual([true, 1e6]);
    expect(fromOne(x.data)).toBeLessThan(1e-12);
  });

  test('float32', () => {
    const found = minimizer(rosenbrock, tensor(rosenbrockStart(6)));
    expect(found.x.dtype).toBe('float32');
    expect(found.converged).toBe(true);
    expect(fromOne(found.x.data)).toBeLessThan(1e-3);
  });

  test('a function that is not everywhere defined', () => {
    // sum of x_i i - log x_i, with the minimum at 1 / i; steps too long give NaN.
    const weights = vector([1, 2, 3, 4, 5]);
    const { x, converged } = minimizer(
      (x: Variable) => sum(sub(mul(weights, x), log(x))),
      vector([9, 9, 9, 9, 9]),
      {
        tolerance: 1e-10,
      },
    );
    expect(converged).toBe(true);
    expect(relativeError(x.data, [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])).toBeLessThan(1e-10);
  });

  test('goes down where the curvature is negative', () => {
    const { x, value, converged } = minimizer((x: Variable) => sum(cos(x)), vector([0.3, -0.1, 6]), {
      tolerance: 1e-9,
    });
    expect(converged).toBe(true);
    expect(value).toBeCloseTo(-3, 12);
    for (const each of x.data) expect(Math.cos(each)).toBeCloseTo(-1, 12);
  });

  describe('reasons to stop', () => {
    test('converged at the start', () => {
      const found = minimizer(rosenbrock, vector([1, 1, 1]));
      expect(found).toMatchObject({
        converged: true,
        iterations: 0,
        evaluations: 1,
        products: 0,
        value: 0,
        gradientNorm: 0,
      });
      const none = minimizer((x: Variable) => sum(square(x)), vector([]));
      expect([none.converged, none.iterations, none.value]).toEqual([true, 0, 0]);
    });

    test('maxIterations', () => {
      const found = minimizer(rosenbrock, vector([-1.2, 1]), { maxIterations: 3 });
      expect([found.converged, found.reason, found.iterations]).toEqual([false, 'maxIterations', 3]);
      expect(found.value).toBeLessThan(24.2);
      const none = minimizer(rosenbrock, vector([-1.2, 1]), { maxIterations: 0 });
      expect([none.reason, ...none.x.data]).toEqual(['maxIterations', -1.2, 1]);
    });

    test('stopped by the callback, which sees every iteration', () => {
      const values: number[] = [];
      const found = minimizer(rosenbrock, vector([-1.2, 1]), {
        callback: ({ iteration, value, gradientNorm, stepNorm, x }) => {
          expect(iteration).toBe(values.push(value));
          expect(x.shape).toEqual([2]);
          expect(gradientNorm).toBeGreaterThan(0);
          expect(stepNorm).toBeGreaterThanOrEqual(0);
          return iteration < 8;
        },
      });
      expect([found.converged, found.reason, found.iterations]).toEqual([false, 'stopped', 8]);
      for (let k = 1; k < values.length; k++) expect(values[k]).toBeLessThanOrEqual(values[k - 1]);
      expect(found.value).toBe(values[7]);
    });

    test('stagnated: more is asked for than rounding allows, and x is the best there is', () => {
      const f = (x: Variable): Variable => sum(add(exp(x), exp(mul(-0.3, x))));
      const found = minimizer(f, vector([1, -2, 3]), { tolerance: 0 });
      // Rounding may happen to give a gradient of exactly zero.
      expect(found.reason === 'stagnated' || found.gradientNorm === 0).toBe(true);
      expect(found.gradientNorm).toBeLessThan(1e-14);
      for (const each of found.x.data) expect(each).toBeCloseTo(Math.log(0.3) / 1.3, 14);
    });

    test('stagnated: at a kink the gradient never vanishes', () => {
      const f = (x: Variable): Variable => sum(where(greater(x, 0.3), sub(x, 0.3), mul(2, sub(0.3, x))));
      const found = minimizer(f, vector([1, 2]));
      expect([found.converged, found.reason]).toEqual([false, 'stagnated']);
      expect(found.gradientNorm).toBeGreaterThan(1);
      expect(found.value).toBeLessThan(2.4);
    });

    test('notFinite at the start', () => {
      const found = minimizer((x: Variable) => sum(log(x)), vector([-1]));
      expect([found.converged, found.reason, found.iterations]).toEqual([false, 'notFinite', 0]);
      expect([...found.x.data]).toEqual([-1]);
    });
  });

  test('compiles f once: it is traced, not run again', () => {
    let traced = 0;
    minimizer(
      (x: Variable) => {
        traced++;
        return rosenbrock(x);
      },
      vector(rosenbrockStart(8)),
    );
    expect(traced).toBe(method === 'newtonCG' ? 2 : 1);
  });

  test('mistakes are errors', () => {
    const run = (f: any, x0: any, options?: any) => () => minimizer(f, x0, options);
    expect(run((x: Variable) => x, vector([1, 2]))).toThrow(ShapeError);
    expect(run(() => 3, vector([1]))).toThrow(DTypeError);
    expect(run(rosenbrock, tensor([1, 2], { dtype: 'int32' }))).toThrow(
      /x0 is int32\[2\]; vectors hold float32 or float64/,
    );
    expect(run(rosenbrock, vector([1, Number.NaN]))).toThrow(NumericalError);
    expect(run(rosenbrock, vector([1, 1]), { tolerance: Number.NaN })).toThrow(
      new RegExp(
        `^${method}: tolerance is NaN; it must be a finite number of at least 0 at minimizers\\.test\\.ts`,
      ),
    );
    expect(run(rosenbrock, vector([1, 1]), { gtol: 1 })).toThrow(ChainruleError);
  });
});

describe('newtonCG', () => {
  test('ends with all digits: the error falls by squares', () => {
    const norms: number[] = [];
    const f = (x: Variable): Variable => sum(add(exp(x), exp(mul(-2, x))));
    newtonCG(f, vector([3, 1, -1, 2]), {
      tolerance: 1e-13,
      callback: ({ gradientNorm }) => norms.push(gradientNorm),
    });
    const tail = norms.filter((each) => each < 1e-2);
    expect(tail.length).toBeLessThanOrEqual(4);
    for (let k = 1; k < tail.length; k++) expect(tail[k]).toBeLessThan(tail[k - 1] ** 1.4);
  });

  test('f and a million times f take the same steps', () => {
    const options = { maxIterations: 30, tolerance: 0 };
    const small = newtonCG(rosenbrock, vector(rosenbrockStart(20)), options);
    const large = newtonCG(
      (x: Variable) => mul(rosenbrock(x), 2 ** 20),
      vector(rosenbrockStart(20)),
      options,
    );
    expect(large.x.data).toEqual(small.x.data);
    expect([large.products, large.evaluations]).toEqual([small.products, small.evaluations]);
  });

  test('leaves a saddle point that it starts beside', () => {
    // x^4 - x^2 + y^2 has a saddle at 0 and minima at x = +-sqrt(1/2).
    const f = (p: Variable): Variable => {
      const weights = vector([1, 0]);
      const x2 = square(mul(weights, p));
      return sum(add(sub(square(x2), x2), mul(vector([0, 1]), square(p))));
    };
    const { x, value, converged } = newtonCG(f, vector([1e-9, 1]), { tolerance: 1e-10 });
    expect(converged).toBe(true);
    expect(value).toBeCloseTo(-0.25, 14);
    expect(Math.abs(x.data[0])).toBeCloseTo(Math.SQRT1_2, 9);
  });

  test('radius bounds the first step, maxProducts the work of each', () => {
    const steps: number[] = [];
    newtonCG(rosenbrock, vector(rosenbrockStart(10)), {
      radius: 0.01,
      maxIterations: 1,
      callback: ({ stepNorm }) => steps.push(stepNorm),
    });
    expect(steps[0]).toBeCloseTo(0.01, 12);
    // It grows where the model is right: a minimum at a distance of 100 is not a thousand steps away.
    const far = newtonCG((x: Variable) => sum(square(sub(x, 100))), vector([0]), { radius: 0.1 });
    expect(far.converged).toBe(true);
    expect(far.iterations).toBeLessThan(15);
    const { products, iterations, converged } = newtonCG(rosenbrock, vector(rosenbrockStart(10)), {
      maxProducts: 2,
    });
    expect(converged).toBe(true);
    expect(products).toBeLessThanOrEqual(2 * iterations);
    expect(() => newtonCG(rosenbrock, vector([1, 1]), { radius: 0 })).toThrow(
      /radius is 0; it must be a finite number above 0/,
    );
  });
});

describe('lbfgs', () => {
  test('remembers as many steps as it is told to', () => {
    const run = (memory: number): number =>
      lbfgs(rosenbrock, vector(rosenbrockStart(50)), { memory, tolerance: 1e-6 }).iterations;
    expect(run(10)).toBeLessThan(run(1));
    expect(() => lbfgs(rosenbrock, vector([1, 1]), { memory: 0 })).toThrow(/memory is 0/);
  });

  test('a function without a bottom: the reason says that it was not reached', () => {
    const { converged, reason, value } = lbfgs((x: Variable) => mul(-1, sum(x)), vector([1, 2]), {
      maxIterations: 3,
    });
    expect([converged, reason]).toEqual([false, 'maxIterations']);
    expect(value).toBeLessThan(-1e12);
  });

  test('takes few more evaluations than iterations', () => {
    const { iterations, evaluations, products } = lbfgs(rosenbrock, vector(rosenbrockStart(100)));
    expect(evaluations).toBeLessThan(1.5 * iterations);
    expect(products).toBe(0);
  });
});
