import { describe, expect, test } from 'vitest';
import {
  ChainruleError,
  compile,
  matmul,
  NumericalError,
  Tensor,
  tensor,
  type Variable,
} from '../../src/index.ts';
import { lanczos, type Spectrum } from '../../src/krylov/index.ts';
import { idleness, type Wanted } from '../../src/krylov/thickRestart.ts';
import { relativeError } from '../support/numeric.ts';
import { length, matrix, productWith, randomNumbers, symmetric, times, vector } from './dense.ts';

const diagonal =
  (values: readonly number[]) =>
  ({ data }: Tensor): Tensor =>
    vector(values.map((each, i) => each * data[i]));

/** The eigenvalues of the second difference of n points, 2 - 2 cos(k pi / (n + 1)), in rising order. */
const wave = (n: number, k: number): number => 4 * Math.sin((Math.PI * k) / (2 * (n + 1))) ** 2;
const secondDifference = ({ data }: Tensor): Tensor =>
  vector(Array.from(data, (each, i) => 2 * each - (data[i - 1] ?? 0) - (data[i + 1] ?? 0)));

function expectPairs(A: (v: Tensor) => Tensor, { values, vectors, residualNorms }: Spectrum<Tensor>): void {
  vectors.forEach(({ data }, i) => {
    const image = A(vectors[i]).data;
    const rest = length(Array.from(image, (each, k) => each - values[i] * data[k]));
    expect(Math.abs(rest - residualNorms[i])).toBeLessThan(1e-12 * (1 + Math.abs(values[i])));
    vectors.forEach((other, j) => {
      const product = Array.from(other.data).reduce((total, each, k) => total + each * data[k], 0);
      expect(Math.abs(product - Number(i === j))).toBeLessThan(1e-7);
    });
  });
}

describe('eigenvalues', () => {
  const n = 100;

  test.each([
    ['largest', 1, [100]],
    ['largest', 3, [98, 99, 100]],
    ['smallest', 1, [1]],
    ['smallest', 4, [1, 2, 3, 4]],
    ['both', 1, [1, 100]],
    ['both', 2, [1, 2, 99, 100]],
  ] as const)('%s %i', (which, count, places) => {
    const found = lanczos(secondDifference, { size: n, which, count });
    expect([found.converged, found.reason]).toEqual([true, 'converged']);
    expect(found.values).toHaveLength(places.length);
    found.values.forEach((value, i) => {
      expect(Math.abs(value / wave(n, places[i]) - 1)).toBeLessThan(1e-12);
      expect(found.residualNorms[i]).toBeLessThanOrEqual(1.5e-8 * value);
    });
    expectPairs(secondDifference, found);
    expect(found.products).toBe(found.iterations + places.length);
  });

  test('of a dense matrix of both signs; the default is both ends', () => {
    const exact = randomNumbers(5, 60).sort((a, b) => a - b);
    const A = productWith(symmetric(6, exact));
    const found = lanczos(A, { size: 60 });
    expect(relativeError(found.values, [exact[0], exact[59]])).toBeLessThan(1e-13);
    expectPairs(A, found);
  });

  test.each([1e-150, 1e-9, 1e150])('whatever the scale (%d)', (scale) => {
    const A = diagonal(Array.from({ length: 50 }, (_, i) => (i - 20) * scale));
    const { values, converged } = lanczos(A, { size: 50 });
    expect(converged).toBe(true);
    expect(values[0] / scale).toBeCloseTo(-20, 10);
    expect(values[1] / scale).toBeCloseTo(29, 10);
  });

  test('a small basis restarts often, and gives the same', () => {
    const small = lanczos(secondDifference, { size: 100, basisSize: 6, maxIterations: 1e5 });
    const large = lanczos(secondDifference, { size: 100, basisSize: 100 });
    expect(small.converged && large.converged).toBe(true);
    expect(relativeError(small.values, large.values)).toBeLessThan(1e-11);
    expect(small.iterations).toBeGreaterThan(2 * large.iterations);
    expect(large.iterations).toBeLessThanOrEqual(100);
  });

  test('an eigenvalue that is zero', () => {
    const { values, converged } = lanczos(diagonal([0, ...Array.from({ length: 49 }, (_, i) => i + 1)]), {
      size: 50,
      which: 'smallest',
    });
    expect(converged).toBe(true);
    expect(Math.abs(values[0])).toBeLessThan(1e-12);
  });

  test('the tolerance bounds the residual, and its square the error', () => {
    const coarse = lanczos(secondDifference, { size: 100, which: 'largest', tolerance: 1e-3 });
    const fine = lanczos(secondDifference, { size: 100, which: 'largest', tolerance: 1e-10 });
    expect(coarse.iterations).toBeLessThan(fine.iterations);
    expect(coarse.residualNorms[0]).toBeLessThanOrEqual(4e-3);
    expect(coarse.residualNorms[0]).toBeGreaterThan(4e-10);
    expect(Math.abs(coarse.values[0] - wave(100, 100))).toBeLessThan(4e-3);
    expect(fine.residualNorms[0]).toBeLessThanOrEqual(4e-10);
  });
});

