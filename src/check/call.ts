/** Sample calls of an operation, with inputs left open so that they can be evaluated again and again. */
import { constant, type DType, input, isFloat, scalar, type Tensor, type Variable } from '../graph/index.ts';
import { type Declaration, registry, type Sample } from '../operations/index.ts';
import { drawInputs, drawWeights } from './draw.ts';
import { seedOf } from './random.ts';

const { add, cast, mul, sum } = registry;

/** A sample call as a graph, with values for its inputs. */
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

/** {@link build} with inputs drawn from the sample's domains, floats in `dtype`. */
export function drawCall(sample: Sample, dtype: DType, seed: number): Call {
  return build(sample, drawInputs(sample, dtype, seed));
}

/** The inputs that may move. */
export function floatInputs({ inputs }: Pick<Call, 'inputs'>): Variable[] {
  return inputs.filter((each) => isFloat(each.dtype));
}

/** Visits the sample calls, each with its own seed and a label for failures. */
export function eachSample(
  declaration: Declaration,
  visit: (sample: Sample, seed: number, label: string) => void,
): void {
  declaration.samples.forEach((sample, i) => {
    const shapes = sample.inputs.map(({ shape }) => `[${shape.join(', ')}]`).join(' and ');
    visit(sample, seedOf(`${declaration.name} ${i}`), `sample ${i}${shapes === '' ? '' : ` of ${shapes}`}`);
  });
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
