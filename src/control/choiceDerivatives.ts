/**
 * The derivative of a choice is a choice between derivatives: what the branch that did not run might have to say, an
 * infinity or NaN, is never computed.
 */
import { buildGradients } from '../autodiff/backprop.ts';
import { pushForward } from '../autodiff/forward.ts';
import {
  creationMark,
  disconnected,
  type Edge,
  type Gradient,
  isFloat,
  type Push,
  rebuild,
  Variable,
  zero,
} from '../graph/index.ts';
import { full } from '../operations/generators.ts';
import { placeholderLike } from './body.ts';
import { type Branch, both, type ChoiceRules, type MakeChoice, outputPosition } from './choiceRequest.ts';
import { incomingAt, stronger } from './lattice.ts';
import { chooseResiduals } from './residuals.ts';

type None = Record<string, never>;

export type ChoicePullback = Omit<Edge<None>, 'index' | 'g'> & { readonly wanted: readonly boolean[] };

/** The vector-Jacobian products for all wanted inputs, by one choice. */
export function pullbackChoice(
  rules: ChoiceRules,
  { inputs, outputs, gradients, wanted }: ChoicePullback,
  makeChoice: MakeChoice,
): readonly Gradient[] {
  const since = creationMark();
  const { computation } = rules;
  const { bodies } = computation;
  const tables = both((b) => {
    const { inputs: own, outputs: made } = bodies[b];
    const seeds = made.map(placeholderLike);
    const incoming = made.map((each, i) =>
      incomingAt(each, gradients[outputPosition(computation, b, i)], seeds[i]),
    );
    const targets = own.filter((_, i) => wanted[i + 1]);
    return { seeds, table: buildGradients(made, targets, incoming) };
  });
  const terms = inputs.map((_, i) =>
    both((b) => (i === 0 ? zero : (tables[b].table.get(bodies[b].inputs[i - 1]) ?? disconnected))),
  );
  const answers = terms.map(([a, b]) => stronger(a, b));
  const found = chooseDerivative(rules, inputs, outputs, makeChoice, since, {
    results: answers.map((answer, i) => ({
      type: inputs[i],
      terms: answer instanceof Variable && isFloat(inputs[i].dtype) ? terms[i] : undefined,
    })),
    given: both((b) =>
      tables[b].seeds.flatMap((placeholder, i) => {
        const from = gradients[outputPosition(computation, b, i)];
        return from instanceof Variable ? [{ placeholder, from }] : [];
      }),
    ),
  });
  return answers.map((answer, i) => {
    if (!wanted[i]) return zero;
    return found[i] ?? (answer instanceof Variable ? zero : answer);
  });
}

/** A tangent for each output. */
export function pushChoice(
  rules: ChoiceRules,
  { inputs, outputs, tangents }: Push<None>,
  makeChoice: MakeChoice,
): readonly Gradient[] {
  const since = creationMark();
  const { computation } = rules;
  const { bodies, shared } = computation;
  const tables = both((b) => {
    const seeds = bodies[b].inputs.map(placeholderLike);
    const moving = bodies[b].inputs.flatMap((each, i) =>
      tangents[i + 1] === undefined ? [] : [[each, seeds[i]] as const],
    );
    return { seeds, table: pushForward(bodies[b].outputs, new Map(moving)) };
  });
  const known = (b: 0 | 1, i: number): Gradient => tables[b].table.get(bodies[b].outputs[i]) ?? disconnected;
  const terms = outputs.map((_, i): [Gradient, Gradient] => {
    if (i < shared) return [known(0, i), known(1, i)];
    const ofSecond = i - bodies[0].outputs.length + shared;
    return ofSecond < shared ? [known(0, i), zero] : [zero, known(1, ofSecond)];
  });
  const answers = terms.map(([a, b]) => stronger(a, b));
  const found = chooseDerivative(rules, inputs, outputs, makeChoice, since, {
    results: answers.map((answer, i) => ({
      type: outputs[i],
      terms: answer instanceof Variable ? terms[i] : undefined,
    })),
    given: both((b) =>
      tables[b].seeds.flatMap((placeholder, i) => {
        const from = tangents[i + 1];
        return from === undefined ? [] : [{ placeholder, from }];
      }),
    ),
  });
  return answers.map((answer, i) => found[i] ?? (answer instanceof Variable ? zero : answer));
}

interface Derivative {
  /** What to compute: in each branch an expression or zeros; or nothing. */
  readonly results: readonly {
    readonly type: Variable;
    readonly terms: readonly [Gradient, Gradient] | undefined;
  }[];
  /** Gradients or tangents that come in, with each branch's own placeholders for them. */
  readonly given: readonly [readonly Given[], readonly Given[]];
}

interface Given {
  readonly placeholder: Variable;
  readonly from: Variable;
}

/** The choice between two derivatives, each of which reads the inputs and intermediate results of its own branch. */
function chooseDerivative(
  { computation, history }: ChoiceRules,
  inputs: readonly Variable[],
  outputs: readonly Variable[],
  makeChoice: MakeChoice,
  since: number,
  { results, given }: Derivative,
): (Variable | undefined)[] {
  const wanted = results.filter(({ terms }) => terms !== undefined);
  if (wanted.length === 0) return results.map(() => undefined);
  const parts = both((b) => {
    const expressions = wanted.map(({ type, terms }) => {
      const term = terms?.[b];
      return term instanceof Variable ? term : full(type.shape, 0, type.dtype);
    });
    const stored = [...chooseResiduals(expressions, history[b])].map((variable) => ({
      variable,
      from: outputs[outputPosition(computation, b, history[b].get(variable) as number)],
    }));
    const read = [
      ...computation.bodies[b].inputs.map((variable, i) => ({ variable, from: inputs[i + 1] })),
      ...stored,
    ].map((each) => ({ ...each, placeholder: placeholderLike(each.variable) }));
    const replaced = new Map(read.map(({ variable, placeholder }) => [variable, placeholder] as const));
    return { outputs: rebuild(expressions, replaced), reads: [...given[b], ...read] };
  });
  const { shared } = makeChoice({
    predicate: inputs[0],
    operands: [...parts[0].reads, ...parts[1].reads].map(({ from }) => from),
    branches: both(
      (b): Branch => ({
        placeholders: both((other) =>
          parts[other].reads.map(({ placeholder }) =>
            other === b ? placeholder : placeholderLike(placeholder),
          ),
        ).flat(),
        shared: parts[b].outputs,
        own: [],
      }),
    ),
    since,
  });
  let next = 0;
  return results.map(({ terms }) => (terms === undefined ? undefined : shared[next++]));
}
