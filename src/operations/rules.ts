/** Batching rules that many operations share. */
import { applyOperation, type Batch, type Shape, sameShape, type Variable } from '../graph/index.ts';
import { broadcastTo } from './broadcasting.ts';
import { reshape } from './movement.ts';

/** For one operand whose attributes name axes or extents: the same operation, with attributes that skip the batch axis. */
export function shifted<A>(shift: (attributes: A, size: number) => A): (batch: Batch<A>) => Variable[] {
  return ({ operation, inputs, attributes, size }) =>
    applyOperation(operation, inputs, shift(attributes, size));
}

/** For operations that treat all axes but the last few alike: a batch axis in front is one more of them. */
export function leading<A>({ operation, inputs, mapped, attributes, size }: Batch<A>): Variable[] {
  return applyOperation(
    operation,
    inputs.map((input, i) => (mapped[i] ? input : spread(input, size))),
    attributes,
  );
}

/** An operand that is the same for every index of the batch axis. */
export function spread(x: Variable, size: number): Variable {
  return broadcastTo(x, [size, ...x.shape]);
}

/** A mapped operand with axes of extent 1 behind its batch axis, so that the others align in `rank` axes. */
export function alignBatch(x: Variable, rank: number): Variable {
  const [size, ...own] = x.shape;
  const shape: Shape = [size, ...new Array<number>(rank - own.length).fill(1), ...own];
  return sameShape(shape, x.shape) ? x : reshape(x, shape);
}
