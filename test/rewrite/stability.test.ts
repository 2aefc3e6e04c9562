/**
 * Formulas that cancel, overflow or underflow, in all the ways in which they are written: that they arrive at one form, and
 * that its values and derivatives have all digits over the whole range of numbers, by mpmath (stability.json, made by
 * stability.py).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { type FloatDType, input, type Nested, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { simplify } from '../../src/rewrite/simplify.ts';
import { expressionText } from '../../src/rewrite/trace.ts';
import { backends, reference } from '../support/backends.ts';
import { EPSILON } from '../support/numeric.ts';

const { add, cosh, div, erf, exp, expm1, log, log1p, logit, logaddexp, logSigmoid, logSoftmax } = registry;
const { logSumExp, max, mean, mul, neg, reciprocal, reshape, sigmoid, sinh, softmax, softplus } = registry;
const { square, stopGradient, sub, sum, tanh, variance } = registry;

type Spelling = (x: Variable) => Variable;

interface Row {
  readonly x: number[];
  readonly w: number[];
  readonly softmax: string[];
  readonly logSoftmax: string[];
  readonly logSumExp: string;
  /** log sum w e^x, if that is positive. */
  readonly weighted: string | null;
  /** w e^x / sum w e^x. */
  readonly shares: string[];
}

const fixtures = JSON.parse(readFileSync(new URL('./stability.json', import.meta.url), 'utf8'));
const rows: Row[] = fixtures.rows;

const logistic: Spelling[] = [
  (x) => div(1, add(1, exp(neg(x)))),
  (x) => reciprocal(add(exp(neg(x)), 1)),
  (x) => div(exp(x), add(1, exp(x))),
  (x) => div(exp(x), add(exp(x), 1)),
  (x) => div(1, add(1, div(1, exp(x)))),
  (x) => sub(1, div(1, add(1, exp(x)))),
  (x) => sub(1, sigmoid(neg(x))),
  (x) => exp(logSigmoid(x)),
];

/** Functions by their names in the fixtures, each in several spellings. */
const spellings: Record<string, Spelling[]> = {
  sigmoid: [sigmoid, ...logistic],
  logSigmoid: [
    logSigmoid,
    ...logistic.map(
      (f): Spelling =>
        (x) =>
          log(f(x)),
    ),
    (x) => neg(log(add(1, exp(neg(x))))),
    (x) => sub(x, log(add(1, exp(x)))),
    (x) => neg(softplus(neg(x))),
  ],
  softplus: [
    softplus,
    (x) => log(add(1, exp(x))),
    (x) => log(add(exp(x), 1)),
    (x) => neg(log(div(1, add(1, exp(x))))),
    (x) => neg(log(sub(1, sigmoid(x)))),
    (x) => add(x, log(add(1, exp(neg(x))))),
    (x) => logaddexp(0, x),
    (x) => log1p(exp(x)),
  ],
  expm1: [expm1, (x) => sub(exp(x), 1), (x) => add(exp(x), -1), (x) => neg(sub(1, exp(x)))],
  log1p: [log1p, (x) => log(add(1, x)), (x) => log(add(x, 1)), (x) => log(sub(1, neg(x)))],
  log1mexp: [registry.log1mexp, (x) => log(sub(1, exp(x))), (x) => log(neg(sub(exp(x), 1)))],
  logExpm1: [(x) => log(sub(exp(x), 1)), (x) => log(expm1(x)), (x) => add(x, log(sub(1, exp(neg(x)))))],
  tanh: [
    tanh,
    (x) => div(sub(exp(x), exp(neg(x))), add(exp(x), exp(neg(x)))),
    (x) => div(sub(exp(mul(2, x)), 1), add(exp(mul(2, x)), 1)),
    (x) => div(sub(1, exp(mul(-2, x))), add(1, exp(mul(-2, x)))),
    (x) => sub(div(2, add(1, exp(mul(-2, x)))), 1),
    (x) => sub(1, div(2, add(exp(mul(2, x)), 1))),
    (x) => sub(mul(2, sigmoid(mul(x, 2))), 1),
    (x) => div(sinh(x), cosh(x)),
  ],
  logErfc: [(x) => log(sub(1, erf(x))), (x) => log(registry.erfc(x))],
  identity: [
    (x) => x,
    (x) => log(exp(x)),
    (x) => log1p(sub(exp(x), 1)),
    (x) => logit(div(1, add(1, exp(neg(x))))),
    (x) => log(div(sigmoid(x), sub(1, sigmoid(x)))),
    (x) => sub(log(sigmoid(x)), log(sub(1, sigmoid(x)))),
  ],
};

const keepDims = { keepDims: true };
const total = (x: Variable): Variable => sum(x, 1, keepDims);
const shifted = (x: Variable): Variable => sub(x, max(x, 1, keepDims));
const softmaxes: Spelling[] = [
  (x) => softmax(x, 1),
  (x) => div(exp(x), total(exp(x))),
  (x) => div(exp(x), reshape(sum(exp(x), 1), [-1, 1])),
  (x) => mul(exp(x), div(1, total(exp(x)))),
  (x) => div(exp(shifted(x)), total(exp(shifted(x)))),
  (x) => softmax(sub(x, stopGradient(max(x, 1, keepDims))), 1),
  (x) => exp(sub(x, log(total(exp(x))))),
  (x) => exp(log(div(exp(x), total(exp(x))))),
];

