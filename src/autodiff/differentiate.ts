/**
 * Differentiation in the midst of rewriting: the graph is brought into its stable form first, and what comes out is made
 * short.
 *
 * Rewriting keeps values, not the way to them: in log(e) with e = exp(x), which becomes x, nobody finds e any more. Whoever
 * asks for a derivative with respect to e must still get it. So the targets are hidden from the rewriter, and what has been
 * derived before is put back as plain back-propagation would have made it, where a target may lie within.
 */
import {
  ancestors,
  constant,
  creationMark,
  type Gradient,
  getOperation,
  input,
  once,
  rebuild,
  Variable,
} from '../graph/index.ts';
import { full } from '../operations/generators.ts';
import { identity } from '../operations/identity.ts';
import { simplifyDerivatives, stabilize } from '../rewrite/passes.ts';

/** Derivatives of outputs, as a graph on top of theirs: nothing but the rules, applied one by one. */
type Build = (outputs: readonly Variable[], targets: readonly Variable[]) => readonly Gradient[];

/**
 * What `build` makes of `outputs` in their stable form, made short.
 * @param targets what the derivatives are with respect to
 * @param options.onlyEvaluated says that nobody will differentiate or print what comes out: the compiler makes it short
 */
export function differentiate(
  outputs: readonly Variable[],
  targets: readonly Variable[],
  build: Build,
  { onlyEvaluated = false } = {},
): Gradient[] {
  const explicit = targets.some(isSeenThrough)
    ? withPlainDerivatives(outputs, targets)
    : { outputs, targets };
  const stable = stabilizeAround(explicit.targets, explicit.outputs);
  const since = creationMark();
  const built = build(stable, explicit.targets);
  if (onlyEvaluated) return [...built];
  const simple = simplifyDerivatives(built.filter(isVariable), since);
  let next = 0;
  const short = built.map((gradient) => (isVariable(gradient) ? simple[next++] : gradient));
  if (stable.every((each, i) => each === outputs[i]) && short.every((each, i) => each === built[i]))
    return short;
  return withPlainForms(short, since, () => {
    const plain = withPlainDerivatives(outputs, targets);
    return build(plain.outputs, plain.targets);
  });
}

/**
 * The derivatives, with word of how to get them as they would have come out of the graph as it was written.
 * @param since the number of a variable made just before differentiation began: what is older stands for itself too, and
 * is given another name here
 */
export function withPlainForms(
  derivatives: readonly Gradient[],
  since: number,
  build: () => readonly Gradient[],
): Gradient[] {
  const plain = once(build);
  return derivatives.map((gradient, i) => {
    if (!isVariable(gradient)) return gradient;
    const made = gradient.id < since ? anotherNameFor(gradient) : gradient;
    plainForms.set(made, () => asVariable(plain()[i], made));
    return made;
  });
}

function isVariable(gradient: Gradient): gradient is Variable {
  return gradient instanceof Variable;
}

/** A variable of its own for the same numbers. */
function anotherNameFor(variable: Variable): Variable {
  const { source } = variable;
  return source.kind === 'constant' ? constant(source.tensor) : identity(variable);
}

/** Zeros, where there is only a word for it. */
function asVariable(gradient: Gradient, { shape, dtype }: Variable): Variable {
  return isVariable(gradient) ? gradient : full(shape, 0, dtype);
}

const identityOperation = identity.declaration.operation;

/**
 * Whether rewriting might look into how a target is computed. It knows nothing of what leaves hold, but for constants, and
 * never looks through an identity.
 */
function isSeenThrough(target: Variable): boolean {
  if (target.source.kind === 'constant') return true;
  const application = getOperation(target);
  return application !== undefined && application.operation !== identityOperation;
}

/** `stabilize` for a graph in which the targets are leaves of which nothing is known. */
export function stabilizeAround(targets: readonly Variable[], outputs: readonly Variable[]): Variable[] {
  const hidden = targets.filter(isSeenThrough);
  if (hidden.length === 0) return stabilize(outputs);
  const stands = hidden.map(({ shape, dtype }) => input(shape, { dtype }));
  const covered = rebuild(outputs, new Map(hidden.map((each, i) => [each, stands[i]])));
  return rebuild(stabilize(covered), new Map(stands.map((each, i) => [each, hidden[i]])));
}

/** Of derivatives that are made short, how to get them as they would have come out of the graph as it was written. */
const plainForms = new WeakMap<Variable, () => Variable>();

/**
 * The graph of `outputs` with every derivative in it as it would have come out of the graph as it was written; and what
 * has become of `targets`, which may be such derivatives, or be computed from some.
 */
export function withPlainDerivatives(
  outputs: readonly Variable[],
  targets: readonly Variable[],
): { outputs: readonly Variable[]; targets: readonly Variable[] } {
  const replaced = new Map<Variable, Variable>();
  const { applications, leaves } = ancestors([...outputs, ...targets]);
  for (const each of [...leaves, ...applications.flatMap(({ outputs: made }) => made)]) {
    const plain = plainForms.get(each);
    if (plain !== undefined) replaced.set(each, plain());
  }
  if (replaced.size === 0) return { outputs, targets };
  const rebuilt = rebuild([...outputs, ...targets], replaced);
  return { outputs: rebuilt.slice(0, outputs.length), targets: rebuilt.slice(outputs.length) };
}
