/**
 * Back-propagation through a loop is a loop over the rounds in reverse (back-propagation through time; Werbos, 1990).
 * Its body is the gradient graph of the body. The gradients of carries are carried, those of slices are stacked, and
 * what is the same in each round gathers its gradient in a carry. What the gradient graph reads of the forward pass
 * comes from the stacked history, so nothing expensive is computed twice.
 */
import { buildGradients } from '../autodiff/backprop.ts';
import { disconnected, type Edge, type Gradient, isFloat, rebuild, Variable, zero } from '../graph/index.ts';
import { add } from '../operations/arithmetic.ts';
import { full } from '../operations/generators.ts';
import { placeholderLike } from './body.ts';
import { incomingAt, type Settled, settle } from './lattice.ts';
import { type Loop, type LoopRequest, type MakeLoop, partsOf } from './loopRequest.ts';
import { chooseResiduals } from './residuals.ts';

export type LoopPullback = Omit<Edge<LoopRequest['rounds']>, 'index' | 'g'> & {
  readonly wanted: readonly boolean[];
};

interface Analysis extends Settled<ReadonlyMap<Variable, Gradient>> {
  /** Placeholders of the gradients that come in at the body's outputs. */
  readonly seeds: readonly Variable[];
}

/** The gradient graph of the body, with which carries have gradients at all. */
function analyse({ computation }: Loop, { gradients, wanted }: LoopPullback): Analysis {
  const { body, carries: count } = computation;
  const seeds = body.outputs.map(placeholderLike);
  const targets = body.inputs.filter((_, i) => i < count || wanted[i]);
  const settled = settle(gradients.slice(0, count), (carries) => {
    const incoming = body.outputs.map((each, i) =>
      incomingAt(each, i < count ? carries[i] : gradients[i], seeds[i]),
    );
    const reached = body.outputs.map((_, i) => i).filter((i) => incoming[i] !== disconnected);
    const made = buildGradients(
      reached.map((i) => body.outputs[i]),
      targets,
      reached.map((i) => incoming[i]),
    );
    return { made, after: body.inputs.slice(0, count).map((each) => made.get(each)) };
  });
  return { ...settled, seeds };
}

/** What is known of the gradients of a loop's inputs, without the loop that computes them: for words. */
export function gradientWords(loop: Loop, edge: LoopPullback): readonly Gradient[] {
  const { carries, made } = analyse(loop, edge);
  return loop.computation.body.inputs.map((each, i) => carries[i] ?? made.get(each) ?? disconnected);
}

/** The vector-Jacobian products for all wanted inputs, by one loop. */
export function pullbackLoop(loop: Loop, edge: LoopPullback, makeLoop: MakeLoop): readonly Gradient[] {
  const { computation, history } = loop;
  const { body, carries: count, slices } = computation;
  const { inputs, outputs, attributes: rounds, gradients, wanted } = edge;
  const { carries, made, seeds } = analyse(loop, edge);
  const answers = body.inputs.map((each, i) => carries[i] ?? made.get(each) ?? disconnected);
  const moves = (i: number): boolean => answers[i] instanceof Variable && isFloat(inputs[i].dtype);
  const positions = body.inputs.map((_, i) => i);
  const carried = positions.filter((i) => i < count && moves(i));
  const stacked = positions.filter((i) => i >= count && i < count + slices && moves(i));
  const gathered = positions.filter((i) => i >= count + slices && moves(i));
  if (carried.length + stacked.length + gathered.length === 0) return answers;

  const termOf = (i: number): Variable => {
    const term = made.get(body.inputs[i]);
    return term instanceof Variable ? term : zerosLike(inputs[i]);
  };
  const totals = gathered.map((i) => placeholderLike(inputs[i]));
  const derivative = [
    ...carried.map(termOf),
    ...gathered.map((i, k) => add(totals[k], termOf(i))),
    ...stacked.map(termOf),
  ];

  // What the derivative reads of the forward pass: slices and stored results, one round at a time.
  const own = partsOf(computation, body.inputs);
  const stored = [...chooseResiduals(derivative, history)];
  const read = [
    ...own.slices.map((each, i) => ({ variable: each, from: inputs[count + i] })),
    ...stored.map((each) => ({ variable: each, from: outputs[history.get(each) as number] })),
  ].map((each) => ({ ...each, placeholder: placeholderLike(each.variable) }));
  const replaced = new Map([
    ...own.fixed.map((each, i) => [each, inputs[count + slices + i]] as const),
    ...read.map(({ variable, placeholder }) => [variable, placeholder] as const),
  ]);
  const expressions = rebuild(derivative, replaced);

  const known = (i: number): Variable => {
    const gradient = gradients[i];
    return gradient instanceof Variable ? gradient : zerosLike(outputs[i]);
  };
  const incoming = body.outputs.flatMap((_, i) =>
    i >= count && gradients[i] instanceof Variable ? [{ placeholder: seeds[i], from: known(i) }] : [],
  );
  const result = makeLoop({
    carries: [
      ...carried.map((i, k) => ({ placeholder: seeds[i], init: known(i), next: expressions[k] })),
      ...gathered.map((i, k) => ({
        placeholder: totals[k],
        init: zerosLike(inputs[i]),
        next: expressions[carried.length + k],
      })),
    ],
    slices: [...incoming, ...read],
    stacked: expressions.slice(carried.length + gathered.length),
    rounds: { ...rounds, reverse: rounds.reverse !== true },
    conditional: false,
    recompute: loop.recompute,
  });
  const found = new Map<number, Variable>([
    ...carried.map((i, k) => [i, result.finals[k]] as const),
    ...gathered.map((i, k) => [i, result.finals[carried.length + k]] as const),
    ...stacked.map((i, k) => [i, result.stacked[k]] as const),
  ]);
  return answers.map((answer, i) => {
    if (!wanted[i]) return zero;
    return found.get(i) ?? (answer instanceof Variable ? zero : answer);
  });
}

function zerosLike({ shape, dtype }: Variable): Variable {
  return full(shape, 0, dtype);
}
