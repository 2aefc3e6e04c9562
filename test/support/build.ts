/** Graphs of sample calls, with inputs left open so that they can be evaluated again and again. */
import {
  constant,
  type DType,
  input,
  isFloat,
  scalar,
  type Tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry, type Sample } from '../../src/operations/index.ts';
import { drawWeights } from './draw.ts';

const { add, cast, mul, sum } = registry;

export interface Call {
  readonly inputs: readonly Variable[];
  readonly outputs: readonly Variable[];
  readonly feeds: Map<Variable, Tensor>;
}

/** Calls `sample` on placeholders, which `tensors` feed. */
export function build(sample: Sample, tensors: readonly Tensor[]): Call {
  const inputs = tensors.map((tensor, i) => input(tensor.shape, { dtype: tensor.dtype, name: 'xyz'[i] }));
  const result = sample.call(...inputs);
  const outputs = Array.isArray(result) ? (result as readonly Variable[]) : [result as Variable];
  return { inputs, outputs, feeds: new Map(inputs.map((each, i) => [each, tensors[i]])) };
}

/** The inner products of `variables` with random weights, added: a scalar in which every element counts. */
export function weightedSum(
  variables: readonly Variable[],
  random: () => number,
  dtype: DType = 'float64',
): Variable {
  let total: Variable = scalar(0, dtype);
  for (const each of variables) {
    total = add(total, sum(mul(constant(drawWeights(each.shape, dtype, random)), cast(each, dtype))));
  }
  return total;
}

/** The outputs that carry a derivative: the floating-point ones, or all where there are none. */
export function weighable(outputs: readonly Variable[]): readonly Variable[] {
  const floats = outputs.filter((output) => isFloat(output.dtype));
  return floats.length > 0 ? floats : outputs;
}
