/**
 * Every composition of grad, jvp and vmap up to depth 3. The outermost transform is checked by finite differences (or,
 * for vmap, one example at a time) of the function inside it, which the shorter compositions have checked before.
 */
import { describe, expect, test } from 'vitest';
import {
  add,
  broadcastTo,
  compile,
  concat,
  cumsum,
  div,
  einsum,
  exp,
  gather,
  grad,
  greater,
  jvp,
  logSumExp,
  matmul,
  maximum,
  mul,
  norm,
  pow,
  prod,
  reshape,
  sin,
  slice,
  softmax,
  square,
  sub,
  sum,
  Tensor,
  tanh,
  tensor,
  type Variable,
  vmap,
  where,
} from '../../src/index.ts';
import { derivative, relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';

const N = 3;
const BATCH = 2;

/** A function of a vector of N numbers. */
type Function = (x: Variable) => Variable;

const random = uniform(20);
const draw = (...shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return new Tensor(
    shape,
    'float64',
    Float64Array.from({ length: size }, () => 2 * random() - 1),
  );
};

const weights = [draw(N, 4), draw(4, 2)];
const matrix = draw(N, N);

const functions: Record<string, Function> = {
  'a polynomial': (x) => add(mul(x, square(x)), mul(2, x)),
  'sin x e^x': (x) => mul(sin(x), exp(x)),
  'a perceptron': (x) => matmul(tanh(matmul(x, weights[0])), weights[1]),
  softmax: (x) => softmax(mul(x, x)),
  logSumExp: (x) => logSumExp(mul(2, x)),
  'a quadratic form over a norm': (x) => div(einsum('i,ij,j->', x, matrix, x), norm(x)),
  'a product': (x) => prod(add(x, sin(x))),
  'powers chosen by where': (x) => where(greater(x, 0.5), pow(x, 2.5), maximum(sub(1, x), mul(x, x))),
  'slices, joins and running sums': (x) => cumsum(concat([slice(x, [1], [3]), mul(x, slice(x, [0], [1]))])),
  'gathered entries': (x) => {
    const [a, b] = [gather(x, [2, 0, 2, 1]), gather(reshape(x, [N, 1]), 1)];
    return mul(exp(a), b);
  },
};

/** A transform, and its outermost step done with numbers. */
interface Transform {
  name: string;
  apply(f: Function): Function;
  check(f: (x: Float64Array) => Float64Array, x: Float64Array): Float64Array;
}

const direction = draw(N);
const scales = new Tensor([BATCH], 'float64', Float64Array.of(0.8, -1.1));
const weightOf = (i: number): number => Math.cos(1 + i);

/** The outputs of f added with fixed weights. */
function weighted(y: Variable): Variable {
  const size = y.shape.reduce((a, b) => a * b, 1);
  return sum(mul(reshape(y, [size]), tensor(Float64Array.from({ length: size }, (_, i) => weightOf(i)))));
}

const moved = (x: Float64Array, v: ArrayLike<number>, t: number): Float64Array =>
  x.map((each, i) => each + t * v[i]);

const transforms: Transform[] = [
  {
    name: 'grad',
    apply: (f) => grad((x: Variable) => weighted(f(x))),
    check: (f, x) =>
      x.map((_, i) => {
        const unit = x.map((_, k) => (k === i ? 1 : 0));
        return derivative((t) => f(moved(x, unit, t)).reduce((total, y, k) => total + weightOf(k) * y, 0), 0);
      }),
  },
  {
    name: 'jvp',
    apply: (f) => (x) => jvp(f, [x], [direction])[1],
    check: (f, x) => f(x).map((_, k) => derivative((t) => f(moved(x, direction.data, t))[k], 0)),
  },
  {
    name: 'vmap',
    apply: (f) => (x) => vmap(f)(mul(reshape(constantOf(scales), [BATCH, 1]), broadcastTo(x, [BATCH, N]))),
    check: (f, x) =>
      Float64Array.from([...scales.data].flatMap((scale) => [...f(x.map((each) => scale * each))])),
  },
];

const constantOf = (value: Tensor): Variable => add(value, 0);

const numbers = (f: Function): ((x: Float64Array) => Float64Array) => {
  const compiled = compile(f);
  return (x) => compiled(new Tensor([N], 'float64', x)).data as Float64Array;
};

const chains: Transform[][] = [];
for (const a of transforms) {
  chains.push([a]);
  for (const b of transforms) {
    chains.push([a, b]);
    for (const c of transforms) chains.push([a, b, c]);
  }
}

describe.each(Object.entries(functions))('%s', (_, f) => {
  const x = Float64Array.of(0.7, 1.3, 0.9);
  test.each(chains.map((chain) => [chain.map(({ name }) => name).join(' of '), chain] as const))(
    '%s',
    (_, [outer, ...inner]) => {
      const within = inner.reduceRight((g, { apply }) => apply(g), f);
      const found = numbers(outer.apply(within))(x);
      const expected = outer.check(numbers(within), x);
      if (inner.length === 0) expect(found.some((each) => each !== 0)).toBe(true);
      expect(relativeError(found, expected)).toBeLessThan(1e-8);
    },
  );
});
