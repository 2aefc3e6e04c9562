/** Jacobians by differences, and random graphs as functions. */
import { rebuild, type Tensor } from '../../src/graph/index.ts';
import { evaluate, input, tensor, type Variable } from '../../src/index.ts';
import { graphOfRecipe, type Recipe } from './randomGraph.ts';

/** The last nodes of a random graph as a function of all its inputs, with numbers to call it on. */
export function functionOfRecipe(
  recipe: Recipe,
  outputs: number,
): { f: (xs: readonly Variable[]) => Variable[]; at: readonly Tensor[] } {
  const { inputs, nodes, feeds } = graphOfRecipe(recipe, 'float64');
  return {
    f: (xs) => rebuild(nodes.slice(-outputs), new Map(inputs.map((each, i) => [each, xs[i]]))),
    at: inputs.map((each) => feeds.get(each) as Tensor),
  };
}

/**
 * The Jacobian of f at x (float64, given in row-major order), by central differences with two extrapolations: [outputs,
 * inputs], both flattened.
 */
export function numericalJacobian(
  f: (x: Variable) => Variable,
  x: ArrayLike<number>,
  shape: readonly number[],
): number[][] {
  const open = input(shape, { dtype: 'float64' });
  const value = f(open);
  const at = (j: number, by: number): Float64Array => {
    const data = Float64Array.from(x, (each, k) => (k === j ? each + by : each));
    return Float64Array.from(evaluate(value, new Map([[open, tensor(data, { shape })]])).data);
  };
  const columns = Array.from(x, (_, j) => {
    const [coarse, middle, fine] = [0.006, 0.003, 0.0015].map((h) => {
      const down = at(j, -h);
      return at(j, h).map((each, i) => (each - down[i]) / (2 * h));
    });
    return coarse.map((each, i) => {
      const first = (4 * middle[i] - each) / 3;
      const second = (4 * fine[i] - middle[i]) / 3;
      return (16 * second - first) / 15;
    });
  });
  const rows = columns[0]?.length ?? 0;
  return Array.from({ length: rows }, (_, i) => columns.map((column) => column[i]));
}
