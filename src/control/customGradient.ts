/**
 * Functions with a derivative of their own: a composition of operations whose gradient is stated rather than derived,
 * because another formula is stabler or cheaper, or because another gradient is wanted.
 *
 * Function and rule are both traced when the function is called, and closed over nothing (see `body.ts`). So they are
 * one operation like any other: it can be batched, compiled and differentiated again.
 */

import { buildGradients } from '../autodiff/backprop.ts';
import type { TensorFunction } from '../autodiff/grad.ts';
import { refill } from '../autodiff/products.ts';
import { batchGraph } from '../autodiff/vmap.ts';
import {
  ancestors,
  applyOperation,
  at,
  type Batch,
  type Body,
  ChainruleError,
  type Disconnected,
  DTypeError,
  disconnected,
  type Gradient,
  input,
  isFloat,
  isVariable,
  leavesOf,
  type Operation,
  type Push,
  rebuild,
  ShapeError,
  sameShape,
  type UndefinedGradient,
  undefinedGradient,
  Variable,
  variablesOf,
  type Zero,
  zero,
} from '../graph/index.ts';
import { sum } from '../operations/broadcasting.ts';
import { unlessOfIntegers } from '../operations/checkedRules.ts';
import { mul } from '../operations/elementwise.ts';
import { full } from '../operations/generators.ts';
import { closeLoopBody, intern, placeholderLike } from './body.ts';

/** What a rule sees. */
export interface CustomEdge<Args extends readonly unknown[], T> {
  /** The arguments, as f sees them. */
  readonly inputs: Args;
  /** What f returned. */
  readonly outputs: T;
  /** The gradient with respect to the outputs, in their structure; zeros where none arrives. */
  readonly gradients: T;
}

/** What a rule answers for each argument: a gradient in the structure of the argument, or one word for all of it. */
export type CustomAnswers<Args extends readonly unknown[]> = {
  readonly [K in keyof Args]: Args[K] | Zero | Disconnected | UndefinedGradient;
};

/**
 * The function f with a vector-Jacobian product of its own.
 *
 * ```ts
 * const log1pexp = customGradient(
 *   (x: Variable) => log(add(1, exp(x))),
 *   ({ inputs: [x], gradients: g }) => [mul(g, sigmoid(x))],     // finite where e^x overflows
 * );
 * ```
 * Forward mode transposes the rule, which must be linear in the gradient for that; a rule that is not (one that clips the
 * gradient, say) has reverse mode only. Higher derivatives are those of the rule.
 *
 * What f reads from outside, beside its arguments, counts as constant: asking for a gradient with respect to it is an
 * error, since the rule does not give one. Make it an argument instead, or say `stopGradient`.
 * @param f a function of Variables, or of nested arrays and objects of them, that returns Variables
 * @param rule gives one answer for each argument of f
 */
export function customGradient<Args extends readonly any[], T>(
  f: (...args: Args) => T,
  rule: (edge: CustomEdge<Args, T>) => CustomAnswers<Args>,
): TensorFunction<Args, T> {
  const call = (...args: readonly any[]): T => {
    const variables = args.map((arg) => variablesOf(arg)) as unknown as Args;
    const inputs: Variable[] = leavesOf(variables, isVariable);
    if (inputs.length === 0) throw new ChainruleError(`customGradient: called without a tensor${at()}`);
    const stands = inputs.map(placeholderLike);
    const standing = refill(variables, stands);
    const value: T = variablesOf(f(...standing));
    const outputs: Variable[] = leavesOf(value, isVariable);
    const forward = closeLoopBody(stands, outputs);

    const results = outputs.map(placeholderLike);
    const incoming = outputs.map(placeholderLike);
    const answers = rule({
      inputs: standing,
      outputs: refill(value, results),
      gradients: refill(value, incoming),
    });
    const gradients = gradientsOf(answers, standing);
    const products = gradients.filter(isVariable);
    const backward = closeLoopBody([...stands, ...results, ...incoming], products);

    let next = 0;
    const words = gradients.map((each) => (each instanceof Variable ? backward.body.outputs[next++] : each));
    const operation = intern(
      `customGradient ${JSON.stringify(gradients.map(textOf))}`,
      [forward.body, backward.body],
      () =>
        customOperation({
          arity: inputs.length,
          forward: forward.body,
          backward: backward.body,
          gradients: words,
        }),
    );
    return refill(
      value,
      applyOperation(operation, [...inputs, ...forward.captured, ...backward.captured], {}),
    );
  };
  return call as TensorFunction<Args, T>;
}

