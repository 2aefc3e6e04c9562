/** Order along an axis: ties, NaN, selections against sorts, and derivatives by the permutation. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients, jvp } from '../../src/autodiff/index.ts';
import {
  constant,
  type DType,
  DTypeError,
  type Nested,
  NumericalError,
  ShapeError,
  tensor,
  UndefinedGradientError,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { Sorter } from '../../src/operations/ordering.ts';
import { backends, reference } from '../support/backends.ts';

const {
  addAlongAxis,
  argsort,
  cumprod,
  logCumSumExp,
  median,
  mul,
  quantile,
  sort,
  square,
  sum,
  takeAlongAxis,
} = registry;
const { cast, topK } = registry;

const vector = (values: readonly number[], dtype: DType = 'float64'): Variable =>
  constant(tensor([...values], { dtype }));

const many = { numRuns: 300 };

describe('the sorter', () => {
  /** With NaN above all numbers; equal keys in order of place. */
  const expected = (line: Float64Array, descending: boolean): number[] => {
    const rank = (x: number): number => (Number.isNaN(x) ? 1 : 0);
    const compare = (a: number, b: number): number =>
      rank(line[a]) - rank(line[b]) || (line[a] < line[b] ? -1 : line[a] > line[b] ? 1 : 0);
    return Array.from(line, (_, i) => i).sort(
      (a, b) => (descending ? -compare(a, b) : compare(a, b)) || a - b,
    );
  };

  test('agrees with a stable sort by comparison, whole or in part', () => {
    const element = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(NaN, Infinity, -Infinity, -0));
    const line = fc.array(element, { maxLength: 120 });
    fc.assert(
      fc.property(line, fc.nat(), fc.boolean(), (values, choice, descending) => {
        const keys = Float64Array.from(values);
        const count = choice % (keys.length + 1);
        const sorter = new Sorter(keys.length, descending);
        expect([...sorter.first(keys.length, keys)]).toEqual(expected(keys, descending));
        expect([...sorter.first(count, keys)]).toEqual(expected(keys, descending).slice(0, count));
        const few = Math.min(2, keys.length);
        expect([...sorter.first(few, keys)]).toEqual(expected(keys, descending).slice(0, few));
      }),
      many,
    );
  });

  test('sorts long lines', () => {
    const keys = Float64Array.from({ length: 5000 }, (_, i) => (i * 7919) % 1013);
    for (const descending of [false, true]) {
      const sorter = new Sorter(keys.length, descending);
      expect([...sorter.first(keys.length, keys)]).toEqual(expected(keys, descending));
      expect([...sorter.first(40, keys)]).toEqual(expected(keys, descending).slice(0, 40));
    }
  });
});

