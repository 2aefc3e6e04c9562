/** The logistic function and its logarithm in all the ways in which they are written, and the tails of the error function. */
import type { Variable } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { isNonnegative } from '../facts.ts';
import { rangeOf } from '../range.ts';
import { type Place, rule } from '../rule.ts';
import { type Bindings, terms, unknown } from '../term.ts';

const { add, sub, mul, div, neg, square, reciprocal, exp, expm1, log, log1p, log1mexp } = terms;
const { sigmoid, softplus, logSigmoid, logit, logaddexp, erf } = terms;
const x = unknown('x');
const y = unknown('y');
const share = { shape: [3, 4], domain: { low: 0.1, high: 0.9 } };
const vector = { shape: [3, 4], domain: { low: -3, high: 3 } };

/** That none of the operands is needed elsewhere: the right side would have to be computed on top of it. */
const neededHereOnly = (_: Bindings, { application: { inputs }, uses }: Place): boolean =>
  inputs.every((each) => each.source.kind !== 'output' || uses(each) <= 1);

/** From here on 1 - erf(x) loses more digits than its logarithm gains by log1p. */
const TAIL = 0.5;
/** What log1p is given goes on a little further, so that the bound has no say in derivatives where the branches meet. */
const BEYOND = 0.75;

/** log(1 - erf(x)) with all digits: before the tail by log1p, in it by erfc, which does not cancel. */
function logOfTail(x: Variable): Variable {
  const { where, less, log1p, neg, erf, erfc, minimum, log } = registry;
  return where(less(x, TAIL), log1p(neg(erf(minimum(x, BEYOND)))), log(erfc(x)));
}

const reachesTail = ({ variables: { x } }: Bindings): boolean => rangeOf(x).high > BEYOND;
const reachesOtherTail = ({ variables: { x } }: Bindings): boolean => rangeOf(x).low < -BEYOND;

