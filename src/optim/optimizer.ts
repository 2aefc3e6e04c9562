/**
 * What all optimisers share: which parameters to train, the state that goes with each, and the update as
 * expressions of the graph. A rule, in a file of its own, is left with the formulas.
 */
import { buildGradients, gradients as gradientsOf } from '../autodiff/backprop.ts';
import { differentiate } from '../autodiff/differentiate.ts';
import {
  at,
  ChainruleError,
  captureSite,
  DisconnectedError,
  DTypeError,
  disconnected,
  filled,
  isFloat,
  type Parameter,
  parameter,
  parametersOf,
  ShapeError,
  sameShape,
  scalar,
  type TensorLike,
  toVariable,
  type Updates,
  Variable,
  withSite,
} from '../graph/index.ts';
import { add } from '../operations/arithmetic.ts';
import { cast } from '../operations/conversion.ts';

/** Turns gradients into updates of parameters. */
export interface Optimizer {
  readonly name: string;
  /** A scalar that may be set between steps, without compiling anew: `optimizer.learningRate.set(0.01)`. */
  readonly learningRate: Parameter<readonly []>;
  /**
   * All state by name, to be saved with the weights: the learning rate, step counts, and per parameter its moments
   * (`velocity.0` belongs to the first parameter met). It grows when a parameter is first updated.
   */
  readonly state: ReadonlyMap<string, Parameter>;
  /**
   * The updates of one step that lowers J, to be returned from a compiled function: `withUpdates(J, minimize(J))`.
   * @param J a floating-point scalar
   * @param parameters what to train; by default every trainable parameter that J has a gradient for
   * @throws ShapeError or DTypeError unless J is a floating-point scalar; DisconnectedError where J depends on no
   * trainable parameter, or not on one of `parameters`
   */
  minimize(J: Variable, parameters?: readonly Parameter[]): Updates;
  /**
   * The updates for gradients that the caller has made (clipped, say, or averaged), one per parameter.
   * @throws ChainruleError, ShapeError or DTypeError where they do not match the parameters
   */
  updates(parameters: readonly Parameter[], gradients: readonly TensorLike[]): Updates;
  /**
   * Makes the state of `parameters` now rather than at their first update, so that saved state can be set before the
   * first step. State is numbered in the order in which parameters are met: prepare the same list in both programs.
   */
  prepare(parameters: readonly Parameter[]): void;
}

/** Scalars that one step computes once, in float64, and every element then uses. */
export type Scalars = { readonly [name: string]: Variable };

/** The formulas of an optimiser. */
export interface Rule<S extends Scalars = Scalars> {
  readonly name: string;
  /** The state of each parameter: tensors of its shape, zero at first. */
  readonly slots: readonly string[];
  /** Whether the formulas count steps. */
  readonly countsSteps: boolean;
  /** From the learning rate and the number t of this step (1, 2, ...; NaN if not counted); float64 scalars. */
  scalars(learningRate: Variable, t: Variable): S;
  /** The new values of parameter w with gradient g and of its slots, in the order of `slots`. */
  step(w: Variable, g: Variable, slots: readonly Variable[], scalars: S): { w: Variable; slots: Variable[] };
}

/** What belongs to one parameter: its slots, and the step count shared with those first updated beside it. */
interface ParameterState {
  readonly slots: readonly Parameter[];
  readonly steps: Parameter | undefined;
}