describe('invariant subspaces and multiple eigenvalues', () => {
  test('the identity', () => {
    const { values, vectors, iterations, converged } = lanczos((v: Tensor) => v, { size: 500, count: 2 });
    expect([converged, ...values.map((each) => Number(each.toFixed(12)))]).toEqual([true, 1, 1, 1, 1]);
    expect(iterations).toBeLessThan(10);
    expectPairs((v) => v, { values, vectors, residualNorms: [0, 0, 0, 0] } as unknown as Spectrum<Tensor>);
  });

  test('zero', () => {
    const { values, converged } = lanczos(() => vector([0, 0, 0]), { size: 3 });
    expect([converged, ...values]).toEqual([true, 0, 0]);
  });

  test('each copy of a multiple eigenvalue is found where there are few different ones', () => {
    const spectrum = [3, 3, 3, 3, 2, 2, 2, ...new Array(50).fill(1), -4];
    const A = symmetric(8, spectrum);
    const largest = lanczos(productWith(A), { size: spectrum.length, which: 'largest', count: 6 });
    expect(relativeError(largest.values, [2, 2, 3, 3, 3, 3])).toBeLessThan(1e-13);
    expectPairs(productWith(A), largest);
    const both = lanczos(productWith(A), { size: spectrum.length, which: 'both', count: 3 });
    expect(relativeError(both.values, [-4, 1, 1, 3, 3, 3])).toBeLessThan(1e-13);
  });

  test('all eigenvalues, where as many are asked for', () => {
    const { values, converged } = lanczos(diagonal([3, -1, 2]), { size: 3, which: 'largest', count: 9 });
    expect(converged).toBe(true);
    expect(relativeError(values, [-1, 2, 3])).toBeLessThan(1e-14);
    const overlapping = lanczos(diagonal([3, -1, 2]), { size: 3, count: 2 });
    expect(relativeError(overlapping.values, [-1, 2, 3])).toBeLessThan(1e-14);
  });

  test('spaces of 0 and 1 dimensions', () => {
    expect(lanczos((v: Tensor) => v, { size: 0 })).toMatchObject({
      values: [],
      converged: true,
      products: 0,
    });
    const { values, vectors, converged } = lanczos(diagonal([-7]), { size: 1 });
    expect([converged, ...values]).toEqual([true, -7]);
    expect(Math.abs(vectors[0].data[0])).toBe(1);
  });
});

describe('the start', () => {
  test('may be orthogonal to the eigenvectors that are wanted, and lie in an invariant subspace', () => {
    const A = diagonal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const { values, converged } = lanczos(A, { start: vector([0, 0, 1, 1, 0, 0, 0, 0, 0, 0]) });
    expect(converged).toBe(true);
    expect(relativeError(values, [1, 10])).toBeLessThan(1e-13);
    const zero = lanczos(A, { start: vector(new Array(10).fill(0)) });
    expect(relativeError(zero.values, [1, 10])).toBeLessThan(1e-13);
  });

  test('may be orthogonal to a wanted eigenvector only, where the search would converge to its neighbours', () => {
    const A = diagonal(Array.from({ length: 200 }, (_, i) => i + 1));
    const { values, converged } = lanczos(A, {
      start: vector(Array.from({ length: 200 }, (_, i) => Number(i > 0 && i < 199))),
    });
    expect(converged).toBe(true);
    expect(relativeError(values, [1, 200])).toBeLessThan(1e-13);
  });

  test('an eigenvector of a nearby operator saves products', () => {
    const options = { which: 'largest', tolerance: 1e-4 } as const;
    const cold = lanczos(secondDifference, { size: 400, ...options });
    const warm = lanczos(secondDifference, { start: cold.vectors[0], ...options });
    expect(warm.converged).toBe(true);
    expect(warm.iterations).toBeLessThan(cold.iterations);
  });

  test('the seed makes it reproducible', () => {
    const run = (seed: number): number[] => [
      ...lanczos(secondDifference, { size: 50, seed }).vectors[0].data,
    ];
    expect(run(3)).toEqual(run(3));
    expect(run(3)).not.toEqual(run(4));
  });
});

