/** Logarithms of products and sums of exponentials, as they stand in likelihoods. */
import { registry } from '../../operations/index.ts';
import { operationOf } from '../axes.ts';
import { rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';
import { exponentOf, logOfForm, logOfProduct } from './exponentialForm.ts';

const {
  add,
  div,
  exp,
  log,
  log1p,
  mul,
  neg,
  prod,
  sigmoid,
  softplus,
  square,
  sub,
  sum,
  mean,
  where,
  greater,
} = registry;
const x = unknown('x');
const real = { low: -3, high: 3 };
const vector = { shape: [3, 4], domain: real };
const row = { shape: [4], domain: real };
const positive = { shape: [4], domain: { low: 0.3, high: 3 } };

export const logarithmRules = () => [
  rule({
    name: 'log of a product over axes',
    class: 'removesSingularity',
    pattern: terms.log(terms.prod(x, attributes('axes'))),
    replacement: ({ variables: { x }, attributes: { axes } }) => logOfProduct(x, axes),
    says: 'log(prod(x)) -> sum(log(abs(x))) + log(prod(sign(x)))',
    examples: [
      { inputs: [{ shape: [3, 5], domain: { low: 0.3, high: 2 } }], call: (x) => log(prod(x, 1)) },
      { inputs: [vector], call: (x) => log(prod(softplus(x), 0, { keepDims: true })) },
      { inputs: [vector, positive], call: (x, s) => log(prod(div(exp(x), s))) },
    ],
  }),
  rule({
    name: 'log of weighted exponentials',
    class: 'removesSingularity',
    on: operationOf('log'),
    replacement: (_, { application: { inputs } }) => logOfForm(inputs[0]),
    says: 'log(w exp(x)) -> log(w) + x, log(sum(w exp(x))) -> logSumExp(x, weights w), log(exp(x) + exp(y)) -> logaddexp(x, y)',
    examples: [
      { inputs: [vector, positive], call: (x, w) => log(mul(w, exp(x))) },
      {
        inputs: [vector, positive],
        call: (x, s) => log(div(exp(mul(-0.5, square(div(x, s)))), mul(s, 2.5))),
      },
      { inputs: [vector, row], call: (x, y) => log(add(exp(x), exp(y))) },
      { inputs: [vector], call: (x) => log(add(2, exp(x))) },
      { inputs: [vector], call: (x) => log(sum(exp(x))) },
      { inputs: [vector], call: (x) => log(sum(exp(x), 1, { keepDims: true })) },
      { inputs: [vector], call: (x) => log(mean(exp(x), 0)) },
      { inputs: [vector, positive], call: (x, w) => log(sum(mul(w, exp(x)), 1)) },
      { inputs: [vector, positive], call: (x, w) => log(sum(div(exp(x), w), 0)) },
      { inputs: [vector, row], call: (x, y) => log(sum(where(greater(y, 0), exp(x), 0), 0)) },
      { inputs: [vector, row], call: (x, y) => log(mul(sigmoid(x), sigmoid(y))) },
      {
        inputs: [vector, positive, positive],
        call: (x, v, w) => log(add(mul(v, exp(x)), mul(sub(4, w), exp(mul(2, x))))),
      },
      { inputs: [vector, positive], call: (x, w) => log(sum(mul(w, prod(exp(x), 0)))) },
      { inputs: [positive], call: (x) => log(sub(exp(mul(2, x)), exp(x))) },
      { inputs: [vector], call: (x) => log(sub(25, exp(x))) },
      { inputs: [vector, positive], call: (x, w) => log(mul(neg(w), neg(exp(x)))) },
    ],
  }),
  rule({
    name: 'softplus of an exponent',
    class: 'removesSingularity',
    on: operationOf('log1p'),
    replacement: (_, { application: { inputs } }) => {
      const exponent = exponentOf(inputs[0]);
      return exponent && softplus(exponent);
    },
    says: 'log1p(c exp(x)) -> softplus(log(c) + x)',
    examples: [
      { inputs: [vector], call: (x) => log(add(1, mul(0.5, exp(x)))) },
      { inputs: [vector, row], call: (x, y) => log1p(mul(exp(x), exp(y))) },
    ],
  }),
];
