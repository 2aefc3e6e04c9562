/** Forward-mode and batching rules that many operations share. */
import { applyOperation, type Batch, type Gradient, type Variable, zero } from '../graph/index.ts';
import { add } from './arithmetic.ts';
import { spread } from './broadcasting.ts';

export { alignBatch, spread } from './broadcasting.ts';
export { axesShifted, axisShifted, pushed, shifted, unshifted } from './oneOperand.ts';

/** The sum of the parts of a tangent that are there; zero where none is. */
export function total(...parts: readonly (Variable | undefined)[]): Gradient {
  const [first, ...rest] = parts.filter((part) => part !== undefined);
  return first === undefined ? zero : rest.reduce((sum, part) => add(sum, part), first);
}

/** For operations that treat all axes but the last few alike: a batch axis in front is one more of them. */
export function leading<A>({ operation, inputs, mapped, attributes, size }: Batch<A>): Variable[] {
  return applyOperation(
    operation,
    inputs.map((input, i) => (mapped[i] ? input : spread(input, size))),
    attributes,
  );
}
