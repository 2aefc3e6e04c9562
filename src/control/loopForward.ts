/**
 * Forward mode through a loop: tangents go round beside the values, and nothing is kept of earlier rounds. For the
 * weights of a recurrent network this is real-time recurrent learning (Williams and Zipser, 1989).
 */
import { pushForward } from '../autodiff/forward.ts';
import { disconnected, type Gradient, type Push, rebuild, Variable, zero } from '../graph/index.ts';
import { full } from '../operations/generators.ts';
import { placeholderLike } from './body.ts';
import { settle } from './lattice.ts';
import { type Loop, type LoopRequest, type MakeLoop, partsOf } from './loopRequest.ts';

/** A tangent for each output of the loop. */
export function pushLoop(
  { computation, recompute }: Loop,
  { inputs, attributes: rounds, tangents }: Push<LoopRequest['rounds']>,
  makeLoop: MakeLoop,
): readonly Gradient[] {
  const { body, carries: count, slices, conditional } = computation;
  const own = partsOf(computation, body.inputs);
  // Fresh stands for what changes from round to round, values and tangents.
  const values = [...own.carries, ...own.slices].map(placeholderLike);
  const moves = [...own.carries, ...own.slices].map(placeholderLike);
  const known = [
    ...own.slices.map((_, i) => (tangents[count + i] === undefined ? disconnected : moves[count + i])),
    ...own.fixed.map((_, i) => tangents[count + slices + i] ?? disconnected),
  ];

  const start = own.carries.map((_, i) => tangents[i] ?? disconnected);
  const { carries, made } = settle(start, (present) => {
    const seeds = new Map<Variable, Gradient>();
    const seed = (variable: Variable, tangent: Gradient): void => {
      if (tangent !== disconnected) seeds.set(variable, tangent);
    };
    own.carries.forEach((each, i) => {
      seed(each, present[i] instanceof Variable ? moves[i] : present[i]);
    });
    [...own.slices, ...own.fixed].forEach((each, i) => {
      seed(each, known[i]);
    });
    const table = pushForward(body.outputs, seeds);
    return { made: table, after: own.carries.map((_, i) => table.get(body.outputs[i])) };
  });

  const answers = body.outputs.map((each, i) => carries[i] ?? made.get(each) ?? disconnected);
  const positions = body.outputs.map((_, i) => i);
  const carried = positions.filter((i) => i < count && answers[i] instanceof Variable);
  const stacked = positions.filter((i) => i >= count && answers[i] instanceof Variable);
  const tangentOf = (i: number): Variable => {
    const tangent = made.get(body.outputs[i]);
    return tangent instanceof Variable ? tangent : full(inputs[i].shape, 0, inputs[i].dtype);
  };

  const replaced = new Map([
    ...[...own.carries, ...own.slices].map((each, i) => [each, values[i]] as const),
    ...own.fixed.map((each, i) => [each, inputs[count + slices + i]] as const),
  ]);
  const expressions = rebuild(
    [...body.outputs.slice(0, count), ...carried.map(tangentOf), ...stacked.map(tangentOf)],
    replaced,
  );
  const result = makeLoop({
    carries: [
      ...own.carries.map((_, i) => ({ placeholder: values[i], init: inputs[i], next: expressions[i] })),
      ...carried.map((i, k) => ({
        placeholder: moves[i],
        init: tangents[i] ?? full(inputs[i].shape, 0, inputs[i].dtype),
        next: expressions[count + k],
      })),
    ],
    slices: own.slices.flatMap((_, i) => {
      const tangent = tangents[count + i];
      return [
        { placeholder: values[count + i], from: inputs[count + i] },
        ...(tangent === undefined ? [] : [{ placeholder: moves[count + i], from: tangent }]),
      ];
    }),
    stacked: expressions.slice(count + carried.length),
    rounds,
    conditional,
    recompute,
  });
  const found = new Map<number, Variable>([
    ...carried.map((i, k) => [i, result.finals[count + k]] as const),
    ...stacked.map((i, k) => [i, result.stacked[k]] as const),
  ]);
  return answers.map((answer, i) => found.get(i) ?? (answer instanceof Variable ? zero : answer));
}
