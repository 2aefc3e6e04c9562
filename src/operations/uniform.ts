/** Tensors known to hold one number everywhere: scalar constants, repeated and reshaped. */
import type { Variable } from '../graph/index.ts';

/** The one value that all elements of a variable are known to have, if there is one. */
export function uniformValue(variable: Variable): number | undefined {
  let v = variable;
  for (;;) {
    const { source } = v;
    if (source.kind === 'constant') return v.rank === 0 ? source.tensor.data[0] : undefined;
    if (source.kind !== 'output') return undefined;
    const { name } = source.application.operation;
    if (name !== 'broadcastTo' && name !== 'reshape') return undefined;
    v = source.application.inputs[0];
  }
}
