/** Derivatives of derivatives: the derivative is a graph in the same language, so it has derivatives. */
import { describe, test } from 'vitest';
import {
  add,
  div,
  exp,
  expectClose,
  grad,
  gradients,
  leaf,
  log,
  logSumExp,
  matmul,
  mul,
  neg,
  numberOf,
  pow,
  sin,
  square,
  sum,
  tanh,
  tensor,
  type Variable,
  valueOf,
} from '../examples/support.ts';

/** z and its derivatives with respect to x, up to an order. */
function tower(z: Variable, x: Variable, order: number): Variable[] {
  const all = [z];
  for (let k = 1; k <= order; k++) all.push(gradients(all[k - 1], [x], { disconnected: 'zero' })[0]);
  return all;
}

const points = [-1.3, 0, 0.4, 2];

describe.each(points)('orders 0 to 5 at x = %d', (at) => {
  const x = leaf(at);
  const numbers = (z: Variable) => tower(z, x, 5).map((each) => numberOf(each));

  test('of sin(x) e^x: 2^(n/2) e^x sin(x + n pi/4)', () => {
    const expected = [0, 1, 2, 3, 4, 5].map(
      (n) => 2 ** (n / 2) * Math.exp(at) * Math.sin(at + (n * Math.PI) / 4),
    );
    expectClose(numbers(mul(sin(x), exp(x))), expected, 1e-12);
  });

  test('of x^5, by pow and by products', () => {
    const expected = [at ** 5, 5 * at ** 4, 20 * at ** 3, 60 * at ** 2, 120 * at, 120];
    expectClose(numbers(pow(x, 5)), expected, 1e-12);
    expectClose(numbers(mul(mul(mul(mul(x, x), x), x), x)), expected, 1e-12);
    expectClose(numbers(mul(square(square(x)), x)), expected, 1e-12);
  });

  test('of tanh, as polynomials of t = tanh x', () => {
    const t = Math.tanh(at);
    const slope = 1 - t ** 2;
    const expected = [
      t,
      slope,
      -2 * t * slope,
      (6 * t ** 2 - 2) * slope,
      (16 * t - 24 * t ** 3) * slope,
      (16 - 120 * t ** 2 + 120 * t ** 4) * slope,
    ];
    expectClose(numbers(tanh(x)), expected, 1e-12);
  });

  test('of e^(-x^2): Hermite polynomials', () => {
    const hermite = [
      1,
      2 * at,
      4 * at ** 2 - 2,
      8 * at ** 3 - 12 * at,
      16 * at ** 4 - 48 * at ** 2 + 12,
      32 * at ** 5 - 160 * at ** 3 + 120 * at,
    ];
    const expected = hermite.map((h, n) => (-1) ** n * h * Math.exp(-(at ** 2)));
    expectClose(numbers(exp(neg(square(x)))), expected, 1e-12);
  });
});

test('a polynomial runs out of derivatives and says zero', () => {
  const x = leaf(3);
  expectClose(
    tower(pow(x, 2), x, 4).map((each) => numberOf(each)),
    [9, 6, 2, 0, 0],
    0,
  );
});

test('1/x and log x: n-th derivatives are signed factorials over powers', () => {
  const x = leaf(2);
  const inverse = tower(div(1, x), x, 5).map((each) => numberOf(each));
  expectClose(inverse, [1 / 2, -1 / 4, 2 / 8, -6 / 16, 24 / 32, -120 / 64]);
  const logarithm = tower(log(x), x, 4).map((each) => numberOf(each));
  expectClose(logarithm, [Math.log(2), 1 / 2, -1 / 4, 2 / 8, -6 / 16]);
});

test('mixed partial derivatives do not depend on the order', () => {
  const x = leaf(0.7);
  const y = leaf(-0.4);
  const z = mul(sin(mul(x, y)), exp(add(x, square(y))));
  const [dx, dy] = gradients(z, [x, y]);
  const [dyx] = gradients(dy, [x]);
  const [dxy] = gradients(dx, [y]);
  expectClose(numberOf(dxy), numberOf(dyx));
  const [dxxy] = gradients(gradients(dx, [x])[0], [y]);
  const [dyxx] = gradients(dyx, [x]);
  expectClose(numberOf(dxxy), numberOf(dyxx));
});

test('the Hessian of a quadratic form x^T A x is A + A^T, row by row', () => {
  const a = [
    [2, -1, 0.5],
    [3, 1, 0],
    [-2, 4, 5],
  ];
  const x = leaf([0.3, -1, 2]);
  const z = matmul(x, matmul(tensor(a, { dtype: 'float64' }), x));
  const [g] = gradients(z, [x]);
  const rows = [0, 1, 2].map((i) => {
    const unit = tensor(
      [0, 1, 2].map((k) => (k === i ? 1 : 0)),
      { dtype: 'float64' },
    );
    return valueOf(gradients(sum(mul(g, unit)), [x])[0]);
  });
  expectClose(
    rows,
    a.map((row, i) => row.map((_, j) => a[i][j] + a[j][i])),
  );
});

test('the Hessian-vector product of logSumExp is (diag p - p p^T) v (eq. 6.59)', () => {
  const x = [0.1, -2, 1.5];
  const v = [1, -0.5, 2];
  const variable = leaf(x);
  const [g] = gradients(logSumExp(variable), [variable]);
  const [product] = gradients(sum(mul(g, tensor(v, { dtype: 'float64' }))), [variable]);
  const total = x.reduce((sum, each) => sum + Math.exp(each), 0);
  const p = x.map((each) => Math.exp(each) / total);
  const pv = p.reduce((sum, each, i) => sum + each * v[i], 0);
  expectClose(
    valueOf(product),
    p.map((each, i) => each * (v[i] - pv)),
  );
});

test('nested grads are derivatives of higher order', () => {
  let f: (x: Variable) => Variable = (x) => pow(x, 5);
  const numbers = [numberOf(f(leaf(2)))];
  for (let order = 1; order <= 5; order++) {
    f = grad(f);
    numbers.push(numberOf(f(leaf(2))));
  }
  expectClose(numbers, [32, 80, 160, 240, 240, 120]);
});
