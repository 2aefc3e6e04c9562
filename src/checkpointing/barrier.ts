/** The gate in front of everything that is computed a second time. */
import { apply, disconnected, getOperation, type Operation, type Variable, zero } from '../graph/index.ts';
import { spread } from '../operations/broadcasting.ts';
import { uniformValue } from '../operations/uniform.ts';

/**
 * The same numbers as its first input, and no copy of them, from when the other inputs are known. What is computed from
 * it is therefore not equal, for the rewriter, to what was computed from the input itself, and the compiler starts none of
 * it before those are there.
 */
const barrierOperation: Operation<Record<string, never>> = {
  name: 'barrier',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop: ({ index, g }) => (index === 0 ? g : disconnected),
  jvp: ({ tangents: [t] }) => [t ?? zero],
  batch: ({ inputs: [x, ...awaited], mapped, size }) => [
    apply(barrierOperation, [mapped[0] ? x : spread(x, size), ...awaited], {}),
  ],
  computation: { kind: 'view', view: (input) => input },
};

/** Whether forming `variable` anew costs nothing: one number everywhere, or a formula of coordinates alone. */
export function isFree(variable: Variable): boolean {
  return uniformValue(variable) !== undefined || getOperation(variable)?.inputs.length === 0;
}

/** `x`, but not before all of `awaited` are known. */
export function after(x: Variable, awaited: readonly Variable[]): Variable {
  return isFree(x) ? x : apply(barrierOperation, [x, ...awaited], {});
}
