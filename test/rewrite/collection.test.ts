/** Like terms and common factors of what differentiation has made. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { ancestors, creationMark, input, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { withRewriting } from '../../src/rewrite/level.ts';
import { simplifyDerivatives, stabilize } from '../../src/rewrite/passes.ts';

const { add, div, exp, log, mul, neg, sigmoid, sin, square, sub, tanh } = registry;

const count = (variable: Variable): number => ancestors([variable]).applications.length;
const scalarInput = (name: string): Variable => input([], { name, dtype: 'float64' });
const valueAt = (variable: Variable, feeds: ReadonlyMap<Variable, number>): number =>
  runReference(
    [variable],
    new Map([...feeds].map(([each, value]) => [each, tensor(value, { dtype: 'float64' })])),
  )[0].item();

/** The derivatives of orders 1 to `most` of f at x. */
function orders(f: (x: Variable) => Variable, x: Variable, most: number): Variable[] {
  const found: Variable[] = [];
  let last = f(x);
  for (let n = 0; n < most; n++) {
    [last] = gradients(last, [x]);
    found.push(last);
  }
  return found;
}

/** By what the counts of applications grow from order to order. */
function growth(derivatives: readonly Variable[]): number[] {
  const counts = derivatives.map(count);
  return counts.slice(1).map((each, i) => each / counts[i]);
}

const product = (x: Variable): Variable => mul(sin(x), exp(x));
const logistic = (x: Variable): Variable => div(1, add(1, exp(neg(x))));

describe('derivatives of orders 1 to 6', () => {
  const x = scalarInput('x');

  test('of sin(x) exp(x) grow at most 1.5 times each', () => {
    const derivatives = orders(product, x, 6);
    expect(Math.max(...growth(derivatives))).toBeLessThanOrEqual(1.5);
    const plain = withRewriting('none', () => orders(product, x, 6));
    expect(count(plain[5])).toBeGreaterThan(20 * count(derivatives[5]));
  });

  test('of a logistic composed of exp, sum and quotient grow at most 2 times each', () => {
    const derivatives = orders(logistic, x, 6);
    expect(Math.max(...growth(derivatives))).toBeLessThanOrEqual(2);
    const plain = withRewriting('none', () => orders(logistic, x, 6));
    expect(count(plain[5])).toBeGreaterThan(50 * count(derivatives[5]));
  });

  test('are as short where the first term that is found is negative', () => {
    const rising = orders((x) => sigmoid(mul(3, x)), x, 6).map(count);
    const falling = orders((x) => sigmoid(mul(-3, x)), x, 6).map(count);
    expect(rising[5]).toBeLessThanOrEqual(32);
    falling.forEach((each, i) => {
      expect(each).toBeLessThanOrEqual(rising[i] + 1);
    });
  });

  test('of sin(x) exp(x) are 2^(n/2) exp(x) sin(x + n pi / 4)', () => {
    orders(product, x, 6).forEach((derivative, i) => {
      for (const at of [-2, 0.3, 5]) {
        const n = i + 1;
        const exact = 2 ** (n / 2) * Math.exp(at) * Math.sin(at + (n * Math.PI) / 4);
        const error = Math.abs(valueAt(derivative, new Map([[x, at]])) - exact);
        expect(error).toBeLessThanOrEqual(1e-14 * 2 ** (n / 2) * Math.exp(at));
      }
    });
  });

  test.each<[string, (x: Variable) => Variable]>([
    ['a logistic', logistic],
    ['a logistic of a logistic', (v) => logistic(logistic(v))],
    ['tanh of tanh', (v) => tanh(tanh(v))],
    ['a bell curve', (v) => exp(neg(square(v)))],
    ['a rational function', (v) => div(1, add(1, square(v)))],
    ['log(2 + sin x)', (v) => log(add(2, sin(v)))],
  ])('of %s are those of the plain graph', (_, f) => {
    const plain = withRewriting('none', () => orders(f, x, 6));
    orders(f, x, 6).forEach((derivative, i) => {
      for (const at of [-0.7, 0.2, 1.1]) {
        const feeds = new Map([[x, at]]);
        const expected = valueAt(plain[i], feeds);
        const error = Math.abs(valueAt(derivative, feeds) - expected);
        expect(error).toBeLessThanOrEqual(1e-12 * (1 + Math.abs(expected)) * 4 ** i);
      }
    });
  });
});

