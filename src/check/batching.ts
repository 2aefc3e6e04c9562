/** `vmap` of an operation, held against the operation on one example after the other. */
import { batchGraph } from '../autodiff/vmap.ts';
import type { Backend } from '../engine/backend.ts';
import { ancestors, filled, type Tensor, type Variable } from '../graph/index.ts';
import type { Sample } from '../operations/index.ts';
import { build } from './call.ts';
import { drawInputs } from './draw.ts';
import { batchesOf, derivativesOf, sideBySide } from './graphs.ts';
import { uniform } from './random.ts';
import { evaluateOn } from './run.ts';

export interface BatchingResult {
  /** What is wrong, if something is. */
  readonly failure: string | undefined;
  /** Operations that compute (views and joins do not), for one example and for a batch of any size. */
  readonly operations: { readonly one: number; readonly batch: number };
  /** Whether the graph grows with the batch: some operation has no batching rule. */
  readonly looped: boolean;
}

const SIZE = 3;

/**
 * Maps each input of `sample` alone, then all of them, and compares with what the examples give one by one, to the last
 * bit: the outputs, and, for differentiable operations, products with their Jacobian and its transpose.
 */
export function examineBatching(
  sample: Sample,
  seed: number,
  backend: Backend,
  differentiable: boolean,
): BatchingResult {
  const draws = Array.from({ length: SIZE }, (_, k) => drawInputs(sample, 'float64', seed + k));
  const call = build(sample, draws[0]);
  const { inputs, outputs } = call;
  const { gradients, tangents } = differentiable
    ? derivativesOf(call, uniform(seed + 1))
    : { gradients: [], tangents: [] };
  const results = [
    ...outputs.map((variable, i) => ({ variable, name: `output ${i}` })),
    ...gradients.map((variable, i) => ({ variable, name: `gradient ${i}` })),
    ...tangents.map((variable, i) => ({ variable, name: `tangent ${i}` })),
  ];
  const all = results.map(({ variable }) => variable);
  const [batch, larger] = [SIZE, SIZE + 2].map((size) => batchGraph(outputs, batchesOf(inputs, size), size));
  const looped = ancestors(batch).applications.length !== ancestors(larger).applications.length;
  const operations = { one: computing(outputs), batch: computing(batch) };
  const fail = (mapped: readonly Variable[], i: number, why: string): BatchingResult => {
    const which = mapped.map((each) => inputs.indexOf(each)).join(' and ');
    return { failure: `with input ${which} mapped, ${results[i].name} ${why}`, operations, looped };
  };
  for (const mapped of inputs.length === 1 ? [inputs] : [...inputs.map((each) => [each]), inputs]) {
    const { found, expected } = evaluateBoth(all, inputs, mapped, draws, backend);
    for (let i = 0; i < all.length; i++) {
      const why = difference(
        found[i],
        expected.map((example) => example[i]),
      );
      if (why !== undefined) return fail(mapped, i, why);
    }
  }
  if (!looped && inputs.length > 0) {
    const stands = batchesOf(inputs, 0);
    const feeds = new Map([...stands.values()].map((each) => [each, filled(each.shape, each.dtype, 0)]));
    const found = evaluateOn(backend, batchGraph(all, stands, 0), feeds);
    const wrong = found.findIndex(({ shape }, i) => shape.join() !== [0, ...all[i].shape].join());
    if (wrong >= 0)
      return fail(inputs, wrong, `has shape [${found[wrong].shape.join(', ')}] for an empty batch`);
  }
  return { failure: undefined, operations, looped };
}

/** How many applications do more than show elements in other places. */
function computing(outputs: readonly Variable[]): number {
  return ancestors(outputs).applications.filter(
    ({ operation: { computation } }) => computation.kind !== 'view' && computation.kind !== 'assembly',
  ).length;
}

/** What a batch of the drawn examples gives, and what each of them gives; inputs that are not mapped are those of the first. */
function evaluateBoth(
  all: readonly Variable[],
  inputs: readonly Variable[],
  mapped: readonly Variable[],
  draws: readonly (readonly Tensor[])[],
  backend: Backend,
): { found: Tensor[]; expected: Tensor[][] } {
  const stands = batchesOf(mapped, SIZE);
  const feeds = inputs.map((each, i) => {
    const stand = stands.get(each);
    return stand === undefined
      ? ([each, draws[0][i]] as const)
      : ([stand, sideBySide(draws.map((draw) => draw[i]))] as const);
  });
  const found = evaluateOn(backend, batchGraph(all, stands, SIZE), new Map(feeds));
  const expected = draws.map((draw) => {
    const own = inputs.map((each, i) => [each, (stands.has(each) ? draw : draws[0])[i]] as const);
    return evaluateOn(backend, all, new Map(own));
  });
  return { found, expected };
}

/** How a batch differs from its examples. */
function difference({ shape, data }: Tensor, examples: readonly Tensor[]): string | undefined {
  const expected = [examples.length, ...examples[0].shape];
  if (shape.join() !== expected.join())
    return `has shape [${shape.join(', ')}], expected [${expected.join(', ')}]`;
  for (const [k, example] of examples.entries()) {
    const start = k * example.data.length;
    const i = example.data.findIndex((value, at) => !same(value, data[start + at]));
    if (i >= 0) {
      return `is ${data[start + i]} at element ${i} of example ${k}, but ${example.data[i]} for that example alone`;
    }
  }
  return undefined;
}

const same = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));
