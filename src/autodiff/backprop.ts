/**
 * The general back-propagation algorithm (Goodfellow et al., algorithms 6.5 and 6.6), symbol to symbol: it adds to
 * the graph the expressions that compute the gradient, and knows no operation's rules.
 *
 * Where the book's `build_grad` recurses from each target, this walks the pruned graph once in reverse topological
 * order: the same terms, one bprop per edge, no stack to overflow. Terms are added as they arrive.
 */
import {
  type Application,
  at,
  DisconnectedError,
  DTypeError,
  disconnected,
  type Gradient,
  isFloat,
  kindOf,
  prune,
  type Shape,
  ShapeError,
  sameShape,
  scalar,
  UndefinedGradientError,
  undefinedGradient,
  Variable,
  withRule,
  zero,
} from '../graph/index.ts';
import { full } from '../operations/generators.ts';
import { getRewriting } from '../rewrite/level.ts';
import { differentiate } from './differentiate.ts';
import { addMasked, fitsMask, keepsMask, maskOf, sumMasked, underMask } from './masks.ts';

export interface GradientOptions {
  /** What a target without a path to z gives: an error (default), or zeros. */
  disconnected?: 'throw' | 'zero';
  /** The gradient to start from, of z's shape; 1 by default, for a scalar z. */
  seed?: Variable;
}

/** Variables of the same shapes as the targets. */
export type GradientsOf<Targets extends readonly Variable[]> = {
  -readonly [K in keyof Targets]: Targets[K] extends Variable<infer S extends Shape> ? Variable<S> : never;
};

/**
 * The gradients of z with respect to each of `targets`, as expressions that can be evaluated, printed, drawn and
 * differentiated again.
 *
 * @param z a floating-point scalar, or of any shape if `seed` says with what weights its elements count
 * @param targets any variables, leaves or not
 * @throws DisconnectedError for a target on which z does not depend (unless `{ disconnected: 'zero' }`)
 * @throws UndefinedGradientError for an integer target, or where the path meets an operation without a derivative
 * @see algorithm 6.5, eq. 6.54
 */
export function gradients<const Targets extends readonly Variable[]>(
  z: Variable,
  targets: Targets,
  options: GradientOptions = {},
): GradientsOf<Targets> {
  return gradientsFor(z, targets, options);
}

/** As {@link gradients}; `onlyEvaluated` as in `differentiate`. */
export function gradientsFor<const Targets extends readonly Variable[]>(
  z: Variable,
  targets: Targets,
  options: GradientOptions & { readonly onlyEvaluated?: boolean },
): GradientsOf<Targets> {
  checkVariables(z, targets);
  const seeds = [seedOf(z, options.seed)];
  const wordsOf = (outputs: readonly Variable[], sought: readonly Variable[]): Gradient[] => {
    const table = buildGradients(outputs, sought, seeds);
    return sought.map((target) => table.get(target) ?? disconnected);
  };
  const found = differentiate([z], targets, wordsOf, options);
  // In x / x, which is 1, x is not met any more: the gradient is zero then, not missing.
  const asWritten = found.some((each) => !(each instanceof Variable)) ? wordsOf([z], targets) : found;
  return targets.map((target, i) => {
    const vanished = asWritten[i] instanceof Variable && !(found[i] instanceof Variable);
    return resolve('gradients', z, target, vanished ? zero : found[i], options);
  }) as GradientsOf<Targets>;
}

/** @throws DTypeError where numbers, or one target without its list, stand in the place of symbols */
function checkVariables(z: unknown, targets: unknown): void {
  if (!(z instanceof Variable))
    throw new DTypeError(`gradients: z is ${kindOf(z)}, not a Variable; numbers have no graph${at()}`);
  if (!Array.isArray(targets)) {
    throw new DTypeError(
      `gradients: the targets are ${kindOf(targets)}; give a list of Variables: gradients(z, [x])${at()}`,
    );
  }
  targets.forEach((each, i) => {
    if (!(each instanceof Variable))
      throw new DTypeError(`gradients: target ${i} is ${kindOf(each)}, not a Variable${at()}`);
  });
}

