/** Minus signs, divisors and wrapped numbers that a rule must not lose: each formula keeps the values and slopes of the plain graph. */
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { evaluate } from '../../src/engine/index.ts';
import { input, iota, type Tensor, tensor, type Variable } from '../../src/index.ts';
import { registry } from '../../src/operations/index.ts';
import { withRewriting } from '../../src/rewrite/level.ts';

const { add, cast, div, equal, exp, log, mean, mul, neg, reshape, sqrt, square, sub, sum } = registry;
const keepDims = { keepDims: true };

const scattered = (x: Variable): Variable => square(sub(x, mean(x)));

describe.each<[string, (x: Variable) => Variable]>([
  ['log(-e^x)', (x) => log(neg(exp(x)))],
  ['log(e^x - e^2x)', (x) => log(sub(exp(x), exp(mul(2, x))))],
  ['log(e^2x - e^x)', (x) => log(sub(exp(mul(2, x)), exp(x)))],
  ['log(3 - e^x)', (x) => log(sub(3, exp(x)))],
  ['log sum -e^x', (x) => log(sum(neg(exp(x)), 0, keepDims))],
  ['log of the root of -e^x', (x) => log(sqrt(neg(exp(x))))],
  ['log (e^x - e^2x)^2', (x) => log(square(sub(exp(x), exp(mul(2, x)))))],
  ['log(-e^x (e^x - 5))', (x) => log(mul(neg(exp(x)), sub(exp(x), 5)))],
  ['log(e^x - 2 e^x + e^3x)', (x) => log(add(sub(exp(x), mul(2, exp(x))), exp(mul(3, x))))],
  ['scatter times -1/2', (x) => mul(-0.5, sum(scattered(x)))],
  ['scatter times -0.1', (x) => mul(-0.1, sum(scattered(x)))],
  ['scatter over -2', (x) => div(sum(scattered(x)), -2)],
  ['scatter times 1e30', (x) => mul(1e30, sum(scattered(x)))],
  ['scatter times 2', (x) => mul(2, sum(scattered(x)))],
  ['scatter over n - 1', (x) => div(sum(scattered(x)), 4)],
  ['scatter over n + 1', (x) => div(sum(scattered(x)), 6)],
  ['scatter over 4.9', (x) => div(sum(scattered(x)), 4.9)],
])('%s', (_, f) => {
  test.each(['float64', 'float32'] as const)('is what it is in the plain graph, in %s', (dtype) => {
    const x = input([5], { dtype });
    const feeds = new Map<Variable, Tensor>([[x, tensor([-1, -0.4, 0.3, 1, 2], { dtype })]]);
    const numbers = (): number[] => {
      const y = f(x);
      const [slope] = gradients(sum(y), [x]);
      const [curvature] = gradients(sum(mul(slope, slope)), [x], { disconnected: 'zero' });
      return [y, slope, curvature].flatMap((each) => [...evaluate(each, feeds).data]);
    };
    const plain = withRewriting('none', numbers);
    const found = numbers();
    const largest = Math.max(...plain.filter(Number.isFinite).map(Math.abs));
    const bound = dtype === 'float64' ? 1e-11 : 2e-4;
    const count = found.length - 10;
    found.forEach((each, i) => {
      // The logarithm of what is negative is not a number, and has no slope.
      const value = plain[i < count ? i : count === 1 ? 0 : (i - count) % 5];
      if (Number.isNaN(value)) {
        if (i < count) expect(each).toBeNaN();
      } else if (Number.isFinite(plain[i]))
        expect(Math.abs(each - plain[i])).toBeLessThanOrEqual(bound * largest);
    });
  });
});

test('moments with a divisor of n - 1 for n beyond a million are no variance', () => {
  const n = 2_000_000;
  const x = tensor(
    Float64Array.from({ length: n }, (_, i) => 1000 + (i % 2 === 0 ? 1 : -1)),
    { dtype: 'float64' },
  );
  const moments = (): number => evaluate(sub(div(sum(square(x)), n - 1), square(mean(x)))).item();
  expect(moments()).toBeCloseTo(withRewriting('none', moments), 6);
});

test('places that wrap are met twice', () => {
  const labels = reshape(tensor([3, 60], { dtype: 'uint8' }), [2, 1]);
  const hits = (): Tensor => evaluate(sum(cast(equal(labels, iota([300], 0, 'uint8')), 'float32'), 1));
  expect(hits().toArray()).toEqual([2, 1]);
});

test('an average over nothing is no number', () => {
  const x = input([0, 2], { dtype: 'float64' });
  const found = evaluate(
    div(sum(mul(exp(x), x), 0), sum(exp(x), 0)),
    new Map([[x, tensor([], { shape: [0, 2], dtype: 'float64' })]]),
  );
  expect(found.toArray()).toEqual([Number.NaN, Number.NaN]);
});
