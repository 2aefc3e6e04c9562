/**
 * Chains of matrix products in the order that takes the fewest operations: dynamic programming over where to split
 * (Cormen, Leiserson, Rivest and Stein, "Introduction to Algorithms", 15.2).
 *
 * Exact in the sense of norms: whatever the order, the error of A B C is at most a small multiple of the unit roundoff times
 * |A| |B| |C| (Higham, "Accuracy and Stability of Numerical Algorithms", 3.5).
 */
import { type Application, apply, isFloat, type Variable } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { madeBy, operationOf } from '../axes.ts';
import { ROOM, rangeOf } from '../range.ts';
import { type Place, type Rule, type RuleExample, rule } from '../rule.ts';
import { exampleOf } from './examples.ts';

const { matmul, sin } = registry;
const matmulOperation = operationOf('matmul');

/** Longer chains are ordered piece by piece. */
const LONGEST = 12;

/** A new order must cost less than this part of the old one. */
const LESS = 0.9;

/** Multiplications in one product of a [n, k] and a [k, m]. */
const costOf = ([a, b]: readonly Variable[]): number =>
  a.shape[a.rank - 2] * a.shape[a.rank - 1] * b.shape[b.rank - 1];

/** The factors of a product of products that nothing else needs, and what multiplying them as it stands costs. */
function chainOf({ inputs }: Application, { uses }: Place): { factors: Variable[]; cost: number } {
  let factors = [...inputs];
  let cost = costOf(inputs);
  for (let i = 0; i < factors.length && factors.length < LONGEST; ) {
    const product = uses(factors[i]) > 1 ? undefined : madeBy(factors[i], matmulOperation);
    if (product === undefined) {
      i++;
      continue;
    }
    cost += costOf(product.inputs);
    factors = [...factors.slice(0, i), ...product.inputs, ...factors.slice(i + 1)];
  }
  return { factors, cost };
}

/** The least cost of a chain of matrices [extents[i], extents[i + 1]], and where to split each stretch of it. */
export function bestOrder(extents: readonly number[]): {
  cost: number;
  splits: readonly (readonly number[])[];
} {
  const count = extents.length - 1;
  const costs = extents.map(() => new Array<number>(count).fill(0));
  const splits = extents.map(() => new Array<number>(count).fill(0));
  for (let length = 1; length < count; length++) {
    for (let first = 0; first + length < count; first++) {
      const last = first + length;
      costs[first][last] = Infinity;
      for (let split = first; split < last; split++) {
        const outer = extents[first] * extents[split + 1] * extents[last + 1];
        const cost = costs[first][split] + costs[split + 1][last] + outer;
        if (cost >= costs[first][last]) continue;
        costs[first][last] = cost;
        splits[first][last] = split;
      }
    }
  }
  return { cost: costs[0][count - 1], splits };
}

/** Whether no product of stretches of the chain can overflow: what is known of the entries bounds them all. */
function staysFinite(factors: readonly Variable[]): boolean {
  let size = 1;
  for (const each of factors) {
    const { low, high } = rangeOf(each);
    size *= Math.max(1, -low, high) * each.shape[each.rank - 1];
  }
  return !isFloat(factors[0].dtype) || size <= (ROOM[factors[0].dtype] ?? 0);
}

function reordered(place: Place, fits: (factors: readonly Variable[]) => boolean): Variable | undefined {
  const { factors, cost } = chainOf(place.application, place);
  if (factors.length < 3) return undefined;
  const extents = [
    ...factors.map((each) => each.shape[each.rank - 2]),
    factors[factors.length - 1].shape.at(-1) ?? 1,
  ];
  const best = bestOrder(extents);
  if (!(best.cost < LESS * cost) || !fits(factors)) return undefined;
  // No deeper than LONGEST.
  const multiply = (first: number, last: number): Variable => {
    if (first === last) return factors[first];
    const split = best.splits[first][last];
    return apply(matmulOperation, [multiply(first, split), multiply(split + 1, last)], {});
  };
  return multiply(0, factors.length - 1);
}

const examples = (entries: (v: Variable) => Variable): RuleExample[] => [
  exampleOf(
    [
      [5, 6],
      [6, 7],
      [7, 1],
    ],
    (...each) => {
      const [a, b, v] = each.map(entries);
      return matmul(matmul(a, b), v);
    },
  ),
  exampleOf(
    [
      [1, 5],
      [5, 4],
      [4, 6],
      [6, 2],
    ],
    (...each) => {
      const [v, a, b, c] = each.map(entries);
      return matmul(v, matmul(a, matmul(b, c)));
    },
  ),
  exampleOf(
    [
      [2, 5, 6],
      [2, 6, 7],
      [2, 7, 1],
    ],
    (...each) => {
      const [a, b, v] = each.map(entries);
      return matmul(matmul(a, b), v);
    },
  ),
];

/**
 * In any order, if the entries are known to be bounded (or are integers, whose products are equal in any order). Else a part
 * of the product may overflow in one order and not in the other, and a NaN come of it.
 */
export const matrixChainRules = (): readonly Rule[] => [
  rule({
    name: 'order of a chain of bounded matrices',
    class: 'exact',
    dtypes: 'number',
    on: matmulOperation,
    says: '(A B) v -> A (B v), where that takes fewer operations',
    replacement: (_, place) => reordered(place, staysFinite),
    examples: examples((v) => (isFloat(v.dtype) ? sin(v) : v)),
  }),
  rule({
    name: 'order of a chain of matrices',
    class: 'fastMath',
    on: matmulOperation,
    says: '(A B) v -> A (B v), where that takes fewer operations',
    replacement: (_, place) => reordered(place, () => true),
    examples: examples((v) => v),
  }),
];