/** Functions of rows. */
const rowSpellings: Record<string, Spelling[]> = {
  softmax: softmaxes,
  logSoftmax: [
    (x) => logSoftmax(x, 1),
    ...softmaxes.map(
      (f): Spelling =>
        (x) =>
          log(f(x)),
    ),
    (x) => sub(x, log(total(exp(x)))),
    (x) => sub(shifted(x), log(total(exp(shifted(x))))),
  ],
  logSumExp: [
    (x) => logSumExp(x, 1, keepDims),
    (x) => log(total(exp(x))),
    (x) => add(max(x, 1, keepDims), log(total(exp(shifted(x))))),
    (x) => neg(log(div(1, total(exp(x))))),
  ],
};

const text = (f: Spelling, x: Variable): string => expressionText(simplify(f(x)), new Map([[x, 'x']]), 30);

describe('all spellings become one', () => {
  test.each(Object.entries({ ...spellings, ...rowSpellings }))('%s', (_, [first, ...others]) => {
    const x = input([4, 3]);
    expect(others.map((f) => text(f, x))).toEqual(others.map(() => text(first, x)));
  });

  test('of a variance', () => {
    const x = input([4, 3]);
    const forms: Spelling[] = [
      (x) => sub(mean(square(x), 1), square(mean(x, 1))),
      (x) => sub(div(sum(square(x), 1), 3), square(div(sum(x, 1), 3))),
      (x) => mean(square(sub(x, mean(x, 1, keepDims))), 1),
      (x) => mean(mul(sub(x, mean(x, 1, keepDims)), sub(x, mean(x, 1, keepDims))), 1),
    ];
    const one = text((x) => variance(x, 1), x);
    expect(forms.map((f) => text(f, x))).toEqual(forms.map(() => one));
  });
});

/** What is `found`, against what mpmath says, in units in the last place of it, or of `scale`. */
function expectClose(found: number, expected: number, dtype: FloatDType, scale: number, what: string): void {
  const rounded = dtype === 'float32' ? Math.fround(expected) : expected;
  if (found === rounded) return;
  const slack = 16 * EPSILON[dtype] * Math.max(Math.abs(expected), scale);
  // Below the smallest normal number a few units in the last place are all there is.
  const least = dtype === 'float32' ? 2 ** -146 : 2 ** -1071;
  expect(Math.abs(found - expected), `${what}: ${found}, not ${expected}`).toBeLessThanOrEqual(
    Math.max(slack, least),
  );
}

/** The size of what is subtracted on the way. */
function scaleOf(name: string, order: number, x: number): number {
  // log erfc is as accurate as erfc is near 1; its second derivative is a difference of squares of its first.
  if (name === 'logErfc') return order === 2 ? 4 * x * x + 1 : 1;
  // Derivatives such as y (1 - y) of a y near 1 are as accurate as y is.
  return order === 0 ? 0 : 1;
}

describe.each([reference, ...backends])('$name', ({ evaluate }) => {
  describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
    const given = (numbers: Nested): { x: Variable; feeds: Map<Variable, ReturnType<typeof tensor>> } => {
      const fed = tensor(numbers, { dtype });
      const x = input(fed.shape, { dtype });
      return { x, feeds: new Map([[x, fed]]) };
    };

    test.each(Object.entries(spellings))('%s and its derivatives', (name, forms) => {
      const { x: points, y: expected }: { x: number[]; y: string[][] } = fixtures[name];
      const { x, feeds } = given(points);
      for (const [i, form] of forms.entries()) {
        const y = form(x);
        const [first] = gradients(sum(y), [x]);
        const [second] = gradients(sum(first), [x], { disconnected: 'zero' });
        evaluate(simplify([y, first, second]), feeds).forEach(({ data }, order) => {
          data.forEach((value, k) => {
            const what = `spelling ${i}, order ${order}, at ${points[k]}`;
            expectClose(value, Number(expected[order][k]), dtype, scaleOf(name, order, points[k]), what);
          });
        });
      }
    });

    test.each(['softmax', 'logSoftmax', 'logSumExp'] as const)('%s', (name) => {
      const { x, feeds } = given(rows.map((row) => row.x));
      for (const [i, form] of rowSpellings[name].entries()) {
        const [{ data }] = evaluate([simplify(form(x))], feeds);
        const expected = rows.flatMap((row) => row[name]).map(Number);
        // The logarithm of a share near 1 is as accurate as the share.
        const scale = name === 'logSoftmax' ? 1 : 0;
        data.forEach((value, k) => {
          expectClose(value, expected[k], dtype, scale, `spelling ${i}, element ${k}`);
        });
      }
    });

    test('weighted sums and shares', () => {
      const { x, feeds } = given(rows.map((row) => row.x));
      const { x: w, feeds: weights } = given(rows.map((row) => row.w));
      const terms = mul(w, exp(x));
      const outputs = simplify([log(sum(terms, 1)), div(terms, total(terms))]);
      const [logs, shares] = evaluate(outputs, new Map([...feeds, ...weights]));
      rows.forEach((row, i) => {
        if (row.weighted === null) expect(logs.data[i]).toBeNaN();
        else expectClose(logs.data[i], Number(row.weighted), dtype, 0, `row ${i}`);
        row.shares.forEach((share, k) => {
          const value = shares.data[3 * i + k];
          // Exponents round, and what they round by is a factor of the exponential.
          const scale = Math.abs(Number(share)) * Math.max(...row.x.map(Math.abs));
          expectClose(value, Number(share), dtype, scale, `share ${k} of row ${i}`);
        });
      });
    });
  });
});
