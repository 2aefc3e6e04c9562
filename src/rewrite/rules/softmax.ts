/** Normalised exponentials as the textbook writes them. */
import { rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';

const { exp, div, sum, log, logSoftmax, softmax } = terms;
const x = unknown('x');

export const softmaxRules = [
  rule({
    name: 'softmax',
    class: 'removesSingularity',
    pattern: div(exp(x), sum(exp(x), attributes('sum'))),
    where: ({ variables: { x }, attributes: { sum } }) =>
      sum.axes.length === 1 && (sum.keepDims || x.rank === 1),
    replacement: softmax(
      x,
      attributes(({ attributes: { sum } }) => ({ axis: sum.axes[0] })),
    ),
  }),
  rule({
    name: 'log of softmax',
    class: 'removesSingularity',
    pattern: log(softmax(x, attributes('along'))),
    replacement: logSoftmax(x, attributes('along')),
  }),
  rule({
    name: 'exponential of log-softmax',
    class: 'exact',
    pattern: exp(logSoftmax(x, attributes('along'))),
    replacement: softmax(x, attributes('along')),
  }),
];