describe.each([reference, ...backends])('$name', ({ evaluate }) => {
  const numbers = (x: Variable): Nested => evaluate([x])[0].toArray();
  const slope = (f: (x: Variable) => Variable, x: Variable): Nested => numbers(gradients(sum(f(x)), [x])[0]);

  test('NaN counts as the largest', () => {
    const x = vector([2, NaN, -Infinity, Infinity, 1]);
    expect(numbers(sort(x))).toEqual([-Infinity, 1, 2, Infinity, NaN]);
    expect(numbers(sort(x, 0, { descending: true }))).toEqual([NaN, Infinity, 2, 1, -Infinity]);
    expect(numbers(argsort(x))).toEqual([2, 4, 0, 3, 1]);
    expect(numbers(topK(x, 2)[0])).toEqual([NaN, Infinity]);
    expect(numbers(topK(x, 2, 0, { largest: false })[0])).toEqual([-Infinity, 1]);
  });

  test('elements that tie keep their order', () => {
    const x = vector([1, 0, 1, 0, -0, 1]);
    expect(numbers(argsort(x))).toEqual([1, 3, 4, 0, 2, 5]);
    expect(numbers(argsort(x, 0, { descending: true }))).toEqual([0, 2, 5, 1, 3, 4]);
    expect(numbers(topK(x, 2)[1])).toEqual([0, 2]);
    expect(numbers(gradients(topK(x, 2)[0].sum(), [x])[0])).toEqual([1, 0, 1, 0, 0, 0]);
  });

  test('integers, bytes and truth values are sorted as they are', () => {
    expect(numbers(sort(vector([3, -(2 ** 31), 2 ** 31 - 1], 'int32'), 0, { descending: true }))).toEqual([
      2 ** 31 - 1,
      3,
      -(2 ** 31),
    ]);
    expect(numbers(sort(vector([255, 0, 7], 'uint8')))).toEqual([0, 7, 255]);
    expect(numbers(sort(vector([1, 0, 1], 'bool')))).toEqual([false, true, true]);
  });

  test('the gradient of a sort is the permutation, to any order', () => {
    const x = vector([3, 1, 2]);
    const weights = vector([10, 20, 30]);
    expect(slope((v) => mul(weights, sort(v)), x)).toEqual([30, 10, 20]);
    const [dx] = gradients(sum(mul(weights, square(sort(x)))), [x]);
    expect(numbers(dx)).toEqual([180, 20, 80]);
    expect(slope(() => dx, x)).toEqual([60, 20, 40]);
    const [, tangent] = jvp((v: Variable) => sort(v), [x], [weights]);
    expect(numbers(tangent)).toEqual([20, 30, 10]);
  });

  test('the index has no derivative, and says so', () => {
    const x = vector([3, 1, 2]);
    expect(() => gradients(sum(cast(topK(x, 2)[1], 'float64')), [x])).toThrow(UndefinedGradientError);
    expect(() => gradients(sum(cast(argsort(x), 'float64')), [x])).toThrow(
      /the second output of sort is an index/,
    );
  });

  test('nothing is sorted to nothing', () => {
    expect(numbers(sort(constant(tensor(new Float64Array(0), { shape: [2, 0] }))))).toEqual([[], []]);
    expect(numbers(topK(vector([1, 2]), 0)[0])).toEqual([]);
    expect(numbers(sort(constant(tensor(new Float64Array(0), { shape: [0, 2] })), 1))).toEqual([]);
  });

  test('takeAlongAxis undoes and redoes an order, and its gradient is addAlongAxis', () => {
    const x = constant(
      tensor(
        [
          [3, 1, 2],
          [4, 6, 5],
        ],
        { dtype: 'float64' },
      ),
    );
    expect(numbers(takeAlongAxis(x, argsort(x)))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(numbers(takeAlongAxis(x, [[-1, 0, 0, 0]], 1))).toEqual([
      [2, 3, 3, 3],
      [5, 4, 4, 4],
    ]);
    expect(slope((v) => takeAlongAxis(v, [[-1, 0, 0, 0]], 1), x)).toEqual([
      [3, 0, 1],
      [3, 0, 1],
    ]);
    expect(numbers(addAlongAxis(x, [[0], [1]], [[10], [20]]))).toEqual([
      [13, 1, 2],
      [4, 26, 5],
    ]);
    expect(() => numbers(takeAlongAxis(x, [[3], [0]]))).toThrow(NumericalError);
  });

  test('quantiles interpolate, and NaN spreads', () => {
    const x = vector([4, 1, 3, 2]);
    expect(numbers(median(x))).toBe(2.5);
    expect(numbers(quantile(x, 0))).toBe(1);
    expect(numbers(quantile(x, 1))).toBe(4);
    expect(numbers(quantile(x, 0.25))).toBe(1.75);
    expect(numbers(median(vector([Infinity, Infinity])))).toBe(Infinity);
    expect(numbers(median(vector([1, NaN, 2])))).toBeNaN();
    expect(slope((v) => median(v), x)).toEqual([0, 0, 0.5, 0.5]);
    expect(
      numbers(
        median(
          constant(
            tensor(
              [
                [1, 2],
                [7, 3],
              ],
              { dtype: 'float64' },
            ),
          ),
          0,
          { keepDims: true },
        ),
      ),
    ).toEqual([[4, 2.5]]);
  });

  describe('running', () => {
    test('products have exact gradients at zeros', () => {
      const x = vector([2, 0, 3, 0, 5]);
      expect(numbers(cumprod(x))).toEqual([2, 0, 0, 0, 0]);
      // d/dx_i of 2 + 2a + 6a + 6ab + 30ab at a = b = 0.
      expect(slope((v) => cumprod(v), x)).toEqual([1, 8, 0, 0, 0]);
      const [dx] = gradients(sum(cumprod(x)), [x]);
      // The Hessian's column sums: d/dx of sum dx.
      expect(slope(() => dx, x)).toEqual([4, 4 + 2 + 36, 2, 36, 0]);
    });

    test('products of integers wrap as products do', () => {
      const x = vector([2 ** 30, 3, 5], 'int32');
      expect(numbers(cumprod(x))).toEqual([2 ** 30, (3 * 2 ** 30) | 0, (15 * 2 ** 30) | 0]);
      expect(evaluate([cumprod(vector([200, 200], 'uint8'))])[0].dtype).toBe('int32');
    });

    test('log-sum-exps neither overflow nor lose a start of nothing', () => {
      const x = vector([-Infinity, -Infinity, 1000, 1000, -2000]);
      const total = 1000 + Math.LN2;
      expect(numbers(logCumSumExp(x))).toEqual([-Infinity, -Infinity, 1000, total, total]);
      const slopes = slope((v) => mul(vector([0, 0, 1, 2, 0]), logCumSumExp(v)), x) as number[];
      [0, 0, 2, 1, 0].forEach((expected, i) => expect(slopes[i]).toBeCloseTo(expected, 12));
      expect(numbers(logCumSumExp(vector([0, Infinity, Infinity, 1])))).toEqual([
        0,
        Infinity,
        Infinity,
        Infinity,
      ]);
      expect(numbers(logCumSumExp(vector([0, NaN, 1])))).toEqual([0, NaN, NaN]);
    });

    test('of nothing are nothing', () => {
      const nothing = constant(tensor(new Float64Array(0), { shape: [2, 0] }));
      for (const f of [cumprod, logCumSumExp]) {
        expect(numbers(f(nothing, 1))).toEqual([[], []]);
        expect(slope((x) => f(x, 1), nothing)).toEqual([[], []]);
      }
    });
  });
});

describe('it is a mistake to ask for', () => {
  const x = vector([1, 2, 3]);
  const nothing = constant(tensor(new Float64Array(0)));

  test.each([
    [
      'more than there is',
      () => topK(x, 4),
      ShapeError,
      /cannot take 4 elements along axis 0 of \[3\]; k is a whole number from 0 to 3/,
    ],
    ['part of an element', () => topK(x, 1.5), ShapeError, /1.5/],
    ['an axis that is not there', () => sort(x, 1), ShapeError, /sort: axis 1 is out of range/],
    ['the order of a scalar', () => sort(x.sum()), ShapeError, /a scalar has no axes/],
    [
      'indices of other axes',
      () => takeAlongAxis(x, [[0]]),
      ShapeError,
      /\[3\], \[1, 1\] differ in their number of axes.*gather/,
    ],
    ['indices between elements', () => takeAlongAxis(x, vector([0])), DTypeError, /indices are float64/],
    ['more than the whole', () => quantile(x, 1.2), ShapeError, /the fraction 1.2 is not between 0 and 1/],
    ['the middle of nothing', () => median(nothing), ShapeError, /nothing has no median/],
  ] as const)('%s', (_, call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });
});