test('1 - y stays a factor: the slope of a logistic keeps its digits where it is flat', () => {
  const y = input([], { name: 'y', dtype: 'float32' });
  const [slope] = simplifyDerivatives([sub(mul(y, sub(1, y)), mul(mul(2, y), mul(y, sub(1, y))))], 0);
  const close = tensor(1 - 2 ** -22, { dtype: 'float32' });
  const at = close.item();
  const exact = at * (1 - at) * (1 - 2 * at);
  const [found] = runReference([slope], new Map([[y, close]]));
  expect(Math.abs(found.item() - exact)).toBeLessThanOrEqual(1e-6 * Math.abs(exact));
});

test('sums that a user wrote keep their order, also within a derivative', () => {
  const [x, y] = [scalarInput('x'), scalarInput('y')];
  const lost = sub(sub(add(x, y), x), y);
  expect(stabilize([lost])).toEqual([lost]);
  const [dz] = gradients(mul(lost, y), [y]);
  const feeds = new Map([
    [x, 2 ** 60],
    [y, 1],
  ]);
  expect(valueAt(lost, feeds)).toBe(-1);
  expect(valueAt(dz, feeds)).toBe(-1);
});

/** A sum or a product of two earlier values, by number. */
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('add', 'sub', 'mul', 'neg', 'square', 'scale'),
    a: fc.nat(30),
    b: fc.nat(30),
    by: fc.constantFrom(-3, -1, 0, 0.5, 2, 4),
  }),
  { minLength: 2, maxLength: 14 },
);

test('any polynomial keeps its value, whatever its parts share', () => {
  const leaves = ['x', 'y', 'z'].map(scalarInput);
  const feeds = new Map(leaves.map((leaf, i) => [leaf, [0.7, -1.3, 1.9][i]]));
  fc.assert(
    fc.property(steps, (recipe) => {
      const since = creationMark();
      const values: Variable[] = [...leaves];
      /** What the terms come to if nothing cancels: the measure of what rounding may do. */
      const sizes = leaves.map((leaf) => Math.abs(feeds.get(leaf) as number));
      for (const { kind, a, b, by } of recipe) {
        const [i, j] = [a % values.length, b % values.length];
        const [u, v] = [values[i], values[j]];
        if (kind === 'add' || kind === 'sub') {
          values.push(kind === 'add' ? add(u, v) : sub(u, v));
          sizes.push(sizes[i] + sizes[j]);
        } else if (kind === 'mul' || kind === 'square') {
          values.push(kind === 'mul' ? mul(u, v) : square(u));
          sizes.push(sizes[i] * sizes[kind === 'mul' ? j : i]);
        } else {
          values.push(kind === 'neg' ? neg(u) : mul(u, by));
          sizes.push(sizes[i] * (kind === 'neg' ? 1 : Math.abs(by)));
        }
      }
      const last = values.slice(-2);
      const size = Math.max(...sizes);
      fc.pre(size < 1e30);
      const simple = simplifyDerivatives(last, since);
      last.forEach((each, i) => {
        const error = Math.abs(valueAt(simple[i], feeds) - valueAt(each, feeds));
        expect(error).toBeLessThanOrEqual(1e-13 * size);
      });
    }),
    { numRuns: 600 },
  );
});

test('a chain of logistic layers is simplified without an error', () => {
  const x = scalarInput('x');
  let z = x;
  for (let i = 0; i < 5; i++) z = sigmoid(mul(z, 3));
  for (const each of orders(() => z, x, 3))
    expect(Number.isFinite(valueAt(each, new Map([[x, 0.2]])))).toBe(true);
});
