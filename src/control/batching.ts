/** Bodies for whole batches at once. */
import { batchGraph } from '../autodiff/vmap.ts';
import { type Body, prune, rebuild, type Variable } from '../graph/index.ts';

/** A body's outputs, and which of them carry the batch axis: what is the same for the whole batch stays single. */
export interface BatchedOutputs {
  readonly outputs: readonly Variable[];
  readonly batched: readonly boolean[];
}

/**
 * The outputs of `body` on `stands` for its inputs.
 * @param batched which of the stands carry the batch axis
 */
export function batchBody(
  body: Body<Variable>,
  stands: readonly Variable[],
  batched: readonly boolean[],
  size: number,
): BatchedOutputs {
  const pairs = body.inputs.map((each, i) => [each, stands[i]] as const);
  const moving = new Map(pairs.filter((_, i) => batched[i]));
  const { reached } = prune(body.outputs, [...moving.keys()]);
  const many = batchGraph(
    body.outputs.filter((each) => reached.has(each)),
    moving,
    size,
  );
  let next = 0;
  const outputs = body.outputs.map((each) => (reached.has(each) ? many[next++] : each));
  return {
    outputs: rebuild(outputs, new Map(pairs.filter((_, i) => !batched[i]))),
    batched: body.outputs.map((each) => reached.has(each)),
  };
}
