/** The sample calls of a declaration, and what they can be called with. */
import { gradients } from '../../src/autodiff/index.ts';
import type { DType, FloatDType, Variable } from '../../src/graph/index.ts';
import type { Declaration, Sample } from '../../src/operations/index.ts';
import { weighable, weightedSum } from './build.ts';
import { seedOf, uniform } from './random.ts';

export const FLOATS: readonly FloatDType[] = ['float32', 'float64'];

/** Visits the sample calls, each with its own seed and a label for failures. */
export function eachSample(
  declaration: Declaration,
  visit: (sample: Sample, seed: number, label: string) => void,
): void {
  declaration.samples.forEach((sample, i) => {
    const shapes = sample.inputs.map(({ shape }) => `[${shape}]`).join(' ');
    visit(sample, seedOf(`${declaration.name} ${i}`), `sample ${i}${shapes === '' ? '' : ` of ${shapes}`}`);
  });
}

export const differentiable = (declaration: Declaration): boolean =>
  declaration.notDifferentiable === undefined;

/** Gradients of a weighted sum of the outputs. */
export function gradientsOf(
  outputs: readonly Variable[],
  targets: readonly Variable[],
  dtype: DType,
): readonly Variable[] {
  const z = weightedSum(weighable(outputs), uniform(7), dtype);
  return gradients(z, targets, { disconnected: 'zero' });
}

/** Integer dtypes that an operation takes where a sample has floats. */
export function integerDTypes({ dtypes }: Declaration): DType[] {
  if (dtypes.startsWith('any')) return ['int32', 'uint8', 'bool'];
  return dtypes.startsWith('number') ? ['int32', 'uint8'] : [];
}
