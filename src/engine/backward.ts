/** Symbol to number, in the style of Torch: built on the symbolic gradients. */
import { gradientsFor } from '../autodiff/backprop.ts';
import { allocate, at, ChainruleError, parametersOf, Tensor, type Variable } from '../graph/index.ts';
import { evaluate } from './evaluate.ts';

export interface BackwardOptions {
  /** Add to the gradients that are there instead of replacing them. Default false. */
  accumulate?: boolean;
}

/**
 * Back-propagates from the scalar J: leaves dJ/dp in `p.grad` of every trainable parameter p that J depends on, and
 * returns J's value. A graph built anew in every step, as in Torch, is compiled only once.
 * @throws ChainruleError where J depends on no trainable parameter
 */
export function backward(J: Variable, { accumulate = false }: BackwardOptions = {}): Tensor {
  const parameters = parametersOf([J]);
  if (parameters.length === 0) {
    throw new ChainruleError(
      `backward: ${J.toString()} depends on no trainable parameter; make one with parameter(...)${at()}`,
    );
  }
  const found = gradientsFor(J, parameters, { disconnected: 'zero', onlyEvaluated: true });
  const [value, ...grads] = evaluate<readonly Variable[]>([J, ...found]) as Tensor[];
  parameters.forEach((parameter, i) => {
    parameter.grad = accumulate && parameter.grad !== undefined ? sumOf(parameter.grad, grads[i]) : grads[i];
  });
  return value;
}

function sumOf(a: Tensor, b: Tensor): Tensor {
  const data = allocate(a.dtype, a.size);
  for (let i = 0; i < data.length; i++) data[i] = a.data[i] + b.data[i];
  return new Tensor(a.shape, a.dtype, data);
}
