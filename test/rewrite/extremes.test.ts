/**
 * Models as the textbook writes them, in float32, at inputs where those formulas overflow, underflow or cancel: values and
 * gradients against stable formulas in float64, written out here. The same graph without rewriting fails.
 */
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { evaluate } from '../../src/engine/index.ts';
import { input, type Nested, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { type RewriteLevel, withRewriting } from '../../src/rewrite/level.ts';

const { add, div, exp, less, log, matmul, mean, mul, neg, pow, prod, square, sub, sum, where } = registry;

interface Model {
  /** The loss, a scalar, of all inputs in their order. */
  readonly loss: (...inputs: Variable[]) => Variable;
  /** What the loss is of, exact in float32; derivatives are taken with respect to the first `parameters` of them. */
  readonly inputs: readonly Nested[];
  readonly parameters: number;
  /** The loss and its derivatives, in float64. */
  readonly expected: () => { readonly loss: number; readonly gradients: readonly (readonly number[])[] };
}

/** The loss and the gradients, flat, at a level of rewriting. */
function run({ loss, inputs, parameters }: Model, level: RewriteLevel): number[] {
  return withRewriting(level, () => {
    const tensors = inputs.map((each) => tensor(each, { dtype: 'float32' }));
    const leaves = tensors.map(({ shape }) => input(shape, { dtype: 'float32' }));
    const J = loss(...leaves);
    const outputs = [J, ...gradients(J, leaves.slice(0, parameters))];
    const feeds = new Map(leaves.map((leaf, i) => [leaf, tensors[i]]));
    return evaluate(outputs, feeds).flatMap(({ data }) => Array.from(data));
  });
}

/** The largest relative error; infinite where a number that should be finite is not. */
function error(found: readonly number[], expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  return Math.max(
    ...found.map((value, i) => {
      const distance = Math.abs(value - expected[i]) / Math.abs(expected[i]);
      return Number.isFinite(value) ? (value === expected[i] ? 0 : distance) : Infinity;
    }),
  );
}

const log1pexp = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const logistic = (x: number): number => Math.exp(-log1pexp(-x));
const total = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const logOfSum = (xs: readonly number[]): number => {
  const largest = Math.max(...xs);
  return largest + Math.log(total(xs.map((x) => Math.exp(x - largest))));
};

/** Columns of design, labels and weights, eighths all of them, so that float32 adds their products exactly. */
const DESIGN = [
  [64, -3.5, 1],
  [-250, 12, 1],
  [0.5, 0.25, 1],
  [120, 90, 1],
  [-33, 4.125, 1],
];
const LABELS = [1, 1, 0, 0, 0];
const WEIGHTS = [0.75, -1.5, 0.125];

function logisticLoss(p: Variable, y: Variable): Variable {
  return neg(mean(add(mul(y, log(p)), mul(sub(1, y), log(sub(1, p))))));
}

const regression = (probability: (z: Variable) => Variable): Model => ({
  loss: (w, x, y) => logisticLoss(probability(matmul(x, w)), y),
  inputs: [WEIGHTS, DESIGN, LABELS],
  parameters: 1,
  expected: () => {
    const z = DESIGN.map((row) => total(row.map((value, i) => value * WEIGHTS[i])));
    const losses = z.map((each, i) => LABELS[i] * log1pexp(-each) + (1 - LABELS[i]) * log1pexp(each));
    const slopes = z.map((each, i) => (LABELS[i] === 1 ? -logistic(-each) : logistic(each)));
    return {
      loss: total(losses) / z.length,
      gradients: [WEIGHTS.map((_, i) => total(slopes.map((s, row) => s * DESIGN[row][i])) / z.length)],
    };
  },
});

/** The density of a normal distribution. */
function density(x: Variable, mu: Variable, sigma: Variable): Variable {
  return div(exp(mul(-0.5, square(div(sub(x, mu), sigma)))), mul(sigma, Math.sqrt(2 * Math.PI)));
}

const logDensity = (x: number, mu: number, sigma: number): number =>
  -0.5 * ((x - mu) / sigma) ** 2 - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);

const POINTS = [-40, -3.5, 0.25, 7, 64];
const CENTRE = 1.5;
const DEVIATION = 0.5;

const likelihood = (loss: Model['loss']): Model => ({
  loss,
  inputs: [CENTRE, DEVIATION, POINTS],
  parameters: 2,
  expected: () => ({
    loss: total(POINTS.map((x) => logDensity(x, CENTRE, DEVIATION))),
    gradients: [
      [total(POINTS.map((x) => (x - CENTRE) / DEVIATION ** 2))],
      [total(POINTS.map((x) => ((x - CENTRE) ** 2 / DEVIATION ** 2 - 1) / DEVIATION))],
    ],
  }),
});