describe('vectors', () => {
  test('float32', () => {
    const spectrum = Array.from({ length: 60 }, (_, i) => i - 10);
    const A = tensor(symmetric(9, spectrum));
    const product = compile((v: Variable) => matmul(A, v));
    const { values, vectors, converged } = lanczos(product, { like: tensor(new Float32Array(60)) });
    expect(converged).toBe(true);
    expect(vectors[0].dtype).toBe('float32');
    expect(relativeError(values, [-10, 49])).toBeLessThan(1e-5);
    const finest = lanczos(product, { like: tensor(new Float32Array(60)), tolerance: 0 });
    expect(finest.reason === 'converged' || finest.reason === 'stagnated').toBe(true);
    expect(relativeError(finest.values, [-10, 49])).toBeLessThan(1e-6);
  });

  test('trees', () => {
    const A = symmetric(10, [-5, ...new Array(8).fill(1), 4]);
    const split = (v: ArrayLike<number>) => ({
      W: new Tensor(
        [2, 3],
        'float64',
        Float64Array.from({ length: 6 }, (_, i) => v[i]),
      ),
      b: [vector([v[6], v[7]]), vector([v[8], v[9]])],
    });
    type Weights = ReturnType<typeof split>;
    const { values, vectors, converged } = lanczos(
      ({ W, b }: Weights): Weights => split(times(A, [...W.data, ...b[0].data, ...b[1].data])),
      { like: split(new Array(10).fill(0)) },
    );
    expect(converged).toBe(true);
    expect(relativeError(values, [-5, 4])).toBeLessThan(1e-13);
    expect(vectors[0].W.shape).toEqual([2, 3]);
    const { W, b } = vectors[1];
    expect(length([...W.data, ...b[0].data, ...b[1].data])).toBeCloseTo(1, 12);
  });
});

describe('reasons to stop', () => {
  test('maxIterations: the best so far, and how far off it is', () => {
    const A = secondDifference;
    const found = lanczos(A, { size: 1000, maxIterations: 30 });
    expect([found.converged, found.reason, found.iterations]).toEqual([false, 'maxIterations', 30]);
    expect(found.values).toHaveLength(2);
    found.values.forEach((value, i) => {
      expect(Math.abs(value - wave(1000, i === 0 ? 1 : 1000))).toBeLessThan(0.1);
      expect(found.residualNorms[i]).toBeGreaterThan(1e-6);
    });
    expectPairs(A, found);
    const none = lanczos(A, { size: 10, maxIterations: 0 });
    expect([none.converged, none.reason, none.values.length]).toEqual([false, 'maxIterations', 0]);
  });

  test('maxIterations holds in an invariant subspace as well', () => {
    const { reason, iterations } = lanczos((v: Tensor) => v, { size: 100, count: 2, maxIterations: 2 });
    expect([reason, iterations]).toEqual(['maxIterations', 2]);
  });

  test('stopped by the callback, which sees the values rise to the largest', () => {
    const seen: number[] = [];
    const { reason, converged, iterations } = lanczos(secondDifference, {
      size: 300,
      which: 'largest',
      callback: ({ iteration, values, residualNorms }) => {
        expect(values).toHaveLength(1);
        expect(residualNorms).toHaveLength(1);
        expect(iteration).toBe(seen.push(values[0]));
        return iteration < 40;
      },
    });
    expect([reason, converged, iterations]).toEqual(['stopped', false, 40]);
    for (let k = 1; k < seen.length; k++) expect(seen[k]).toBeGreaterThanOrEqual(seen[k - 1] - 1e-13);
    expect(seen.at(-1)).toBeLessThanOrEqual(4);
  });

  test('notFinite', () => {
    let count = 0;
    const product = (v: Tensor): Tensor =>
      ++count < 7 ? secondDifference(v) : vector(Array.from(v.data, () => Number.NaN));
    const { reason, converged } = lanczos(product, { size: 100 });
    expect([reason, converged]).toEqual(['notFinite', false]);
  });

  test('stagnated: the products are less exact than their dtype says', () => {
    const rough = (v: Tensor): Tensor =>
      vector(Array.from(secondDifference(v).data, (each) => Math.fround(each)));
    const { reason, converged, values } = lanczos(rough, {
      size: 100,
      which: 'largest',
      tolerance: 1e-13,
      maxIterations: 5000,
    });
    expect(converged).toBe(false);
    expect(reason).toBe('stagnated');
    expect(Math.abs(values[0] - wave(100, 100))).toBeLessThan(1e-6);
  });

  test('stagnated: the product changes from call to call', () => {
    let drift = 0;
    const product = (v: Tensor): Tensor => {
      drift += 1e-7;
      return vector(Array.from(secondDifference(v).data, (each, i) => each + drift * v.data[i]));
    };
    const { reason, converged } = lanczos(product, { size: 10 });
    expect([reason, converged]).toEqual(['stagnated', false]);
  });
});

