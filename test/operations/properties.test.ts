/** Random graphs: every backend computes what the reference does, and gradients are what finite differences find. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { type FloatDType, print, type Tensor, type Variable, validate } from '../../src/graph/index.ts';
import { backends, reference } from '../support/backends.ts';
import { weightedSum } from '../support/build.ts';
import { EPSILON, largest, numericalGradient, relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';
import { graphOfRecipe, type RandomGraph, type Recipe, recipes } from '../support/randomGraph.ts';

const SEED = 20250101;

/** Runs `property` on random recipes; a failure shows the graph of the smallest one. */
function forAll(arbitrary: fc.Arbitrary<Recipe>, numRuns: number, property: (recipe: Recipe) => void): void {
  const shown = (recipe: Recipe): void => {
    try {
      property(recipe);
    } catch (error) {
      if (error instanceof Error && error.name !== 'PreconditionFailure') {
        error.message += `\nin the graph\n${print(graphOfRecipe(recipe, 'float64').nodes)}`;
      }
      throw error;
    }
  };
  fc.assert(fc.property(arbitrary, shown), { seed: SEED, numRuns });
}

/** The numbers of the nodes; recipes with large ones are skipped, for rounding and truncation grow with them. */
function tame({ nodes, feeds }: RandomGraph, bound: number): Tensor[] {
  const values = reference.evaluate(nodes, feeds);
  fc.pre(values.every(({ data }) => largest(data) < bound));
  return values;
}

/** A scalar that depends on the last node and on one in the middle. */
function scalarOf({ nodes }: RandomGraph, dtype: FloatDType): Variable {
  return weightedSum([nodes[nodes.length >> 1], nodes[nodes.length - 1]], uniform(5), dtype);
}

const zeros = { disconnected: 'zero' } as const;

describe('gradients of random graphs', () => {
  test('are what finite differences find', () => {
    forAll(recipes('smooth', 12, 'small'), 120, (recipe) => {
      const graph = graphOfRecipe(recipe, 'float64');
      tame(graph, 10);
      const { inputs, feeds } = graph;
      const z = scalarOf(graph, 'float64');
      const found = gradients(z, inputs, zeros);
      validate(found);
      const values = reference.evaluate(found, feeds);
      const f = (): number => reference.evaluate([z], feeds)[0].data[0];
      inputs.forEach((each, i) => {
        const expected = numericalGradient(f, feeds.get(each)!.data, 0.004);
        expect(relativeError(values[i].data, expected, 0.1)).toBeLessThan(1e-7);
      });
    });
  });

  test('have a symmetric derivative', () => {
    forAll(recipes('smooth', 6, 'small'), 100, (recipe) => {
      const graph = graphOfRecipe(recipe, 'float64');
      tame(graph, 10);
      const { inputs, feeds } = graph;
      const gradient = gradients(scalarOf(graph, 'float64'), inputs, zeros);
      const along = (seed: number): Variable[] =>
        gradients(weightedSum(gradient, uniform(seed)), inputs, zeros);
      const [hv, hu] = [along(1), along(2)];
      const products = [weightedSum(hv, uniform(2)), weightedSum(hu, uniform(1))];
      const [one, other, ...rows] = reference.evaluate([...products, ...hv, ...hu], feeds);
      const scale = Math.max(1, ...rows.map(({ data }) => largest(data)));
      expect(Math.abs(one.data[0] - other.data[0]) / scale).toBeLessThan(1e-11);
    });
  });
});

/**
 * How far rounding may carry a result: what it does to the reference when each operation rounds to float32, for
 * that measures how the graph amplifies it, and a few epsilons of the largest number in the graph.
 */
function slack(exact: Tensor, rounded: Tensor, scale: number, dtype: FloatDType): number {
  const drift = largest(Float64Array.from(exact.data, (value, i) => value - rounded.data[i]));
  const amplified = (drift * EPSILON[dtype]) / EPSILON.float32;
  return 16 * (amplified + EPSILON[dtype] * Math.max(1, scale));
}

describe.each(backends)('$name on random graphs', ({ evaluate }) => {
  const agrees = (
    recipe: Recipe,
    dtype: FloatDType,
    outputsOf: (graph: RandomGraph, d: FloatDType) => Variable[],
  ) => {
    const graph = graphOfRecipe(recipe, dtype);
    const [single, double] = [graphOfRecipe(recipe, 'float32'), graphOfRecipe(recipe, 'float64')];
    const nodes = tame(double, 100);
    const exact = reference.evaluate(outputsOf(double, 'float64'), double.feeds);
    const rounded = reference.evaluate(outputsOf(single, 'float32'), single.feeds);
    const scale = Math.max(...[...nodes, ...exact].map(({ data }) => largest(data)));
    evaluate(outputsOf(graph, dtype), graph.feeds).forEach((found, i) => {
      expect(`${found.dtype}[${found.shape}]`).toBe(`${dtype}[${exact[i].shape}]`);
      const error = largest(Float64Array.from(found.data, (value, j) => value - exact[i].data[j]));
      expect(error).toBeLessThanOrEqual(slack(exact[i], rounded[i], scale, dtype));
    });
  };

  test.each(['float32', 'float64'] as const)('computes the values of the reference in %s', (dtype) => {
    forAll(recipes('every', 20, 'large'), 200, (recipe) =>
      agrees(recipe, dtype, ({ nodes }) => [...nodes.slice(-3)]),
    );
  });

  test.each(['float32', 'float64'] as const)('computes the gradients of the reference in %s', (dtype) => {
    forAll(recipes('smooth', 10, 'large'), 100, (recipe) =>
      agrees(recipe, dtype, (graph, d) => gradients(scalarOf(graph, d), graph.inputs, zeros)),
    );
  });
});
