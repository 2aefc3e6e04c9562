/** A choice for each index of a batch axis: one choice of batches, or, where the predicates differ, both branches. */
import { type Batch, creationMark, type Variable } from '../graph/index.ts';
import { spread } from '../operations/broadcasting.ts';
import { where } from '../operations/logic.ts';
import { reshape } from '../operations/movement.ts';
import { batchBody } from './batching.ts';
import { placeholderLike } from './body.ts';
import { type Branch, both, type ChoiceRules, type MakeChoice, outputPosition } from './choiceRequest.ts';

/** Each output with the batch axis in front. */
export function batchChoice(
  { computation }: ChoiceRules,
  { inputs, mapped, size }: Batch<Record<string, never>>,
  makeChoice: MakeChoice,
): readonly Variable[] {
  const { bodies, shared } = computation;
  const [predicate, ...operands] = inputs;
  const [differ, ...batched] = mapped;
  const since = creationMark();
  const inFront = (x: Variable, has: boolean): Variable => (has ? x : spread(x, size));

  if (differ) {
    const [a, b] = both((branch) => {
      const made = batchBody(bodies[branch], operands, batched, size);
      return made.outputs.map((each, i) => inFront(each, made.batched[i]));
    });
    const chosen = a.slice(0, shared).map((each, i) => {
      const mask = reshape(predicate, [size, ...each.shape.slice(1).map(() => 1)]);
      return where(mask, each, b[i]);
    });
    return [...chosen, ...a.slice(shared), ...b.slice(shared)];
  }

  const placeholders = both(() => operands.map(placeholderLike));
  const made = both((b) => batchBody(bodies[b], placeholders[b], batched, size));
  const isBatched = (b: number, i: number): boolean =>
    i < shared ? made[0].batched[i] || made[1].batched[i] : made[b].batched[i];
  const result = makeChoice({
    predicate,
    operands,
    branches: both((b): Branch => {
      const outputs = made[b].outputs.map((each, i) =>
        isBatched(b, i) ? inFront(each, made[b].batched[i]) : each,
      );
      return {
        placeholders: placeholders[b],
        shared: outputs.slice(0, shared),
        own: outputs.slice(shared),
      };
    }),
    since,
  });
  const all: Variable[] = [];
  result.shared.forEach((each, i) => {
    all[i] = inFront(each, isBatched(0, i));
  });
  for (const b of [0, 1] as const)
    result.own[b].forEach((each, i) => {
      all[outputPosition(computation, b, shared + i)] = inFront(each, isBatched(b, shared + i));
    });
  return all;
}