/** The optimiser that follows `rule`. */
export function createOptimizer<S extends Scalars>(rule: Rule<S>, initialRate: number): Optimizer {
  const state = new Map<string, Parameter>();
  const states = new WeakMap<Parameter, ParameterState>();
  let met = 0;
  let groups = 0;

  const learningRate = parameter(filled([], 'float64', initialRate), {
    name: 'learningRate',
    trainable: false,
  }) as Parameter<readonly []>;
  state.set('learningRate', learningRate as Parameter);

  const make = (name: string, { shape, dtype }: Pick<Variable, 'shape' | 'dtype'>): Parameter => {
    const made = parameter(filled(shape, dtype, 0), { name, trainable: false });
    state.set(name, made);
    return made;
  };

  /** Gives state to parameters that have none. Those met in one call step together, so they share one count. */
  const prepare: Optimizer['prepare'] = (parameters) => {
    const fresh = new Set(parameters.filter((each) => !states.has(each)));
    if (fresh.size === 0) return;
    const steps = rule.countsSteps ? make(`steps.${groups++}`, scalar(0, 'float64')) : undefined;
    for (const each of fresh) {
      const slots = rule.slots.map((slot) => make(`${slot}.${met}`, each));
      met++;
      states.set(each, { slots, steps });
    }
  };

  // All that an update consists of was asked for by one line: the caller's.
  const updates: Optimizer['updates'] = (parameters, gradients) =>
    withSite(captureSite(), () => updatesOf(parameters, gradients));

  const updatesOf: Optimizer['updates'] = (parameters, gradients) => {
    const checked = checkGradients(rule.name, parameters, gradients);
    prepare(parameters);
    const next = new Map<Parameter, Variable>();
    const scalarsFor = memoize((steps: Parameter | undefined) => {
      const t: Variable = steps === undefined ? scalar(Number.NaN, 'float64') : add(steps, 1);
      if (steps !== undefined) next.set(steps, t);
      const wide = rule.scalars(learningRate as Variable, t);
      return memoize((dtype: Variable['dtype']) => castAll(wide, dtype));
    });
    parameters.forEach((w, i) => {
      const { slots, steps } = states.get(w)!;
      const after = rule.step(w, checked[i], slots, scalarsFor(steps)(w.dtype));
      slots.forEach((slot, k) => {
        next.set(slot, after.slots[k]);
      });
      next.set(w, after.w);
    });
    return next;
  };

  const minimize: Optimizer['minimize'] = (J, parameters) => {
    checkLoss(rule.name, J);
    if (parameters?.length === 0) {
      throw new ChainruleError(`${rule.name}: minimize was given an empty list of parameters${at()}`);
    }
    if (parameters !== undefined) return updates(parameters, gradientsOf(J, parameters));
    const found = reachable(rule.name, J);
    return updates([...found.keys()], [...found.values()]);
  };

  return { name: rule.name, learningRate, state, minimize, updates, prepare };
}

/** A function that computes each answer once. */
function memoize<K, V>(compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return known.get(key)!;
  };
}

function castAll<S extends Scalars>(scalars: S, dtype: Variable['dtype']): S {
  return Object.fromEntries(Object.entries(scalars).map(([name, each]) => [name, cast(each, dtype)])) as S;
}

function checkLoss(name: string, J: Variable): void {
  if (!(J instanceof Variable)) {
    throw new ChainruleError(`${name}: minimize takes the loss as a Variable, not ${typeof J}${at()}`);
  }
  if (J.rank > 0) {
    throw new ShapeError(
      `${name}: minimize takes a scalar, but J is ${J.toString()}; reduce it with mean or sum${at()}`,
    );
  }
  if (!isFloat(J.dtype)) {
    throw new DTypeError(
      `${name}: minimize takes a floating-point scalar, but J is ${J.toString()}, which has no gradient${at()}`,
    );
  }
}

/**
 * The trainable parameters of J with their gradients. Those that J reaches only through `stopGradient`, or another
 * path without derivative, are frozen: they are left out, so that weight decay does not shrink them.
 */
function reachable(name: string, J: Variable): Map<Parameter, Variable> {
  const candidates = parametersOf([J]);
  const seed = scalar(1, J.dtype);
  const gradients = differentiate([J], candidates, (outputs, sought) => {
    const table = buildGradients(outputs, sought, [seed]);
    return sought.map((each) => table.get(each) ?? disconnected);
  });
  const found = new Map<Parameter, Variable>();
  candidates.forEach((each, i) => {
    const gradient = gradients[i];
    if (gradient instanceof Variable) found.set(each, gradient);
    // Asking for it by itself throws the error that tells why it is undefined.
    else if (gradient.gradient === 'undefined') gradientsOf(J, [each]);
  });
  if (found.size === 0) {
    const why =
      candidates.length === 0 ? 'has no trainable parameters' : 'has no gradient for its parameters';
    throw new DisconnectedError(
      `${name}: ${J.toString()} ${why}; build it from parameter(...) or a layer, outside stopGradient${at()}`,
    );
  }
  return found;
}

/** The gradients as Variables. @throws where they do not match the parameters one to one */
function checkGradients(
  name: string,
  parameters: readonly Parameter[],
  gradients: readonly TensorLike[],
): Variable[] {
  if (parameters.length !== gradients.length) {
    throw new ChainruleError(
      `${name}: ${gradients.length} gradients for ${parameters.length} parameters; give one for each${at()}`,
    );
  }
  const seen = new Set<Parameter>();
  return parameters.map((w, i) => {
    if (seen.has(w)) {
      throw new ChainruleError(
        `${name}: ${w.toString()} is given twice; one step updates a parameter once${at()}`,
      );
    }
    seen.add(w);
    const g = toVariable(gradients[i], w.dtype);
    if (!sameShape(g.shape, w.shape) || g.dtype !== w.dtype) {
      const ErrorClass = g.dtype === w.dtype ? ShapeError : DTypeError;
      throw new ErrorClass(`${name}: gradient ${i} is ${g.type}, but ${w.toString()} needs ${w.type}${at()}`);
    }
    return g;
  });
}
