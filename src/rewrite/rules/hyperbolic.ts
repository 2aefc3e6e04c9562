/** Hyperbolic functions as differences, sums and quotients of exponentials. */
import { getOperation, type Variable } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { uniformValue } from '../../operations/uniform.ts';
import { madeBy, operationOf } from '../axes.ts';
import { type Place, rule } from '../rule.ts';
import { type Bindings, terms, unknown } from '../term.ts';

const { add, sub, mul, div, exp, expm1, sigmoid, sinh, cosh, tanh } = terms;
const x = unknown('x');
const y = unknown('y');
const vector = { shape: [3, 4], domain: { low: -3, high: 3 } };
const [negOperation, subOperation, mulOperation] = [
  operationOf('neg'),
  operationOf('sub'),
  operationOf('mul'),
];

/** A product with a known number: the number, and the other factor. Anything else is once itself. */
function multiple(v: Variable): { factor: number; of: Variable } {
  const negated = madeBy(v, negOperation);
  if (negated !== undefined) {
    const { factor, of } = multiple(negated.inputs[0]);
    return { factor: -factor, of };
  }
  const product = madeBy(v, mulOperation);
  if (product === undefined) return { factor: 1, of: v };
  const place = product.inputs.findIndex((each) => uniformValue(each) !== undefined);
  if (place < 0) return { factor: 1, of: v };
  return { factor: uniformValue(product.inputs[place]) as number, of: product.inputs[1 - place] };
}

/** Whether b is written as -a. */
function areOpposite(a: Variable, b: Variable): boolean {
  const [difference, reverse] = [madeBy(a, subOperation), madeBy(b, subOperation)];
  if (difference !== undefined && reverse !== undefined)
    return difference.inputs[0] === reverse.inputs[1] && difference.inputs[1] === reverse.inputs[0];
  const [left, right] = [multiple(a), multiple(b)];
  return left.of === right.of && left.factor === -right.factor;
}

/** x / 2, without the product if x is written as 2 y. */
function half(x: Variable): Variable {
  const { factor, of } = multiple(x);
  if (Math.abs(factor) !== 2 || getOperation(x) === undefined) return registry.mul(0.5, x);
  return factor > 0 ? of : registry.neg(of);
}

const opposite = ({ variables: { x, y } }: Bindings): boolean => areOpposite(x, y);
const halved = ({ variables: { x } }: Bindings): Variable => registry.tanh(half(x));
/** That the multiple of sigmoid is needed nowhere else: tanh would have to be computed on top of it. */
const neededHereOnly = (_: Bindings, { application: { inputs }, uses }: Place): boolean =>
  inputs.every((each) => getOperation(each) === undefined || uses(each) <= 1);

export const hyperbolicRules = () => [
  rule({
    name: 'hyperbolic cosine',
    class: 'exact',
    pattern: add(exp(x), exp(y)),
    where: opposite,
    replacement: mul(2, cosh(x)),
    examples: [
      { inputs: [vector], call: (x) => registry.add(registry.exp(x), registry.exp(registry.neg(x))) },
      {
        inputs: [vector],
        call: (x) => registry.add(registry.exp(registry.mul(3, x)), registry.exp(registry.mul(-3, x))),
      },
    ],
  }),
  rule({
    name: 'hyperbolic sine',
    class: 'exact',
    pattern: sub(exp(x), exp(y)),
    where: opposite,
    replacement: mul(2, sinh(x)),
    examples: [
      { inputs: [vector], call: (x) => registry.sub(registry.exp(x), registry.exp(registry.neg(x))) },
      {
        inputs: [vector, { ...vector, shape: [4] }],
        call: (x, y) => registry.sub(registry.exp(registry.sub(x, y)), registry.exp(registry.sub(y, x))),
      },
    ],
  }),
  rule({
    name: 'hyperbolic tangent',
    class: 'removesSingularity',
    pattern: div(sinh(x), cosh(x)),
    replacement: tanh(x),
  }),
  rule({
    name: 'hyperbolic tangent by one exponential',
    class: 'removesSingularity',
    pattern: div(expm1(x), add(1, exp(x))),
    replacement: halved,
    says: 'div(expm1(x), add(1, exp(x))) -> tanh(mul(0.5, x))',
    examples: [
      {
        inputs: [vector],
        call: (x) => {
          const e = registry.exp(registry.mul(2, x));
          return registry.div(registry.sub(e, 1), registry.add(e, 1));
        },
      },
      { inputs: [vector], call: (x) => registry.div(registry.expm1(x), registry.add(1, registry.exp(x))) },
    ],
  }),
  rule({
    name: 'tanh by sigmoid',
    class: 'exact',
    pattern: sub(mul(2, sigmoid(x)), 1),
    where: neededHereOnly,
    replacement: halved,
    says: 'sub(mul(2, sigmoid(x)), 1) -> tanh(mul(0.5, x))',
    examples: [
      {
        inputs: [vector],
        call: (x) => registry.sub(registry.mul(2, registry.sigmoid(registry.mul(x, 2))), 1),
      },
    ],
  }),
  rule({
    name: 'tanh by sigmoid, negated',
    class: 'exact',
    pattern: sub(1, mul(2, sigmoid(x))),
    where: neededHereOnly,
    replacement: (found) => registry.neg(halved(found)),
    says: 'sub(1, mul(2, sigmoid(x))) -> neg(tanh(mul(0.5, x)))',
    examples: [{ inputs: [vector], call: (x) => registry.sub(1, registry.mul(2, registry.sigmoid(x))) }],
  }),
];
