/** What the documentation promises at the points where a choice had to be made, and where nothing is left to add. */
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { constant, type Nested, ShapeError, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { backends, reference } from '../support/backends.ts';

const { abs, clip, div, log, logSumExp, matmul, max, maximum, mean, min, minimum, mul, norm, pow } = registry;
const { prod, relu, softmax, sqrt, sum, variance, where, greater, any, all, cumsum, gather, concat } =
  registry;

const vector = (...values: number[]): Variable => constant(tensor(values, { dtype: 'float64' }));
const number = (value: number): Variable => constant(tensor(value, { dtype: 'float64' }));
describe.each([reference, ...backends])('$name', ({ evaluate }) => {
  const numbers = (x: Variable): Nested => evaluate([x])[0].toArray();
  const slope = (f: (x: Variable) => Variable, x: Variable): Nested => numbers(gradients(sum(f(x)), [x])[0]);

  describe('where no derivative exists', () => {
    test('relu and abs have slope 0 at 0', () => {
      expect(slope(relu, vector(-1, 0, 1))).toEqual([0, 0, 1]);
      expect(slope(abs, vector(-1, 0, 1))).toEqual([-1, 0, 1]);
    });

    test('ties of an extremum share evenly', () => {
      expect(slope((x) => max(x), vector(3, 1, 3, 3))).toEqual([1 / 3, 0, 1 / 3, 1 / 3]);
      expect(slope((x) => min(x), vector(1, 1, 3))).toEqual([0.5, 0.5, 0]);
      expect(slope((x) => maximum(x, 2), vector(1, 2, 3))).toEqual([0, 0.5, 1]);
      expect(slope((x) => minimum(2, x), vector(1, 2, 3))).toEqual([1, 0.5, 0]);
    });

    test('clip passes the gradient at its bounds, and to the bound beyond them', () => {
      const low = number(-1);
      const high = number(1);
      const y = sum(clip(vector(-2, -1, 0, 1, 2, 3), low, high));
      expect(gradients(y, [low, high]).map(numbers)).toEqual([1, 2]);
      expect(slope((x) => clip(x, -1, 1), vector(-2, -1, 0, 1, 2))).toEqual([0, 1, 1, 1, 0]);
    });

    test('the norm has slope 0 at the origin', () => {
      expect(slope((x) => norm(x), vector(0, 0))).toEqual([0, 0]);
    });

    test('the square root has an infinite slope at 0', () => {
      expect(slope(sqrt, vector(0))).toEqual([Infinity]);
    });
  });

  describe('powers', () => {
    const partials = (a: number, b: number): Nested[] => {
      const x = number(a);
      const y = number(b);
      return gradients(pow(x, y), [x, y]).map(numbers);
    };

    test('have finite partials at a base of 0', () => {
      expect(partials(0, 0)).toEqual([0, 0]);
      expect(partials(0, 1)).toEqual([1, 0]);
      expect(partials(0, 2)).toEqual([0, 0]);
    });

    test('have the right slope in a negative base', () => {
      const x = number(-2);
      expect(gradients(pow(x, 3), [x]).map(numbers)).toEqual([12]);
    });

    test('keep their mixed second derivatives: d2(a^b)/da db is 1/23 at (23, 0)', () => {
      const a = number(23);
      const b = number(0);
      const [da, db] = gradients(pow(a, b), [a, b]);
      expect(numbers(gradients(da, [b])[0])).toBeCloseTo(1 / 23, 15);
      expect(numbers(gradients(db, [a])[0])).toBeCloseTo(1 / 23, 15);
    });
  });

  describe('zeros and infinities', () => {
    test('the gradient of a product is exact where elements are 0', () => {
      expect(slope((x) => prod(x), vector(2, 0, 3))).toEqual([0, 6, 0]);
      expect(slope((x) => prod(x), vector(0, 5, 0))).toEqual([0, 0, 0]);
      const x = vector(0, 5, 0);
      const [dx] = gradients(prod(x), [x]);
      expect(numbers(gradients(sum(dx), [x])[0])).toEqual([5, 0, 5]);
    });

    test('a branch that was not taken leaves no NaN in the gradient of where', () => {
      const x = vector(0, 4);
      const y = where(greater(x, 0), div(1, where(greater(x, 0), x, 1)), 0);
      expect(numbers(gradients(sum(y), [x])[0])).toEqual([0, -1 / 16]);
      expect(slope((z) => where(greater(z, 0), log(where(greater(z, 0), z, 1)), z), vector(-1, 2))).toEqual([
        1, 0.5,
      ]);
    });

    test('exponentials of large logits stay finite', () => {
      expect(numbers(softmax(vector(0, 2000)))).toEqual([0, 1]);
      expect(numbers(logSumExp(vector(-2000, -2000)))).toBeCloseTo(-2000 + Math.LN2, 9);
      expect(slope((x) => logSumExp(x), vector(1000, -1000))).toEqual([1, 0]);
    });
  });

  describe('scalars', () => {
    test.each([
      ['sum', sum, 3, 1],
      ['mean', mean, 3, 1],
      ['prod', prod, 3, 1],
      ['max', max, 3, 1],
      ['min', min, 3, 1],
      ['logSumExp', logSumExp, 3, 1],
      ['norm', norm, 3, 1],
      ['variance', variance, 0, 0],
    ] as const)('%s of a scalar', (_, operation, value, gradient) => {
      const x = number(3);
      const y = operation(x);
      expect(y.shape).toEqual([]);
      expect(numbers(y)).toBe(value);
      expect(numbers(gradients(y, [x])[0])).toBe(gradient);
    });
  });

  describe('nothing', () => {
    const nothing = vector();
    const rows = constant(tensor(new Float64Array(0), { shape: [2, 0] }));

    test('has a sum, a product and truth values, and no extremes', () => {
      expect(numbers(sum(nothing))).toBe(0);
      expect(numbers(prod(nothing))).toBe(1);
      expect(numbers(any(nothing))).toBe(false);
      expect(numbers(all(nothing))).toBe(true);
      expect(numbers(mean(nothing))).toBeNaN();
      expect(numbers(norm(rows, 1))).toEqual([0, 0]);
      expect(() => max(nothing)).toThrow(ShapeError);
      expect(() => registry.argmax(nothing)).toThrow(ShapeError);
      expect(numbers(max(rows, 0))).toEqual([]);
    });

    test('multiplies to zeros', () => {
      const product = matmul(rows, constant(tensor(new Float64Array(0), { shape: [0, 3] })));
      expect(numbers(product)).toEqual([
        [0, 0, 0],
        [0, 0, 0],
      ]);
    });

    test('passes through operations that keep it', () => {
      const places = constant(tensor(new Int32Array(0)));
      expect(numbers(cumsum(nothing))).toEqual([]);
      expect(numbers(concat([nothing, vector(1), nothing]))).toEqual([1]);
      expect(numbers(gather(vector(1, 2), places))).toEqual([]);
      expect(numbers(softmax(rows, 0))).toEqual([[], []]);
    });

    test.each([
      ['sum', (x: Variable) => sum(x)],
      ['prod', (x: Variable) => prod(x)],
      ['mean', (x: Variable) => sum(mean(x, 0))],
      ['norm', (x: Variable) => norm(x)],
      ['softmax', (x: Variable) => sum(softmax(x, 0))],
      ['max', (x: Variable) => sum(max(x, 0))],
      ['cumsum', (x: Variable) => sum(cumsum(x, 1))],
      ['mul', (x: Variable) => sum(mul(x, x))],
    ] as const)('has an empty gradient through %s', (_, f) => {
      expect(numbers(gradients(f(rows), [rows])[0])).toEqual([[], []]);
    });
  });
});