/** The gradient to start from. @throws ShapeError, DTypeError where there is none */
export function seedOf(z: Variable, seed: Variable | undefined): Variable {
  if (!isFloat(z.dtype)) {
    throw new DTypeError(
      `gradients: ${z.toString()} is not floating point, so nothing can be differentiated${at()}`,
    );
  }
  if (seed === undefined) {
    if (z.rank > 0) {
      throw new ShapeError(
        `gradients: ${z.toString()} is not a scalar; reduce it (sum, mean) or pass { seed } of shape [${z.shape.join(', ')}]${at()}`,
      );
    }
    return scalar(1, z.dtype);
  }
  if (!sameShape(seed.shape, z.shape) || seed.dtype !== z.dtype) {
    throw new (seed.dtype === z.dtype ? ShapeError : DTypeError)(
      `gradients: the seed is ${seed.type}, but z is ${z.type}${at()}`,
    );
  }
  return seed;
}

/** The outcome for one target as an expression, or the error that tells why there is none. */
export function resolve(
  operation: string,
  z: Variable,
  target: Variable,
  gradient: Gradient,
  options: GradientOptions,
): Variable {
  if (gradient instanceof Variable) return gradient;
  if (!isFloat(target.dtype)) {
    throw new UndefinedGradientError(
      `${operation}: no gradient with respect to ${target.toString()}: ${target.dtype} has no tangent space; ` +
        `cast it to a float dtype before it is used${at()}`,
    );
  }
  if (gradient.gradient === 'undefined') {
    throw new UndefinedGradientError(
      `${operation}: ${z.toString()} has no derivative with respect to ${target.toString()}, because ${gradient.reason}; ` +
        `take another path, or stopGradient around it${at()}`,
    );
  }
  if (gradient.gradient === 'disconnected' && options.disconnected !== 'zero') {
    throw new DisconnectedError(
      `${operation}: ${z.toString()} does not depend on ${target.toString()}; ` +
        `leave it out, or pass { disconnected: 'zero' } for zeros${at()}`,
    );
  }
  return full(target.shape, 0, target.dtype);
}

/** One edge as back-propagation passes it. */
export interface PassedEdge {
  readonly application: Application;
  /** Which of its inputs the edge leads to. */
  readonly index: number;
  /** What came in at each of the application's outputs. */
  readonly incoming: readonly Gradient[];
  /** What went on to the input. */
  readonly term: Gradient;
}

/**
 * The gradTable of algorithm 6.5: what is known of dz/dV for every V between the targets and z, where z is the sum of
 * the inner products of `outputs` with `seeds`.
 * @param watch sees every edge; applications at whose outputs nothing arrives are passed over
 */
export function buildGradients(
  outputs: readonly Variable[],
  targets: readonly Variable[],
  seeds: readonly Gradient[],
  watch?: (edge: PassedEdge) => void,
): Map<Variable, Gradient> {
  const { applications, reached } = prune(outputs, targets);
  const table = new Map<Variable, Gradient>();
  outputs.forEach((output, i) => {
    // Integers have no tangent space: nothing comes back from them but a word.
    if (reached.has(output) && (isFloat(output.dtype) || !(seeds[i] instanceof Variable)))
      table.set(output, accumulate(table.get(output) ?? disconnected, seeds[i]));
  });
  for (let i = applications.length - 1; i >= 0; i--) passBack(applications[i], reached, table, { watch });
  return table;
}

/**
 * One application's part of algorithm 6.5: to what is known of the gradient of each input, adds what flows back along the
 * edge to it.
 * @param reached the variables on the way to the targets
 * @param table what has arrived from all consumers of the application's outputs
 * @param options.seen an application that its rule is asked about in its place: the same one, computed elsewhere
 */
