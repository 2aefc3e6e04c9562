import { describe, expect, test } from 'vitest';
import {
  compile,
  countApplications,
  expectClose,
  grad,
  input,
  jacobian,
  jacobianCost,
  leaf,
  type Matrix,
  matmul,
  mul,
  operationCount,
  randomMatrices,
  square,
  sub,
  sum,
  tanh,
  tensor,
  times,
  type Variable,
  valueOf,
  withRewriting,
} from './support.ts';

/** y = A B C D x: the Jacobian is the product A B C D (eq. 6.58), and a mode is an order of multiplying it. */
function chain(sizes: readonly number[]): {
  f: (x: Variable) => Variable;
  layers: (x: Variable) => Variable;
  factors: Matrix[];
} {
  const random = randomMatrices(sizes[0]);
  const factors = sizes.slice(1).map((size, i) => random(size, sizes[i]));
  const weights = factors.map((each) => tensor(each, { dtype: 'float64' }));
  return {
    f: (x) => weights.reduce<Variable>((h, w) => matmul(w, h), x),
    layers: (x) => weights.reduce<Variable>((h, w) => tanh(matmul(w, h)), x),
    factors,
  };
}

interface Counts {
  readonly forward: number;
  readonly reverse: number;
  readonly bottleneck: number;
}

/**
 * Multiplications and additions of A B C D from the right (forward mode), from the left (reverse mode), and from both
 * ends of the narrowest layer, if that is narrower than both x and y.
 */
function counts(sizes: readonly number[]): Counts {
  const inner = sizes.slice(1, -1);
  const [first, last] = [sizes[0], sizes[sizes.length - 1]];
  const sum = (terms: readonly number[]): number => terms.reduce((total, each) => total + 2 * each, 0);
  const width = Math.min(...inner);
  const waist = sizes.indexOf(width, 1);
  return {
    forward: sum(inner.map((size, i) => first * size * sizes[i + 2])),
    reverse: sum(inner.map((size, i) => last * size * sizes[i])),
    bottleneck:
      width < Math.min(first, last)
        ? sum([
            ...sizes.slice(1, waist).map((size, i) => width * size * sizes[i]),
            ...sizes.slice(waist + 1, -1).map((size, i) => width * size * sizes[waist + i + 2]),
            first * width * last,
          ])
        : Infinity,
  };
}

const CHAINS: [string, number[], keyof Counts][] = [
  ['wide', [40, 30, 20, 10, 3], 'reverse'],
  ['tall', [3, 10, 20, 30, 40], 'forward'],
  ['square', [12, 12, 12, 12, 12], 'reverse'],
  ['wide, and wider inside,', [20, 300, 16, 16, 15], 'forward'],
  ['narrow-waisted', [20, 15, 2, 15, 20], 'bottleneck'],
];

describe.each(CHAINS)('E17: the Jacobian of a %s chain, sizes %j', (_, sizes, cheaper) => {
  const { f, layers, factors } = chain(sizes);
  const x = input([sizes[0]], { dtype: 'float64' });
  const cost = jacobianCost(f)(x);

  test('reports what each order of multiplying costs, to the last operation', () => {
    expect(cost).toEqual({ ...counts(sizes), mode: cheaper });
    expect(operationCount(jacobian(f, { mode: 'forward' })(x))).toBe(cost.forward);
    expect(operationCount(jacobian(f, { mode: 'reverse' })(x))).toBe(cost.reverse);
  });

  test('is computed in the cheapest', () => {
    const found = jacobian(f)(x);
    expect(operationCount(found)).toBe(Math.min(cost.forward, cost.reverse, cost.bottleneck));
    expect(countApplications([found], 'matmul')).toBe(factors.length - 1);
  });

  test('is A B C D in every mode', () => {
    const product = factors.reduceRight((right, each) => times(right, each));
    for (const mode of ['forward', 'reverse', 'auto'] as const)
      expectClose(valueOf(jacobian(f, { mode })(leaf(new Array<number>(sizes[0]).fill(1)))), product);
  });

  test('with activations between, is the chain with their slopes: diag(s4) A diag(s3) B diag(s2) C diag(s1) D', () => {
    const at = Array.from({ length: sizes[0] }, (_, i) => Math.sin(i));
    let value = at.map((each) => [each]);
    let product: Matrix | undefined;
    for (const factor of factors) {
      value = times(factor, value).map(([each]) => [Math.tanh(each)]);
      const scaled = factor.map((row, i) => row.map((each) => each * (1 - value[i][0] ** 2)));
      product = product === undefined ? scaled : times(scaled, product);
    }
    const costs = jacobianCost(layers)(x);
    const run = compile(jacobian(layers));
    expectClose(run(tensor(at, { dtype: 'float64' })).toArray(), product as Matrix);
    const plain = withRewriting('none', () => jacobian(layers)(x));
    expect(operationCount(plain)).toBe(costs[costs.mode]);
    expect(operationCount(jacobian(layers)(x))).toBeLessThanOrEqual(costs[costs.mode]);
  });
});

test('E17: what is elementwise from end to end costs its diagonal, and laying it out', () => {
  const f = (x: Variable): Variable => square(sub(square(x), mul(x, 3)));
  const x = input([10]);
  const { forward, reverse } = jacobianCost(f)(x);
  // The slopes of f for 10 elements, and 100 elements chosen by comparing two indices.
  const slopes = operationCount(withRewriting('none', () => grad((v: Variable) => sum(f(v)))(x)));
  for (const each of [forward, reverse]) expect(each).toBeLessThanOrEqual(slopes + 10 + 2 * 100);
  expectClose(valueOf(jacobian(f)(leaf([1, 2]))), [
    [4, 0],
    [0, -4],
  ]);
});
