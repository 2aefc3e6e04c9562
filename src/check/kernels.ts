/** What a backend computes for an operation, held against the reference. */
import type { Backend } from '../engine/backend.ts';
import { allocate, type DType, type FloatDType, sizeOf, Tensor, type Variable } from '../graph/index.ts';
import type { Declaration } from '../operations/index.ts';
import { build, eachSample } from './call.ts';
import { drawInputs } from './draw.ts';
import { batchedCall, derivativesOf } from './graphs.ts';
import { disagreement, largest, type Tolerance } from './measures.ts';
import { uniform } from './random.ts';
import { evaluateOn } from './run.ts';

export interface KernelOptions {
  readonly backend: Backend;
  readonly reference: Backend;
  /** How far one element of a formula may be off. */
  readonly formula: Tolerance;
}

/** Values, derivatives of both modes, and a batch of all that. The failure of the first sample that differs, if any does. */
export function compareKernels(
  declaration: Declaration,
  dtype: FloatDType,
  { backend, reference, formula }: KernelOptions,
): string | undefined {
  const elementwise = declaration.operation?.computation.kind === 'elementwise';
  const differentiable = declaration.notDifferentiable === undefined;
  let failure: string | undefined;
  eachSample(declaration, (sample, seed, label) => {
    const draws = [seed, seed + 1].map((each) => drawInputs(sample, dtype, each));
    const call = build(sample, draws[0]);
    const { inputs, outputs, feeds } = call;
    const derived = differentiable ? derivativesOf(call, uniform(7)) : { gradients: [], tangents: [] };
    const single = [...outputs, ...derived.gradients, ...derived.tangents];
    const batch =
      inputs.length === 0 ? { outputs: [], feeds: new Map() } : batchedCall(single, inputs, draws);
    const all = [...single, ...batch.outputs];
    const values = new Map([...feeds, ...batch.feeds]);
    const expected = evaluateOn(reference, all, values);
    const terms = Math.max(1, ...draws[0].map(({ shape }) => sizeOf(shape)));
    const size = draws[0].reduce((product, { data }) => product * Math.max(1, largest(data)), 1);
    evaluateOn(backend, all, values).forEach((found, i) => {
      const isFormula = elementwise && i % single.length < outputs.length;
      const magnitude = Math.max(size, largest(expected[i].data));
      const tolerance = isFormula ? formula : { ulps: 4 + terms / 4, magnitude };
      const why = disagreement(expected[i], found, tolerance);
      failure ??= why === undefined ? undefined : `${label}, ${nameOf(i, all, outputs)}: ${why}`;
    });
  });
  return failure;
}

function nameOf(i: number, all: readonly Variable[], outputs: readonly Variable[]): string {
  return i < outputs.length ? `output ${i}` : `result ${i} of ${all.length}, ${all[i].toString()}`;
}

/** Integer inputs, where an operation takes them. */
export function compareIntegerKernels(
  declaration: Declaration,
  dtype: DType,
  { backend, reference, formula }: KernelOptions,
): string | undefined {
  let failure: string | undefined;
  eachSample(declaration, (sample, seed, label) => {
    const { outputs, feeds } = build(sample, drawInputs(sample, dtype, seed));
    const expected = evaluateOn(reference, outputs, feeds);
    evaluateOn(backend, outputs, feeds).forEach((found, i) => {
      const why = disagreement(expected[i], found, formula);
      failure ??= why === undefined ? undefined : `${label}, output ${i}: ${why}`;
    });
  });
  return failure;
}

/** The declared special values, in all combinations. */
export function compareSpecialValues(
  { special = [], samples }: Declaration,
  dtype: FloatDType,
  { backend, reference, formula }: KernelOptions,
): string | undefined {
  const tensors = combinations(special, samples[0].inputs.length, dtype);
  const { outputs, feeds } = build(samples[0], tensors);
  const [expected] = evaluateOn(reference, outputs, feeds);
  const [found] = evaluateOn(backend, outputs, feeds);
  const why = disagreement(expected, found, { ...formula, signedZeros: true });
  if (why === undefined) return undefined;
  const bad = Number(/^element (\d+)/.exec(why)?.[1]);
  return `at ${tensors.map(({ data }) => data[bad]).join(', ')}: ${why}`;
}

/** All combinations of `values` for `arity` operands: one vector an operand. */
export function combinations(values: readonly number[], arity: number, dtype: FloatDType): Tensor[] {
  const count = values.length ** arity;
  return Array.from({ length: arity }, (_, operand) => {
    const data = allocate(dtype, count);
    for (let i = 0; i < count; i++)
      data[i] = values[Math.floor(i / values.length ** operand) % values.length];
    return new Tensor([count], dtype, data);
  });
}
