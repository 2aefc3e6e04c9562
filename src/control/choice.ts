/** The operation behind `cond`: two bodies, of which one is run. */
import {
  ancestors,
  applyOperation,
  type Body,
  type Narrowed,
  type Operation,
  type Variable,
} from '../graph/index.ts';
import { closeBranchBody, intern, placeholderLike } from './body.ts';
import { batchChoice } from './choiceBatch.ts';
import { type ChoicePullback, pullbackChoice, pushChoice } from './choiceDerivatives.ts';
import {
  both,
  type ChoiceRequest,
  type ChoiceResult,
  type ChoiceRules,
  outputPosition,
} from './choiceRequest.ts';
import { storable } from './residuals.ts';

type None = Record<string, never>;

/** Makes a choice, and applies it. */
export function makeChoice({ predicate, operands, branches, since }: ChoiceRequest): ChoiceResult {
  const closed = both((b) => {
    const { placeholders, shared, own } = branches[b];
    return closeBranchBody(placeholders, [...shared, ...own], since);
  });
  const captured = [...new Set(closed.flatMap((each) => each.captured))];
  const candidates = [...operands, ...captured];
  // Both bodies have all inputs, in the same order; what neither reads is left out.
  const wide = both((b) => {
    const { body, captured: own } = closed[b];
    const inputs = candidates.map((each, i) => {
      if (i < operands.length) return body.inputs[i];
      const place = own.indexOf(each);
      return place < 0 ? placeholderLike(each) : body.inputs[operands.length + place];
    });
    return { inputs, outputs: body.outputs, read: new Set(ancestors(body.outputs).leaves) };
  });
  const kept = candidates
    .map((_, i) => i)
    .filter((i) => wide.some(({ inputs, read }) => read.has(inputs[i])));
  const bodies = wide.map(({ inputs, outputs }) => ({ inputs: kept.map((i) => inputs[i]), outputs }));
  const shared = branches[0].shared.length;
  const { operation, computation } = choiceOf([bodies[0], bodies[1]], shared, true);
  const outputs = applyOperation(operation, [predicate, ...kept.map((i) => candidates[i])], {});
  return {
    shared: outputs.slice(0, shared),
    own: both((b) => branches[b].own.map((_, i) => outputs[outputPosition(computation, b, shared + i)])),
  };
}

type Bodies = readonly [Body<Variable>, Body<Variable>];

interface ChoiceWithOperation extends ChoiceRules {
  readonly operation: Operation<None>;
}

/**
 * The choice between two bodies: one for all of the same structure.
 * @param keep whether intermediate results can be read, so that the backward pass need not compute them again
 */
function choiceOf(bodies: Bodies, shared: number, keep: boolean): ChoiceWithOperation {
  return intern(`choice ${shared} ${keep}`, bodies, () => newChoice(bodies, shared, keep));
}

function newChoice(given: Bodies, shared: number, keep: boolean): ChoiceWithOperation {
  const kept = both((b) => withIntermediates(given[b], keep));
  const bodies = both((b) => kept[b].body);
  const rules: ChoiceRules = {
    computation: {
      kind: 'choice',
      bodies,
      shared,
      narrow: (used) => narrow(rules, used),
    },
    history: both((b) => kept[b].history),
  };
  const pullback = (edge: ChoicePullback) => pullbackChoice(rules, edge, makeChoice);
  const operation: Operation<None> = {
    name: 'cond',
    infer: () => [...bodies[0].outputs, ...bodies[1].outputs.slice(shared)],
    bprop: ({ index, ...edge }) =>
      pullback({ ...edge, wanted: edge.inputs.map((_, i) => i === index) })[index],
    pullback,
    jvp: (push) => pushChoice(rules, push, makeChoice),
    batch: (batch) => batchChoice(rules, batch, makeChoice),
    computation: rules.computation,
    opaque: bodies.some(({ outputs }) =>
      ancestors(outputs).applications.some((each) => each.operation.opaque === true),
    ),
  };
  return { ...rules, operation };
}

function withIntermediates(
  { inputs, outputs }: Body<Variable>,
  keep: boolean,
): { body: Body<Variable>; history: Map<Variable, number> } {
  const all = [...outputs];
  const history = new Map<Variable, number>();
  outputs.forEach((each, i) => history.set(each, i));
  if (keep)
    for (const each of storable(outputs)) if (!history.has(each)) history.set(each, all.push(each) - 1);
  return { body: { inputs, outputs: all }, history };
}

/** The choice without results that nobody reads, and without the inputs that only they needed. */
function narrow({ computation }: ChoiceRules, used: readonly boolean[]): Narrowed<Variable> {
  const { bodies, shared } = computation;
  const left = both((b) =>
    bodies[b].outputs.map((_, i) => i).filter((i) => used[outputPosition(computation, b, i)]),
  );
  const outputs = both((b) => left[b].map((i) => bodies[b].outputs[i]));
  const read = new Set(ancestors([...outputs[0], ...outputs[1]]).leaves);
  const kept = bodies[0].inputs
    .map((_, i) => i)
    .filter((i) => read.has(bodies[0].inputs[i]) || read.has(bodies[1].inputs[i]));
  const smaller = choiceOf(
    both((b) => ({ inputs: kept.map((i) => bodies[b].inputs[i]), outputs: outputs[b] })),
    left[0].filter((i) => i < shared).length,
    false,
  );
  return {
    inputs: [0, ...kept.map((i) => i + 1)],
    apply: (inputs) => {
      const made = applyOperation(smaller.operation, inputs, {});
      const results = new Array<Variable | undefined>(used.length).fill(undefined);
      for (const b of [0, 1])
        left[b].forEach((i, k) => {
          results[outputPosition(computation, b, i)] = made[outputPosition(smaller.computation, b, k)];
        });
      return results;
    },
  };
}