/** The word of a gradient, for keys: expressions are told apart by the body they stand in. */
function textOf(gradient: Gradient): unknown {
  return gradient instanceof Variable ? 'expression' : gradient;
}

/** A gradient for each leaf of the arguments. @throws where an answer is missing or does not fit */
function gradientsOf(answers: readonly unknown[], args: readonly unknown[]): Gradient[] {
  if (!Array.isArray(answers) || answers.length !== args.length) {
    const what = Array.isArray(answers) ? `${answers.length} answers` : typeof answers;
    throw new ChainruleError(
      `customGradient: the rule gives ${what} for ${args.length} argument${args.length === 1 ? '' : 's'}; give a list with ` +
        `one gradient (or zero, disconnected, undefinedGradient) for each${at()}`,
    );
  }
  return args.flatMap((arg, i) => {
    const inputs: Variable[] = leavesOf(arg, isVariable);
    if (answers[i] === undefined || answers[i] === null) {
      throw new ChainruleError(
        `customGradient: the rule gives ${answers[i]} for argument ${i}; give a gradient, or the word zero${at()}`,
      );
    }
    const given: Gradient[] = leavesOf(answers[i], isAnswer);
    if (given.length === 1 && !(given[0] instanceof Variable)) return inputs.map(() => given[0]);
    if (given.length !== inputs.length) {
      throw new ChainruleError(
        `customGradient: the rule gives ${given.length} gradients for the ${inputs.length} tensors of argument ${i}${at()}`,
      );
    }
    return given.map((gradient, k) => checkGradient(gradient, inputs[k], i));
  });
}

function isAnswer(value: unknown): value is Gradient {
  const word = (value as { gradient?: unknown } | null | undefined)?.gradient;
  return value instanceof Variable || word === 'zero' || word === 'disconnected' || word === 'undefined';
}

function checkGradient(gradient: Gradient, { shape, dtype, type }: Variable, argument: number): Gradient {
  if (!(gradient instanceof Variable)) return gradient;
  if (!isFloat(dtype)) {
    throw new DTypeError(
      `customGradient: the rule gives a gradient for argument ${argument}, a ${type}, which has no tangent space; answer ` +
        `disconnected${at()}`,
    );
  }
  if (gradient.dtype === dtype && sameShape(gradient.shape, shape)) return gradient;
  throw new (gradient.dtype === dtype ? ShapeError : DTypeError)(
    `customGradient: the rule gives a gradient ${gradient.type} for argument ${argument}, a ${type}; they must be equal${at()}`,
  );
}

interface Custom {
  /** How many inputs are leaves of the arguments; then come those captured by f, then those captured by the rule. */
  readonly arity: number;
  /** From arguments and captured inputs to outputs. */
  readonly forward: Body<Variable>;
  /** From arguments, outputs, gradients and captured inputs to the gradients that are expressions. */
  readonly backward: Body<Variable>;
  /** One for each leaf of the arguments; the expressions are outputs of `backward`. */
  readonly gradients: readonly Gradient[];
}

const unstated = undefinedGradient(
  'the rule of a customGradient gives none for what its function reads from outside its arguments (make that an argument)',
);

const notLinear = undefinedGradient(
  'the rule of a customGradient is not linear in the gradient, so forward mode cannot transpose it (use reverse mode)',
);

function customOperation(custom: Custom): Operation<Record<string, never>> {
  const { arity, forward, gradients } = custom;
  const captured = forward.inputs.length;
  const answer = (
    index: number,
    edge: Pick<Push<unknown>, 'inputs' | 'outputs'>,
    incoming: readonly Gradient[],
  ) => {
    // What only the rule reads does not enter the value.
    if (index >= captured) return disconnected;
    if (index >= arity) return unstated;
    const gradient = gradients[index];
    if (!(gradient instanceof Variable)) return gradient;
    const [made] = inPlace(custom, [gradient], edge, incoming);
    return unlessOfIntegers('customGradient', edge.outputs, incoming, made);
  };
  let transpose: ReturnType<typeof transposed> | undefined;
  return {
    name: 'customGradient',
    infer: () => forward.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    bprop: ({ index, gradients: incoming, ...edge }) => answer(index, edge, incoming),
    jvp(push) {
      transpose ??= transposed(custom);
      return transpose(push);
    },
    batch: (batch) => applyOperation(batched(custom, batch), batch.inputs, {}),
    computation: {
      kind: 'composition',
      expand: (inputs) =>
        rebuild(forward.outputs, new Map(forward.inputs.map((stand, i) => [stand, inputs[i]]))),
    },
  };
}

