/** What PyTorch is asked to compute: every sample call of the registry that states a PyTorch expression. */

import { combinations } from '../../src/check/kernels.ts';
import { isFloat, type Tensor } from '../../src/graph/index.ts';
import { type Declaration, registry, type Sample } from '../../src/operations/index.ts';
import { build, weighable } from '../support/build.ts';
import { drawInputs, drawWeights } from '../support/draw.ts';
import { seedOf, uniform } from '../support/random.ts';

/** A number, or `NaN`, `Infinity`, `-Infinity` as text: JSON has no word for them. */
export type Encoded = number | string;

export interface Block {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly Encoded[];
}

/** One call. The float outputs weighted by `weights` and added give z; its gradients weighted by `directions`, s. */
export interface Question {
  readonly name: string;
  readonly torch: string;
  readonly inputs: readonly Block[];
  readonly weights: readonly Block[];
  readonly directions: readonly Block[];
}

export interface Answer extends Question {
  readonly outputs: readonly Block[];
  /** dz/dinput for each float input. */
  readonly gradients: readonly Block[];
  /** ds/dinput for each float input; absent where all are 0. */
  readonly second?: readonly Block[];
}

/** An elementwise operation at its special values, in float32. */
export interface SpecialQuestion {
  readonly name: string;
  readonly torch: string;
  readonly inputs: readonly Block[];
}

export interface SpecialAnswer extends SpecialQuestion {
  readonly output: Block;
}

const encode = ({ dtype, shape, data }: Tensor): Block => ({
  dtype,
  shape,
  data: Array.from(data, (value) => (Number.isFinite(value) && !Object.is(value, -0) ? value : text(value))),
});

const text = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

const declarations = (): Declaration[] =>
  Object.values(registry).map((each) => (each as unknown as { declaration: Declaration }).declaration);

/** Samples by the name of their fixture: `sum 2` is the third sample of sum. */
export function samplesForTorch(): Map<string, Sample & { torch: string }> {
  const found = new Map<string, Sample & { torch: string }>();
  for (const { name, samples } of declarations()) {
    samples.forEach((sample, i) => {
      if (sample.torch !== undefined) found.set(`${name} ${i}`, sample as Sample & { torch: string });
    });
  }
  return found;
}

export function questions(): Question[] {
  return [...samplesForTorch()].map(([name, sample]) => {
    const tensors = drawInputs(sample, 'float64', seedOf(`torch ${name}`));
    const random = uniform(seedOf(`weights ${name}`));
    const { inputs, outputs } = build(sample, tensors);
    const weigh = (list: readonly { shape: readonly number[]; dtype: string }[]): Block[] =>
      list.map(({ shape }) => encode(drawWeights(shape, 'float64', random)));
    return {
      name,
      torch: sample.torch,
      inputs: tensors.map(encode),
      weights: weigh(weighable(outputs).filter(({ dtype }) => isFloat(dtype))),
      directions: weigh(inputs.filter(({ dtype }) => isFloat(dtype))),
    };
  });
}

/** Elementwise operations with special values, called with as many operands as their samples have. */
export function specialSamples(): Map<string, { sample: Sample & { torch: string }; inputs: Tensor[] }> {
  const found = new Map<string, { sample: Sample & { torch: string }; inputs: Tensor[] }>();
  for (const { name, samples, special } of declarations()) {
    const [sample] = samples;
    if (special === undefined || sample.torch === undefined || sample.inputs.length > 2) continue;
    found.set(name, {
      sample: sample as Sample & { torch: string },
      inputs: combinations(special, sample.inputs.length, 'float32'),
    });
  }
  return found;
}

export function specialQuestions(): SpecialQuestion[] {
  return [...specialSamples()].map(([name, { sample, inputs }]) => ({
    name,
    torch: sample.torch,
    inputs: inputs.map(encode),
  }));
}
