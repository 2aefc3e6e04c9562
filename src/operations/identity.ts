/** Operations that change no number: they steer differentiation. */
import {
  apply,
  type Operation,
  type Shape,
  type TensorLike,
  toVariable,
  type Variable,
  zero,
} from '../graph/index.ts';
import { declare, real } from './declare.ts';
import type { Unary } from './elementwise.ts';
import { pushed, unshifted } from './oneOperand.ts';

const identityOperation: Operation<Record<string, never>> = {
  name: 'identity',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop: ({ g }) => g,
  jvp: pushed((tangent) => tangent),
  batch: unshifted,
  computation: { kind: 'view', view: (input) => input },
};

const sample = { inputs: [{ shape: [3, 4], domain: real(-2, 2) }] };

/** The same numbers as a new variable, so that one can differentiate with respect to this use of x alone. */
export const identity = declare(
  ((x: TensorLike): Variable<Shape> => apply(identityOperation, [toVariable(x)], {})) as Unary,
)({
  name: 'identity',
  doc: 'The same value as a new variable: y = x.',
  dtypes: 'any',
  operation: identityOperation,
  samples: [{ ...sample, call: (x) => identity(x), torch: 'x.clone()' }],
});

const stopGradientOperation: Operation<Record<string, never>> = {
  ...identityOperation,
  name: 'stopGradient',
  bprop: () => zero,
  jvp: () => [zero],
};

/** The same numbers, held constant by differentiation: the gradient through it is zero by definition. */
export const stopGradient = declare(
  ((x: TensorLike): Variable<Shape> => apply(stopGradientOperation, [toVariable(x)], {})) as Unary,
)({
  name: 'stopGradient',
  doc: 'The same value, treated as a constant by differentiation: y = x, dy/dx = 0 by definition.',
  dtypes: 'any',
  operation: stopGradientOperation,
  samples: [{ ...sample, call: (x) => stopGradient(x), torch: 'x.detach()' }],
  notDifferentiable: 'its purpose is to be constant: its gradient is zero by definition',
});
