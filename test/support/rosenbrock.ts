/** The chained function of Rosenbrock (1960): a curved valley, and one minimum of 0 where every element is 1. */
import type { Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';

const { add, mul, slice, square, sub, sum } = registry;

/** sum of 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2 over i, for x of shape [n] with n at least 2. */
export function rosenbrock(x: Variable): Variable {
  const n = x.shape[0];
  const here = slice(x, [0], [n - 1]);
  const next = slice(x, [1], [n]);
  return add(mul(100, sum(square(sub(next, square(here))))), sum(square(sub(1, here))));
}

/** The start that is usual: -1.2, 1, -1.2, 1, ... */
export function rosenbrockStart(n: number): number[] {
  return Array.from({ length: n }, (_, i) => (i % 2 === 0 ? -1.2 : 1));
}

/**
 * The Hessian of {@link rosenbrock}, which is tridiagonal and symmetric: its main diagonal, and the one beside it.
 * Each term 100 (b - a^2)^2 + (1 - a)^2 has the second derivatives 1200 a^2 - 400 b + 2 (aa), -400 a (ab) and 200 (bb).
 */
export function rosenbrockHessian(x: readonly number[]): { diagonal: number[]; beside: number[] } {
  const last = x.length - 1;
  const diagonal = x.map((a, i) => (i < last ? 1200 * a ** 2 - 400 * x[i + 1] + 2 : 0) + (i > 0 ? 200 : 0));
  return { diagonal, beside: x.slice(0, -1).map((a) => -400 * a) };
}
