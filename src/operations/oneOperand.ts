/** Forward-mode and batching rules of operations on one operand. They stand below the operations, which all use them. */
import { applyOperation, type Batch, type Gradient, type Push, type Variable, zero } from '../graph/index.ts';

/** A forward-mode rule in terms of the one tangent there is. */
export function pushed<A>(
  rule: (tangent: Variable, push: Push<A>) => Gradient,
): (push: Push<A>) => Gradient[] {
  return (push) => {
    const [tangent] = push.tangents;
    return [tangent === undefined ? zero : rule(tangent, push)];
  };
}

/** A batching rule: the same operation, with attributes (axes, extents) that skip the batch axis in front. */
export function shifted<A>(shift: (attributes: A, size: number) => A): (batch: Batch<A>) => Variable[] {
  return ({ operation, inputs, attributes, size }) =>
    applyOperation(operation, inputs, shift(attributes, size));
}

/** The batching rule of operations whose attributes say nothing of leading axes. */
export function unshifted<A>({ operation, inputs, attributes }: Batch<A>): Variable[] {
  return applyOperation(operation, inputs, attributes);
}

/** The batching rule of operations along one axis. */
export function axisShifted<A extends { readonly axis: number }>(batch: Batch<A>): Variable[] {
  return shifted<A>((attributes) => ({ ...attributes, axis: attributes.axis + 1 }))(batch);
}

/** The batching rule of operations along several axes. */
export function axesShifted<A extends { readonly axes: readonly number[] }>(batch: Batch<A>): Variable[] {
  return shifted<A>((attributes) => ({ ...attributes, axes: attributes.axes.map((axis) => axis + 1) }))(
    batch,
  );
}
