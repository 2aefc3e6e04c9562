/** What all three solvers do alike. */
import { describe, expect, test } from 'vitest';
import {
  ChainruleError,
  compile,
  DTypeError,
  matmul,
  NumericalError,
  ShapeError,
  Tensor,
  tensor,
  type Variable,
} from '../../src/index.ts';
import { conjugateGradient, gmres, minres } from '../../src/krylov/index.ts';
import { relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';
import {
  eliminate,
  geometric,
  length,
  matrix,
  productWith,
  randomNumbers,
  residual,
  symmetric,
  times,
  vector,
} from './dense.ts';

const n = 30;
const A = symmetric(1, geometric(1, 100, n));
const b = randomNumbers(2, n);
const exact = eliminate(A, b);

describe.each([
  ['conjugateGradient', conjugateGradient],
  ['minres', minres],
  ['gmres', gmres],
] as const)('%s', (method, solve) => {
  test('solves a positive definite system as elimination does, and measures its residual', () => {
    const solution = solve(productWith(A), vector(b), { tolerance: 1e-12 });
    expect(solution.reason).toBe('converged');
    expect(solution.converged).toBe(true);
    expect(relativeError(solution.x.data, exact)).toBeLessThan(1e-11);
    const rest = length(residual(A, solution.x.data, b));
    expect(solution.residualNorm / rest).toBeCloseTo(1, 2);
    expect(rest).toBeLessThanOrEqual(1.01e-12 * length(b));
    expect(solution.residualNorms).toHaveLength(solution.iterations + 1);
    expect(solution.residualNorms[0]).toBeCloseTo(length(b), 12);
    expect(solution.products).toBeGreaterThan(solution.iterations);
  });

  test('takes no more iterations than there are different eigenvalues', () => {
    const three = symmetric(3, [
      ...new Array(10).fill(1),
      ...new Array(10).fill(3),
      ...new Array(10).fill(7),
    ]);
    const { converged, iterations } = solve(productWith(three), vector(b), { tolerance: 1e-10 });
    expect(converged).toBe(true);
    expect(iterations).toBe(3);
  });

  test('starts from x0', () => {
    const near = exact.map((each, i) => each * (1 + 1e-6 * Math.cos(i)));
    const from = solve(productWith(A), vector(b), { x0: vector(near) });
    const cold = solve(productWith(A), vector(b));
    expect(from.converged).toBe(true);
    expect(from.residualNorms[0]).toBeCloseTo(length(residual(A, near, b)), 12);
    expect(from.iterations).toBeLessThan(cold.iterations);
    const done = solve(productWith(A), vector(b), { x0: from.x });
    expect([done.converged, done.iterations, done.products]).toEqual([true, 0, 1]);
    expect(done.x.data).toEqual(from.x.data);
  });

  test('does not depend on the scale of b', () => {
    const usual = solve(productWith(A), vector(b));
    for (const scale of [1e-250, 1e250]) {
      const solution = solve(productWith(A), vector(b.map((each) => each * scale)));
      expect(solution.converged).toBe(true);
      expect(Math.abs(solution.iterations - usual.iterations)).toBeLessThanOrEqual(1);
      expect(
        relativeError(
          [...solution.x.data].map((each) => each / scale),
          usual.x.data,
        ),
      ).toBeLessThan(1e-7);
    }
  });

  test('stops at the larger of the two tolerances', () => {
    const coarse = solve(productWith(A), vector(b), { tolerance: 1e-2 });
    expect(coarse.converged).toBe(true);
    expect(coarse.residualNorm).toBeLessThanOrEqual(1e-2 * length(b));
    expect(coarse.residualNorms.at(-2)).toBeGreaterThan(1e-2 * length(b));
    const absolute = solve(productWith(A), vector(b), { tolerance: 1e-12, absoluteTolerance: 0.1 });
    expect(absolute.converged).toBe(true);
    expect(absolute.residualNorm).toBeLessThanOrEqual(0.1);
    expect(absolute.residualNorms.at(-2)).toBeGreaterThan(0.1);
  });

  test('a right-hand side of zero has the solution zero, without a product', () => {
    const zero = vector(new Array(n).fill(0));
    for (const x0 of [undefined, vector(exact)]) {
      const { x, converged, iterations, products } = solve(productWith(A), zero, { x0 });
      expect([...x.data]).toEqual([...zero.data]);
      expect([converged, iterations, products]).toEqual([true, 0, 0]);
    }
  });

  test('vectors of size 0 and 1', () => {
    const none = solve((v: Tensor) => v, vector([]));
    expect([none.converged, none.x.size, none.iterations]).toEqual([true, 0, 0]);
    const one = solve((v: Tensor) => tensor(Float64Array.of(4 * v.data[0])), vector([2]));
    expect([one.converged, one.x.item(), one.iterations]).toEqual([true, 0.5, 1]);
  });

  test('maxIterations', () => {
    const { converged, reason, iterations, x } = solve(productWith(A), vector(b), { maxIterations: 4 });
    expect([converged, reason, iterations]).toEqual([false, 'maxIterations', 4]);
    expect(length(residual(A, x.data, b))).toBeLessThan(length(b));
    const none = solve(productWith(A), vector(b), { maxIterations: 0 });
    expect([none.reason, none.iterations]).toEqual(['maxIterations', 0]);
    expect(none.residualNorm).toBeCloseTo(length(b), 12);
  });

  test('the callback sees every iteration, and may stop', () => {
    const seen: number[] = [];
    const { reason, iterations, x } = solve(productWith(A), vector(b), {
      callback: (progress) => {
        expect(progress.iteration).toBe(seen.push(progress.residualNorm));
        const now = length(residual(A, progress.x.data, b));
        expect(Math.abs(now - progress.residualNorm)).toBeLessThan(1e-12);
        return progress.iteration < 5;
      },
    });
    expect([reason, iterations, seen.length]).toEqual(['stopped', 5, 5]);
    expect(length(residual(A, x.data, b))).toBeCloseTo(seen[4], 12);
  });

  test('stagnated: more is asked for than rounding allows, and x is the best there is', () => {
    const hard = symmetric(5, geometric(1, 1e6, n));
    const { reason, converged, x, residualNorm, iterations } = solve(productWith(hard), vector(b), {
      tolerance: 1e-17,
      maxIterations: 1e4,
    });
    expect([reason, converged]).toEqual(['stagnated', false]);
    expect(residualNorm).toBeLessThan(1e-8);
    expect(relativeError(x.data, eliminate(hard, b))).toBeLessThan(1e-8);
    expect(iterations).toBeLessThan(1e3);
  });

  test.each([1, 2, 3, 5])('notFinite: product number %i is NaN', (bad) => {
    let count = 0;
    const product = (v: Tensor): Tensor => {
      const image = productWith(A)(v);
      return ++count < bad ? image : tensor(Float64Array.from(image.data, () => Number.NaN));
    };
    const { reason, converged, x } = solve(product, vector(b));
    expect([reason, converged]).toEqual(['notFinite', false]);
    expect([...x.data].every(Number.isFinite)).toBe(true);
    count = bad;
    expect(solve(product, vector(b), { x0: vector(exact) }).reason).toBe('notFinite');
  });

  test('notFinite: the preconditioner gives infinity', () => {
    const preconditioner = (v: Tensor): Tensor => tensor(Float64Array.from(v.data, () => Infinity));
    const { reason, x } = solve(productWith(A), vector(b), { preconditioner });
    expect(reason).toBe('notFinite');
    expect([...x.data].every(Number.isFinite)).toBe(true);
  });

  test('a preconditioner for an ill-conditioned system', () => {
    // D A D with D from 1 to 1e5: a condition number of 1e12, that of A being 100.
    const scale = geometric(1, 1e5, n);
    const bad = matrix(n, n, (i, j) => A[i][j] * scale[i] * scale[j]);
    const preconditioner = (r: Tensor): Tensor =>
      tensor(Float64Array.from(r.data, (each, i) => each / bad[i][i]));
    const without = solve(productWith(bad), vector(b), { maxIterations: n - 1 });
    expect(without.converged).toBe(false);
    const { converged, x, iterations } = solve(productWith(bad), vector(b), {
      preconditioner,
      tolerance: 1e-10,
    });
    expect(converged).toBe(true);
    expect(iterations).toBeLessThan(2 * n);
    const expected = eliminate(bad, b);
    for (let i = 0; i < n; i++) expect(Math.abs(x.data[i] / expected[i] - 1)).toBeLessThan(1e-5);
  });

  test('float32: vectors and products are float32, the tolerance is what they allow', () => {
    const factor = tensor(A);
    const product = compile((v: Variable) => matmul(factor, v));
    const right = tensor(b);
    const { converged, x, residualNorm } = solve(product, right);
    expect(x.dtype).toBe('float32');
    expect(converged).toBe(true);
    expect(residualNorm).toBeLessThanOrEqual(2 ** -11.5 * length(right.data));
    expect(relativeError(x.data, exact)).toBeLessThan(5e-3);
    const most = solve(product, right, { tolerance: 1e-9 });
    expect(most.reason).toBe('stagnated');
    expect(relativeError(most.x.data, exact)).toBeLessThan(2e-5);
  });

  test('trees of tensors keep their structure, shapes and dtypes', () => {
    const pieces = (v: ArrayLike<number>, dtype: 'float32' | 'float64') => ({
      weights: new Tensor(
        [2, 3, 4],
        'float64',
        Float64Array.from({ length: 24 }, (_, i) => v[i]),
      ),
      more: [
        new Tensor([], dtype, tensor([v[24]], { dtype }).data),
        {
          bias: new Tensor(
            [5],
            dtype,
            tensor(
              Array.from({ length: 5 }, (_, i) => v[25 + i]),
              { dtype },
            ).data,
          ),
        },
      ] as const,
    });
    type Pieces = ReturnType<typeof pieces>;
    const product = ({ weights, more: [one, { bias }] }: Pieces): Pieces => {
      const { weights: w, more } = pieces(
        times(A, [...weights.data, ...one.data, ...bias.data]),
        bias.dtype as 'float64',
      );
      // In another order than b.
      return { more, weights: w };
    };
    const { x, converged } = solve(product, pieces(b, 'float64'), { tolerance: 1e-12 });
    expect(converged).toBe(true);
    expect(x.weights.shape).toEqual([2, 3, 4]);
    expect(x.more[0].shape).toEqual([]);
    expect(relativeError([...x.weights.data, ...x.more[0].data, ...x.more[1].bias.data], exact)).toBeLessThan(
      1e-11,
    );
    const mixed = solve(product, pieces(b, 'float32'), { tolerance: 1e-5 });
    expect(mixed.converged).toBe(true);
    expect([mixed.x.weights.dtype, mixed.x.more[0].dtype, mixed.x.more[1].bias.dtype]).toEqual([
      'float64',
      'float32',
      'float32',
    ]);
    expect(relativeError(mixed.x.weights.data, exact.slice(0, 24))).toBeLessThan(1e-3);
  });

  test('mistakes are errors that say what to do', () => {
    const wrong = (product: any, right: any, options?: any) => () => solve(product, right, options);
    const good = productWith(A);
    expect(wrong(() => vector([1, 2]), vector(b))).toThrow(ShapeError);
    expect(wrong(() => vector([1, 2]), vector(b))).toThrow(
      /^\w+: the product is float64\[2\] where b has float64\[30\]; it must have the same structure and shapes at solvers\.test\.ts:\d+$/,
    );
    expect(wrong((v: Tensor) => [v], vector(b))).toThrow(ShapeError);
    expect(wrong((v: Tensor) => ({ v, w: v }), { v: vector(b) })).toThrow(/has 2 tensors where b has 1/);
    expect(wrong((v: Tensor) => matmul(vector([1]), v), vector([1]))).toThrow(
      /compile the function that makes it/,
    );
    expect(wrong(good, tensor([1, 2], { dtype: 'int32' }))).toThrow(DTypeError);
    expect(wrong(good, [1, 2])).toThrow(/b is numbers without a Tensor around them; write tensor\(/);
    expect(wrong(() => b, vector(b))).toThrow(/the product is numbers without a Tensor/);
    expect(wrong(good, { a: 'text' })).toThrow(DTypeError);
    expect(wrong(good, vector([1, Number.NaN]))).toThrow(NumericalError);
    expect(wrong(good, vector(b), { x0: vector([Infinity, ...b.slice(1)]) })).toThrow(/x0 holds Infinity/);
    expect(wrong(good, vector(b), { x0: vector([1]) })).toThrow(ShapeError);
    expect(wrong(good, vector(b), { tolerance: -1 })).toThrow(
      new RegExp(`^${method}: tolerance is -1; it must be a finite number of at least 0`),
    );
    expect(wrong(good, vector(b), { maxIterations: 1.5 })).toThrow(/whole number/);
    expect(wrong(good, vector(b), { preconditioner: 3 })).toThrow(/must be a function/);
    expect(wrong(good, vector(b), { tolerence: 1 })).toThrow(ChainruleError);
    expect(wrong(good, vector(b), { tolerence: 1 })).toThrow(
      /there is no option tolerence; use x0, tolerance/,
    );
  });

  test('says so exactly when it has solved the system, be it singular, indefinite, ill-conditioned or without a solution', () => {
    const random = uniform(99);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
    const reasons = new Set<string>();
    for (let seed = 0; seed < 400; seed++) {
      const palette = Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
        pick([0, 0, 1e-12, -1e-8, 1e-4, 1, 1, -1, 2, 30, -1000]),
      );
      const size = 1 + Math.floor(random() * 10);
      const matrix = symmetric(
        seed,
        Array.from({ length: size }, () => pick(palette)),
      );
      const any = randomNumbers(seed, size);
      const right = random() < 0.5 ? any : times(matrix, any);
      const { x, converged, reason, residualNorm } = solve(productWith(matrix), vector(right));
      const measured = length(residual(matrix, x.data, right));
      expect(converged).toBe(measured <= 1.5e-8 * length(right));
      expect(Math.abs(residualNorm - measured)).toBeLessThanOrEqual(1e-9 * (1 + measured));
      expect([...x.data].every(Number.isFinite)).toBe(true);
      if (method !== 'conjugateGradient') expect(measured).toBeLessThanOrEqual(1.000001 * length(right));
      if ((reason as string) === 'leastSquares') {
        const rest = residual(matrix, x.data, right);
        const largest = Math.max(...palette.map(Math.abs));
        expect(length(times(matrix, rest))).toBeLessThanOrEqual(1e-6 * largest * length(rest));
      }
      reasons.add(reason);
    }
    expect(reasons.size).toBeGreaterThanOrEqual(3);
  });
});