export function passBack(
  application: Application,
  reached: ReadonlySet<Variable>,
  table: Map<Variable, Gradient>,
  { watch, seen = application }: { watch?: (edge: PassedEdge) => void; seen?: Application } = {},
): void {
  const incoming = application.outputs.map((output) => table.get(output) ?? disconnected);
  if (incoming.every((gradient) => !(gradient instanceof Variable) && gradient.gradient === 'disconnected'))
    return;
  withRule(application.site, application.operation.name, () => {
    const wanted = application.inputs.map((input) => reached.has(input));
    const rule = ruleOf(seen, incoming, wanted);
    application.inputs.forEach((input, index) => {
      if (!wanted[index]) return;
      const term = alongEdge(seen, index, incoming, rule);
      watch?.({ application, index, incoming, term });
      table.set(input, accumulate(table.get(input) ?? disconnected, term));
    });
  });
}

/** The rule of one application, as a function of the input's index: bprop, or pullback where the operation has one. */
function ruleOf(
  application: Application,
  gradients: readonly Gradient[],
  wanted: readonly boolean[],
): (index: number) => Gradient {
  const { operation, inputs, outputs, attributes } = application;
  const g = gradients[0] instanceof Variable ? gradients[0] : full(outputs[0].shape, 0, outputs[0].dtype);
  const mask = getRewriting() === 'none' ? undefined : maskOf(g);
  if (mask !== undefined && keepsMask(application, mask)) {
    const { inside } = mask;
    return (index) => {
      const term = operation.bprop({ inputs, outputs, attributes, index, g: inside, gradients: [inside] });
      if (term === inside) return g;
      if (!(term instanceof Variable)) return term;
      if (fitsMask(mask, term)) return underMask(mask, term);
      return operation.bprop({ inputs, outputs, attributes, index, g, gradients });
    };
  }
  if (operation.pullback === undefined)
    return (index) => operation.bprop({ inputs, outputs, attributes, index, g, gradients });
  let answers: readonly Gradient[] | undefined;
  return (index) => {
    answers ??= operation.pullback?.({ inputs, outputs, attributes, g, gradients, wanted }) ?? [];
    return answers[index];
  };
}

/** One term of the chain rule: the gradient that flows back along the edge from `application` to its input. */
function alongEdge(
  { operation, inputs, outputs }: Application,
  index: number,
  incoming: readonly Gradient[],
  rule: (index: number) => Gradient,
): Gradient {
  const undefinedAt = incoming.findIndex(
    (gradient) => !(gradient instanceof Variable) && gradient.gradient === 'undefined',
  );
  if (undefinedAt >= 0 && isWhole(outputs[undefinedAt]) && isWhole(inputs[index]))
    return incoming[undefinedAt];
  if (undefinedAt < 0 && !incoming.some((gradient) => gradient instanceof Variable)) return zero;
  const term = rule(index);
  if (!(term instanceof Variable)) return term;
  if (undefinedAt >= 0 && isFloat(outputs[undefinedAt].dtype)) return incoming[undefinedAt];
  const input = inputs[index];
  if (!isFloat(input.dtype))
    return undefinedGradient(`${input.toString()} is ${input.dtype}, which has no tangent space`);
  const summed = sumMasked(term, input.shape);
  if (summed.dtype !== input.dtype) {
    throw new DTypeError(
      `${operation.name}: its bprop gives ${summed.type} for input ${index} of type ${input.type}`,
    );
  }
  return summed;
}

/**
 * Integer arithmetic: what it makes of an index (argmax(x) + 1) has no more of a derivative than the index. A truth
 * value is not meant: it is piecewise constant, and its rule says zero.
 */
export function isWhole({ dtype }: Variable): boolean {
  return dtype === 'int32' || dtype === 'uint8';
}

/** The sum of what arrived before and one more term; what is undefined stays so whatever is added. */
export function accumulate(before: Gradient, term: Gradient): Gradient {
  if (before instanceof Variable) {
    if (term instanceof Variable) return addMasked(before, term);
    return term.gradient === 'undefined' ? term : before;
  }
  if (before.gradient === 'undefined') return before;
  if (before.gradient === 'disconnected') return term;
  return !(term instanceof Variable) && term.gradient === 'disconnected' ? before : term;
}
