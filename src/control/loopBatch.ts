/** A loop for each index of a batch axis is one loop over batches. What is the same for the whole batch stays single. */
import { type Batch, type Body, input, prune, type Variable } from '../graph/index.ts';
import { spread } from '../operations/broadcasting.ts';
import { logicalAnd, where } from '../operations/logic.ts';
import { moveAxis, reshape } from '../operations/movement.ts';
import { any } from '../operations/reduction.ts';
import { batchBody } from './batching.ts';
import { placeholderLike } from './body.ts';
import type { Loop, LoopRequest, MakeLoop } from './loopRequest.ts';

type Carry = LoopRequest['carries'][number];

/** Each output with the batch axis in front. */
export function batchLoop(
  { computation, recompute }: Loop,
  { inputs, mapped, attributes: rounds, size }: Batch<LoopRequest['rounds']>,
  makeLoop: MakeLoop,
): readonly Variable[] {
  const { body, carries: count, slices, conditional } = computation;
  const batched = batchedInputs(body, mapped, count, conditional);
  const placeholders = body.inputs
    .slice(0, count + slices)
    .map((each, i) =>
      batched[i] ? input([size, ...each.shape], { dtype: each.dtype }) : placeholderLike(each),
    );
  const stands = [...placeholders, ...inputs.slice(count + slices)];
  const made = batchBody(body, stands, batched, size);
  const inFront = (x: Variable, has: boolean): Variable => (has ? x : spread(x, size));
  const carries = placeholders.slice(0, count).map(
    (placeholder, i): Carry =>
      batched[i]
        ? {
            placeholder,
            init: inFront(inputs[i], mapped[i]),
            next: inFront(made.outputs[i], made.batched[i]),
          }
        : { placeholder, init: inputs[i], next: made.outputs[i] },
  );
  const masked = conditional && batched[0];
  const result = makeLoop({
    carries: masked ? untilAllAreDone(carries) : carries,
    slices: placeholders.slice(count).map((placeholder, i) => {
      const from = inputs[count + i];
      return { placeholder, from: batched[count + i] ? moveAxis(from, 1, 0) : from };
    }),
    stacked: made.outputs.slice(count),
    rounds,
    conditional,
    recompute,
  });
  const finals = masked ? result.finals.slice(1) : result.finals;
  return [
    ...finals.map((each, i) => inFront(each, batched[i])),
    ...result.stacked.map((each, i) => (made.batched[count + i] ? moveAxis(each, 1, 0) : spread(each, size))),
  ];
}

/** Which of the body's inputs carry the batch axis: those given so, and carries that come to depend on them. */
function batchedInputs(
  { inputs, outputs }: Body<Variable>,
  mapped: readonly boolean[],
  count: number,
  conditional: boolean,
): readonly boolean[] {
  let batched = mapped;
  for (;;) {
    const present = batched;
    const { reached } = prune(
      outputs,
      inputs.filter((_, i) => present[i]),
    );
    // Where the elements of a batch end at different times, all their carries are kept apart.
    const apart = conditional && (present[0] || reached.has(outputs[0]));
    batched = present.map((each, i) => each || (i < count && (apart || reached.has(outputs[i]))));
    if (batched.every((each, i) => each === present[i])) return batched;
  }
}

/** Rounds go on while any element of the batch does; one that is done keeps its carries. */
function untilAllAreDone([condition, ...others]: readonly Carry[]): Carry[] {
  const goesOn = condition.placeholder;
  const next = logicalAnd(goesOn, condition.next);
  return [
    { placeholder: input([], { dtype: 'bool' }), init: any(condition.init), next: any(next) },
    { ...condition, next },
    ...others.map((carry) => {
      const mask = reshape(goesOn, [...goesOn.shape, ...carry.placeholder.shape.slice(1).map(() => 1)]);
      return { ...carry, next: where(mask, carry.next, carry.placeholder) };
    }),
  ];
}