export const logisticRules = () => [
  rule({
    name: 'logistic function of -x',
    class: 'removesSingularity',
    pattern: reciprocal(add(1, exp(x))),
    replacement: sigmoid(neg(x)),
  }),
  rule({
    name: 'logistic function',
    class: 'removesSingularity',
    pattern: div(exp(x), add(1, exp(x))),
    replacement: sigmoid(x),
  }),
  rule({
    name: 'multiple of the logistic function',
    class: 'removesSingularity',
    pattern: div(mul(y, exp(x)), add(1, exp(x))),
    replacement: mul(y, sigmoid(x)),
  }),
  rule({
    name: 'multiple of the logistic function of -x',
    class: 'removesSingularity',
    pattern: div(y, add(1, exp(x))),
    replacement: mul(y, sigmoid(neg(x))),
  }),
  rule({
    name: 'logistic function of a difference',
    class: 'removesSingularity',
    pattern: div(exp(x), add(exp(x), exp(y))),
    replacement: sigmoid(sub(x, y)),
  }),
  rule({
    name: 'logistic density',
    class: 'removesSingularity',
    pattern: div(exp(x), square(add(1, exp(x)))),
    replacement: mul(sigmoid(x), sigmoid(neg(x))),
  }),
  rule({
    name: 'one minus sigmoid',
    class: 'exact',
    pattern: sub(1, sigmoid(x)),
    where: neededHereOnly,
    replacement: sigmoid(neg(x)),
    examples: [{ inputs: [vector], call: (x) => registry.sub(1, registry.sigmoid(x)) }],
  }),
  rule({
    name: 'odds of a sigmoid',
    class: 'removesSingularity',
    pattern: div(sigmoid(x), sub(1, sigmoid(x))),
    replacement: exp(x),
  }),
  rule({
    name: 'quotient of opposite sigmoids',
    class: 'removesSingularity',
    pattern: div(sigmoid(x), sigmoid(neg(x))),
    replacement: exp(x),
  }),
  rule({
    name: 'log of sigmoid',
    class: 'removesSingularity',
    pattern: log(sigmoid(x)),
    replacement: logSigmoid(x),
  }),
  rule({
    name: 'log of one minus sigmoid',
    class: 'removesSingularity',
    pattern: log1p(neg(sigmoid(x))),
    replacement: neg(softplus(x)),
  }),
  rule({ name: 'softplus', class: 'removesSingularity', pattern: log1p(exp(x)), replacement: softplus(x) }),
  rule({ name: 'softplus by logaddexp', class: 'exact', pattern: logaddexp(x, 0), replacement: softplus(x) }),
  rule({
    name: 'softplus of -x',
    class: 'exact',
    pattern: softplus(neg(x)),
    replacement: neg(logSigmoid(x)),
  }),
  rule({
    name: 'log-sigmoid of -x',
    class: 'exact',
    pattern: logSigmoid(neg(x)),
    replacement: neg(softplus(x)),
  }),
  rule({
    name: 'x minus softplus',
    class: 'removesSingularity',
    pattern: sub(x, softplus(x)),
    replacement: logSigmoid(x),
  }),
  rule({
    name: 'softplus minus x',
    class: 'removesSingularity',
    pattern: sub(softplus(x), x),
    replacement: neg(logSigmoid(x)),
  }),
  rule({
    name: 'x minus log-sigmoid',
    class: 'removesSingularity',
    pattern: sub(x, logSigmoid(x)),
    replacement: softplus(x),
  }),
  rule({
    name: 'log-sigmoid minus x',
    class: 'removesSingularity',
    pattern: sub(logSigmoid(x), x),
    replacement: neg(softplus(x)),
  }),
  rule({
    name: 'softplus plus log-sigmoid',
    class: 'removesSingularity',
    pattern: add(softplus(x), logSigmoid(x)),
    replacement: x,
  }),
  rule({
    name: 'exponential of log-sigmoid',
    class: 'exact',
    pattern: exp(logSigmoid(x)),
    replacement: sigmoid(x),
  }),
  rule({
    name: 'exponential of minus softplus',
    class: 'exact',
    pattern: exp(neg(softplus(x))),
    replacement: sigmoid(neg(x)),
  }),
  rule({
    name: 'exponential of softplus',
    class: 'exact',
    pattern: exp(softplus(x)),
    replacement: add(1, exp(x)),
  }),
  rule({ name: 'expm1 of softplus', class: 'exact', pattern: expm1(softplus(x)), replacement: exp(x) }),
  rule({
    name: 'log1mexp of log-sigmoid',
    class: 'removesSingularity',
    pattern: log1mexp(logSigmoid(x)),
    replacement: neg(softplus(x)),
  }),
  rule({
    name: 'log1mexp of minus softplus',
    class: 'removesSingularity',
    pattern: log1mexp(neg(softplus(x))),
    replacement: logSigmoid(x),
  }),
  rule({
    name: 'log of odds',
    class: 'removesSingularity',
    pattern: log(div(x, sub(1, x))),
    replacement: logit(x),
    examples: [{ inputs: [share], call: (x) => registry.log(registry.div(x, registry.sub(1, x))) }],
  }),
  rule({
    name: 'log-odds as a difference',
    class: 'removesSingularity',
    pattern: sub(log(x), log1p(neg(x))),
    where: neededHereOnly,
    replacement: logit(x),
    examples: [
      {
        inputs: [share],
        call: (x) => registry.sub(registry.log(x), registry.log(registry.sub(1, x))),
      },
    ],
  }),
  rule({ name: 'logit of sigmoid', class: 'removesSingularity', pattern: logit(sigmoid(x)), replacement: x }),
  rule({
    name: 'sigmoid of logit',
    class: 'removesSingularity',
    pattern: sigmoid(logit(x)),
    where: ({ variables: { x } }) => rangeOf(x).high <= 1 && (isNonnegative(x) || rangeOf(x).low >= 0),
    replacement: x,
    examples: [
      { inputs: [vector], call: (x) => registry.sigmoid(registry.logit(registry.square(registry.sin(x)))) },
    ],
  }),
  rule({
    name: 'one minus erf',
    class: 'removesSingularity',
    pattern: sub(1, erf(x)),
    where: neededHereOnly,
    replacement: ({ variables: { x } }) => registry.erfc(x),
    says: 'sub(1, erf(x)) -> erfc(x)',
    examples: [{ inputs: [vector], call: (x) => registry.sub(1, registry.erf(x)) }],
  }),
  rule({
    name: 'log of a tail of erf',
    class: 'removesSingularity',
    pattern: log1p(neg(erf(x))),
    where: reachesTail,
    replacement: ({ variables: { x } }) => logOfTail(x),
    says: 'log1p(neg(erf(x))) -> log(erfc(x)), near 0 as it is',
    examples: [{ inputs: [vector], call: (x) => registry.log1p(registry.neg(registry.erf(x))) }],
  }),
  rule({
    name: 'log of the other tail of erf',
    class: 'removesSingularity',
    pattern: log1p(erf(x)),
    where: reachesOtherTail,
    replacement: ({ variables: { x } }) => logOfTail(registry.neg(x)),
    says: 'log1p(erf(x)) -> log(erfc(neg(x))), near 0 as it is',
    examples: [{ inputs: [vector], call: (x) => registry.log(registry.add(1, registry.erf(x))) }],
  }),
];
