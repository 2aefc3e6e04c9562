/** Changing an element's type, and nothing else. */
import {
  apply,
  at,
  DTYPES,
  type DType,
  DTypeError,
  isFloat,
  type Operation,
  type Shape,
  type TensorLike,
  toVariable,
  undefinedGradient,
  type Variable,
  zero,
} from '../graph/index.ts';
import { declare, real } from './declare.ts';

const castOperation: Operation<{ dtype: DType }> = {
  name: 'cast',
  infer([x], { dtype }) {
    if (!DTYPES.includes(dtype))
      throw new DTypeError(`cast: ${String(dtype)} is not a dtype; use one of ${DTYPES.join(', ')}${at()}`);
    return [{ shape: x.shape, dtype }];
  },
  bprop({ inputs: [x], outputs: [y], g }) {
    if (!isFloat(y.dtype)) return zero;
    if (!isFloat(x.dtype)) return undefinedGradient(`${x.dtype} has no tangent space`);
    return cast(g, x.dtype);
  },
  linear: true,
  computation: { kind: 'elementwise', formula: (k, [x], { dtype }) => k.cast(x, dtype) },
};

function castTo<S extends Shape>(x: Variable<S>, dtype: DType): Variable<S>;
function castTo(x: TensorLike, dtype: DType): Variable;
function castTo(x: TensorLike, dtype: DType): Variable {
  const operand = toVariable(x);
  return operand.dtype === dtype ? operand : apply(castOperation, [operand], { dtype });
}

/**
 * Converts to `dtype`. Float to integer truncates toward zero and saturates (NaN gives 0); uint8 wraps modulo 256;
 * to bool is `x != 0`. Returns its operand where nothing changes.
 */
export const cast = declare(castTo)({
  name: 'cast',
  doc: 'Converts the element type: y = dtype(x).',
  dtypes: 'any -> dtype',
  operation: castOperation,
  samples: [
    {
      inputs: [{ shape: [3, 4], domain: real(-3, 3) }],
      call: (x) => cast(x, 'float64'),
      torch: 'x.double()',
    },
    {
      inputs: [{ shape: [5], domain: real(-3, 3, { avoid: [-3, -2, -1, 0, 1, 2, 3] }) }],
      call: (x) => cast(x, 'int32'),
    },
    {
      inputs: [{ shape: [5], domain: { low: -3, high: 3, dtype: 'int32' } }],
      call: (x) => cast(x, 'bool'),
    },
    {
      inputs: [{ shape: [5], domain: { low: 0, high: 255, dtype: 'uint8' } }],
      call: (x) => cast(x, 'int32'),
    },
    {
      inputs: [{ shape: [5], domain: { low: -300, high: 300, dtype: 'int32' } }],
      call: (x) => cast(x, 'uint8'),
    },
    {
      inputs: [{ shape: [5], domain: { low: 0, high: 1, dtype: 'bool' } }],
      call: (x) => cast(x, 'float32'),
    },
  ],
});