const SHARES = [0.5, 0.25, 0.25];
const CENTRES = [-2, 0, 3];
const DEVIATIONS = [0.5, 1, 2];
const SCATTER = [-50, -2.25, 0.5, 2, 128];

/** -mean log sum_k share_k N(x | centre_k, deviation_k). */
const mixture: Model = {
  loss: (shares, centres, deviations, x) =>
    neg(mean(log(sum(mul(shares, density(x, centres, deviations)), 1)))),
  inputs: [SHARES, CENTRES, DEVIATIONS, SCATTER.map((x) => [x])],
  parameters: 3,
  expected: () => {
    const terms = SCATTER.map((x) =>
      SHARES.map((share, k) => Math.log(share) + logDensity(x, CENTRES[k], DEVIATIONS[k])),
    );
    const sums = terms.map(logOfSum);
    const gradient = (slope: (x: number, k: number) => number): number[] =>
      SHARES.map(
        (_, k) =>
          -total(SCATTER.map((x, i) => Math.exp(terms[i][k] - sums[i]) * slope(x, k))) / SCATTER.length,
      );
    return {
      loss: -total(sums) / sums.length,
      gradients: [
        gradient((_, k) => 1 / SHARES[k]),
        gradient((x, k) => (x - CENTRES[k]) / DEVIATIONS[k] ** 2),
        gradient((x, k) => ((x - CENTRES[k]) ** 2 / DEVIATIONS[k] ** 2 - 1) / DEVIATIONS[k]),
      ],
    };
  },
};

/** The same with two components, added one by one. */
const pair: Model = {
  loss: (share, x) => {
    const first = mul(share, density(x, tensorOf(-2), tensorOf(0.5)));
    const second = mul(sub(1, share), density(x, tensorOf(3), tensorOf(2)));
    return neg(mean(log(add(first, second))));
  },
  inputs: [0.25, SCATTER],
  parameters: 1,
  expected: () => {
    const parts = SCATTER.map((x) => [logDensity(x, -2, 0.5), logDensity(x, 3, 2)]);
    const sums = parts.map(([a, b]) => logOfSum([a + Math.log(0.25), b + Math.log(0.75)]));
    return {
      loss: -total(sums) / sums.length,
      gradients: [
        [-total(parts.map(([a, b], i) => Math.exp(a - sums[i]) - Math.exp(b - sums[i]))) / sums.length],
      ],
    };
  },
};

const tensorOf = (value: number): Variable => registry.cast(value, 'float32');

const MARGINS = [-20, 0.5, 0.75, 3, 90];

/** max(0, 1 - m)^(3/2), whose power is NaN in the branch that is not taken. */
const hinge: Model = {
  loss: (m) => sum(where(less(m, 1), pow(sub(1, m), 1.5), 0)),
  inputs: [MARGINS],
  parameters: 1,
  expected: () => ({
    loss: total(MARGINS.map((m) => Math.max(0, 1 - m) ** 1.5)),
    gradients: [MARGINS.map((m) => -1.5 * Math.sqrt(Math.max(0, 1 - m)))],
  }),
};

const FAR = [20_000.25, 20_001, 19_999.5, 20_000, 20_001.75];

/** The variance of numbers that differ in their last digits only. */
const variance: Model = {
  loss: (x) => sub(mean(square(x)), square(mean(x))),
  inputs: [FAR],
  parameters: 1,
  expected: () => {
    const middle = total(FAR) / FAR.length;
    return {
      loss: total(FAR.map((x) => (x - middle) ** 2)) / FAR.length,
      gradients: [FAR.map((x) => (2 * (x - middle)) / FAR.length)],
    };
  },
};

describe('as the textbook writes it', () => {
  test.each<[string, Model]>([
    ['logistic regression', regression((z) => div(1, add(1, exp(neg(z)))))],
    ['logistic regression, the other way to write it', regression((z) => div(exp(z), add(1, exp(z))))],
    ['the log-likelihood of a normal distribution', likelihood((m, s, x) => sum(log(density(x, m, s))))],
    ['the log of a product of densities', likelihood((m, s, x) => log(prod(density(x, m, s))))],
    ['a mixture of normal distributions', mixture],
    ['a mixture of two, written as a sum', pair],
    ['a hinge loss', hinge],
    ['a variance', variance],
  ])('%s', (_, model) => {
    const { loss, gradients } = model.expected();
    const expected = [loss, ...gradients.flat()];
    expect(expected.every(Number.isFinite)).toBe(true);
    expect(error(run(model, 'removesSingularity'), expected)).toBeLessThan(1e-6);
    expect(error(run(model, 'none'), expected)).toBeGreaterThan(1e-2);
  });
});