/** Expressions of the rule's graph with an application's own variables in place of the placeholders. */
function inPlace(
  { arity, forward, backward }: Custom,
  expressions: readonly Variable[],
  { inputs, outputs }: Pick<Push<unknown>, 'inputs' | 'outputs'>,
  incoming: readonly Gradient[],
  further: ReadonlyMap<Variable, Variable> = new Map(),
): Variable[] {
  const gradients = incoming.map((each, i) =>
    each instanceof Variable ? each : full(outputs[i].shape, 0, outputs[i].dtype),
  );
  const values = [
    ...inputs.slice(0, arity),
    ...outputs,
    ...gradients,
    ...inputs.slice(forward.inputs.length),
  ];
  return rebuild(
    expressions,
    new Map([...backward.inputs.map((stand, i) => [stand, values[i]] as const), ...further]),
  );
}

/** The Jacobian-vector product: the transpose of the rule, as a graph of its own. */
function transposed(custom: Custom): NonNullable<Operation['jvp']> {
  const { arity, forward, backward, gradients } = custom;
  const count = forward.outputs.length;
  const incoming = backward.inputs.slice(arity + count, arity + 2 * count);
  const tangents = forward.inputs.map(placeholderLike);
  const isIncoming = new Set(incoming);
  return (push) => {
    const products: Variable[] = [];
    for (let i = 0; i < push.tangents.length; i++) {
      if (push.tangents[i] === undefined || i >= forward.inputs.length) continue;
      if (i >= arity) return forward.outputs.map(() => unstated);
      const gradient = gradients[i];
      if (gradient instanceof Variable) products.push(sum(mul(gradient, tangents[i])));
      else if (gradient.gradient === 'undefined') return forward.outputs.map(() => gradient);
    }
    const table = buildGradients(
      products,
      incoming,
      products.map(({ dtype }) => full([], 1, dtype)),
    );
    const further = new Map<Variable, Variable>();
    push.tangents.forEach((tangent, i) => {
      if (tangent !== undefined && i < arity) further.set(tangents[i], tangent);
    });
    return incoming.map((each) => {
      const made = table.get(each) ?? zero;
      if (!(made instanceof Variable)) return made;
      if (ancestors([made]).leaves.some((leaf) => isIncoming.has(leaf))) return notLinear;
      return inPlace(
        custom,
        [made],
        push,
        push.outputs.map(() => zero),
        further,
      )[0];
    });
  };
}

/** The same for every index of a batch axis, which leads the mapped inputs and every output. */
function batched(
  custom: Custom,
  { mapped, size }: Batch<Record<string, never>>,
): Operation<Record<string, never>> {
  const { arity, forward, backward, gradients } = custom;
  const outputs = forward.outputs.length;
  const isMapped = [
    ...mapped.slice(0, arity),
    ...new Array<boolean>(2 * outputs).fill(true),
    ...mapped.slice(forward.inputs.length),
  ];
  const forwardBody = batchBody(forward, mapped, size);
  const products = gradients.filter(isVariable);
  const backwardBody = batchBody({ inputs: backward.inputs, outputs: products }, isMapped, size);
  let next = 0;
  const own = gradients.map((gradient, i) => {
    if (!(gradient instanceof Variable)) return gradient;
    const made = backwardBody.outputs[next++];
    return mapped[i] ? made : sum(made, 0);
  });
  const body = { inputs: backwardBody.inputs, outputs: own.filter(isVariable) };
  return intern(`customGradient ${JSON.stringify(own.map(textOf))}`, [forwardBody, body], () =>
    customOperation({ arity, forward: forwardBody, backward: body, gradients: own }),
  );
}

function batchBody(
  { inputs, outputs }: Body<Variable>,
  mapped: readonly boolean[],
  size: number,
): Body<Variable> {
  const wide = inputs.map(({ shape, dtype }, i) =>
    mapped[i] ? input([size, ...shape], { dtype }) : undefined,
  );
  const table = new Map<Variable, Variable>();
  inputs.forEach((each, i) => {
    const batch = wide[i];
    if (batch !== undefined) table.set(each, batch);
  });
  return { inputs: inputs.map((each, i) => wide[i] ?? each), outputs: batchGraph(outputs, table, size) };
}
