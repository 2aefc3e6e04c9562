/**
 * Random composed graphs: forward and reverse mode are transposes of each other, Hessians are symmetric in both ways of
 * making them, and a batch is its examples side by side.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildGradients } from '../../src/autodiff/backprop.ts';
import { pushForward } from '../../src/autodiff/forward.ts';
import { batchGraph } from '../../src/autodiff/vmap.ts';
import { constant, type Gradient, Parameter, sizeOf, Tensor, Variable } from '../../src/graph/index.ts';
import { evaluate, stack } from '../../src/index.ts';
import { relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';
import { graphOfRecipe, type RandomGraph, recipes } from '../support/randomGraph.ts';

type Pairs = readonly (readonly [Variable, Variable])[];

const drawn = (like: Variable, random: () => number): Variable =>
  constant(
    new Tensor(
      like.shape,
      'float64',
      Float64Array.from({ length: sizeOf(like.shape) }, () => 2 * random() - 1),
    ),
  );

/** The sum of the inner products of pairs, and of their absolute terms. */
function inner(pairs: Pairs, feeds: RandomGraph['feeds']): { value: number; size: number } {
  const numbers = evaluate<Variable[]>(pairs.flat(), feeds) as Tensor[];
  let [value, size] = [0, 0];
  for (let i = 0; i < numbers.length; i += 2) {
    numbers[i].data.forEach((each, k) => {
      value += each * numbers[i + 1].data[k];
      size += Math.abs(each * numbers[i + 1].data[k]);
    });
  }
  return { value, size };
}

/** The Variables of a table beside their partners; what is known to be zero is left out. */
const beside = (
  table: ReadonlyMap<Variable, Gradient>,
  of: readonly Variable[],
  partners: readonly Variable[],
): Pairs =>
  of.flatMap((each, i) => {
    const found = table.get(each);
    return found instanceof Variable ? [[found, partners[i]] as const] : [];
  });

const along = (inputs: readonly Variable[], vs: readonly Variable[]): Map<Variable, Variable> =>
  new Map(inputs.map((each, i) => [each, vs[i]]));

function expectEqual(a: { value: number; size: number }, b: { value: number; size: number }): void {
  const scale = Math.max(1, a.size, b.size);
  expect(Math.abs(a.value - b.value) / scale).toBeLessThan(1e-10);
}

test('<u, J v> = <J^T u, v>', () => {
  fc.assert(
    fc.property(recipes('every', 12, 'small'), (recipe) => {
      const { inputs, nodes, feeds } = graphOfRecipe(recipe, 'float64');
      const random = uniform(recipe.seed + 1);
      const outputs = nodes.slice(-2);
      const us = outputs.map((each) => drawn(each, random));
      const vs = inputs.map((each) => drawn(each, random));
      const forward = inner(beside(pushForward(outputs, along(inputs, vs)), outputs, us), feeds);
      const reverse = inner(beside(buildGradients(outputs, inputs, us), inputs, vs), feeds);
      expectEqual(forward, reverse);
    }),
    { numRuns: 150 },
  );
});

test('<u, H v> = <v, H u>, forward over reverse and reverse over reverse', () => {
  fc.assert(
    fc.property(recipes('smooth', 7, 'small'), (recipe) => {
      const { inputs, nodes, feeds } = graphOfRecipe(recipe, 'float64');
      const random = uniform(recipe.seed + 1);
      const output = nodes[nodes.length - 1];
      const [us, vs] = [0, 1].map(() => inputs.map((each) => drawn(each, random)));
      const table = buildGradients([output], inputs, [drawn(output, random)]);
      const pairs = inputs.map((each) => [each, table.get(each)] as const);
      const kept = pairs.filter((pair): pair is readonly [Variable, Variable] => pair[1] instanceof Variable);
      const gradient = kept.map(([, each]) => each);
      const partner = (list: readonly Variable[]): Variable[] =>
        kept.map(([each]) => list[inputs.indexOf(each)]);

      const forward = (v: readonly Variable[], u: readonly Variable[]) =>
        inner(beside(pushForward(gradient, along(inputs, v)), gradient, partner(u)), feeds);
      const reverse = (v: readonly Variable[], u: readonly Variable[]) =>
        inner(beside(buildGradients(gradient, inputs, partner(v)), inputs, u), feeds);
      const first = forward(vs, us);
      for (const other of [forward(us, vs), reverse(vs, us), reverse(us, vs)]) expectEqual(first, other);
    }),
    { numRuns: 80 },
  );
});

test('a batch of examples is the examples side by side, whichever inputs are mapped', () => {
  const BATCH = 3;
  fc.assert(
    fc.property(recipes('every', 10, 'small'), fc.nat(6), (recipe, choice) => {
      const { inputs, nodes, feeds } = graphOfRecipe(recipe, 'float64');
      const random = uniform(recipe.seed + 1);
      const chosen = inputs.filter((_, i) => i === choice % inputs.length || (choice >> i) % 2 === 1);
      const examples = chosen.map((each) => Array.from({ length: BATCH }, () => drawn(each, random)));
      const outputs = nodes.slice(-2);
      const mapped = new Map(chosen.map((each, i) => [each, stack(examples[i])]));
      const found = evaluate<Variable[]>(batchGraph(outputs, mapped, BATCH), feeds) as Tensor[];
      for (let k = 0; k < BATCH; k++) {
        const one = new Map(feeds);
        chosen.forEach((each, i) => {
          const { source } = examples[i][k];
          if (source.kind === 'constant') one.set(each, source.tensor);
        });
        const expected = evaluate<Variable[]>(outputs, one) as Tensor[];
        outputs.forEach((output, i) => {
          const size = sizeOf(output.shape);
          expect(found[i].shape).toEqual([BATCH, ...output.shape]);
          const own = found[i].data.subarray(k * size, (k + 1) * size);
          expect(relativeError(own, expected[i].data)).toBeLessThan(1e-12);
        });
      }
    }),
    { numRuns: 80 },
  );
});

test('the gradient of a batch is the gradients of its examples', () => {
  const BATCH = 2;
  fc.assert(
    fc.property(recipes('smooth', 7, 'small'), (recipe) => {
      const { inputs, nodes, feeds } = graphOfRecipe(recipe, 'float64');
      const random = uniform(recipe.seed + 1);
      const output = nodes[nodes.length - 1];
      const weights = drawn(output, random);
      const examples = Array.from({ length: BATCH }, () => drawn(inputs[0], random));
      const gradientOf = (z: Variable, x: Variable, seed: Variable): Gradient | undefined =>
        buildGradients([z], [x], [seed]).get(x);
      const single = gradientOf(output, inputs[0], weights);
      if (!(single instanceof Variable)) return;
      const batch = stack(examples);
      const [mapped] = batchGraph([single], new Map([[inputs[0], batch]]), BATCH);
      const stacked = new Parameter(evaluate<Variable>(batch) as Tensor, undefined, true);
      const [outputs] = batchGraph([output], new Map([[inputs[0], stacked]]), BATCH);
      const whole = gradientOf(outputs, stacked, stack(Array.from({ length: BATCH }, () => weights)));
      const [a, b] = evaluate<Variable[]>([mapped, whole as Variable], feeds) as Tensor[];
      expect(relativeError(a.data, b.data)).toBeLessThan(1e-11);
    }),
    { numRuns: 60 },
  );
});