describe('when a search counts as idle', () => {
  const pair = (value: number, residual: number): Wanted => ({ value, residual, allowed: 1e-8 });
  /** How many of 200 restarts pass until it does. */
  const patience = (at: (restart: number) => Wanted[]): number => {
    const isIdle = idleness();
    for (let restart = 0; restart < 200; restart++) if (isIdle(at(restart))) return restart;
    return Infinity;
  };

  test('after twenty restarts that lower no residual that is too large', () => {
    expect(patience(() => [pair(5, 1e-3)])).toBe(20);
    expect(patience((k) => [pair(5, 1e-3 * (1 + Math.abs(Math.sin(k))))])).toBe(20);
    // The first falls, but is small enough already.
    expect(patience((k) => [pair(5, 1e-9 * 0.9 ** k), pair(7, 1e-3)])).toBe(20);
  });

  test('not while one falls, be it slowly', () => {
    expect(patience((k) => [pair(5, 1e-3 * 0.998 ** k)])).toBe(Infinity);
    expect(patience((k) => [pair(5, 1e-9), pair(7, 0.9 ** k)])).toBe(Infinity);
  });

  test('a value that leaps starts anew', () => {
    // After ten restarts an eigenvalue of 9 shows, whose residual takes forty more to come down to where that of 5 was.
    const slow = (k: number): Wanted[] => [k < 10 ? pair(5, 1e-3 * 0.5 ** k) : pair(9, 0.8 ** (k - 10))];
    expect(patience(slow)).toBeGreaterThan(90);
    expect(patience((k) => slow(k).map(({ residual }) => pair(5, residual)))).toBeLessThan(40);
  });
});

describe('mistakes', () => {
  test('a product that is not symmetric', () => {
    const A = matrix(20, 20, (i, j) => Number(i === j) * i + Number(j === i + 1));
    expect(() => lanczos(productWith(A), { size: 20 })).toThrow(NumericalError);
    expect(() => lanczos(productWith(A), { size: 20 })).toThrow(
      /the product is not symmetric: .* at lanczos\.test\.ts/,
    );
  });

  test('no space, or two', () => {
    const none = {} as { size: number };
    expect(() => lanczos((v: Tensor) => v, none)).toThrow(/give one of size .* at lanczos\.test\.ts/);
    const two = { size: 2, like: vector([1]) } as unknown as { size: number };
    expect(() => lanczos((v: Tensor) => v, two)).toThrow(ChainruleError);
  });

  test('options out of range', () => {
    const run = (options: object) => () => lanczos((v: Tensor) => v, { size: 3, ...options });
    expect(run({ count: 0 })).toThrow(/count is 0; it must be a whole number of at least 1/);
    expect(run({ which: 'middle' })).toThrow(/which is middle; it must be 'largest' or 'smallest' or 'both'/);
    expect(run({ k: 1 })).toThrow(/there is no option k/);
    expect(run({ size: -1 })).toThrow(/size is -1/);
  });
});
