/**
 * The rewriter: rebuilds a graph bottom up. Equal applications merge, operations on known numbers fold, rules fire, and
 * what no output needs is left behind. What a rule has built is visited in its turn, until nothing fires: a worklist of new
 * applications, never a sweep over the whole graph.
 */
import {
  type Application,
  ancestors,
  applyOperation,
  attributeKey,
  expansionOf,
  getOperation,
  inOrderOfCreation,
  inPlaceOf,
  operationNumber,
  RewriteError,
  sameShape,
  scalar,
  type Variable,
  withParts,
} from '../graph/index.ts';
import { broadcastTo } from '../operations/broadcasting.ts';
import { identity } from '../operations/identity.ts';
import { numberLanguage, store } from '../operations/scalar.ts';
import { uniformValue } from '../operations/uniform.ts';
import { instantiate, match } from './match.ts';
import type { Place, Rule } from './rule.ts';
import type { RuleTable } from './ruleTable.ts';
import type { Bindings } from './term.ts';
import { type RewriteStep, stepOf } from './trace.ts';

export interface RewriteOptions {
  /** Absent: none fire. */
  readonly rules?: RuleTable;
  /** Also replaces each composition by what it is composed of. */
  readonly expand?: boolean;
  /**
   * The graph as it was stays in use beside the new one, to be differentiated: regions (see `Operation.regionResults`) are
   * left as they are, and so is all that leads to an opaque operation, which must not run twice, or to an identity, which
   * may be what a derivative is with respect to.
   */
  readonly keepRegions?: boolean;
  /** What was made from this variable number on belongs to a derivative. */
  readonly derivativesSince?: number;
  /** Sees each rule that fires. */
  readonly watch?: (rule: Rule) => void;
  /** Receives a description of each step. */
  readonly trace?: RewriteStep[];
}

const identityOperation = identity.declaration.operation;

/** How many rules may fire in the place of one application of the graph as it was. */
const CAP = 1000;

/** The graph of `outputs` rewritten: the new outputs, in order. */
export function rewrite(outputs: readonly Variable[], options: RewriteOptions = {}): Variable[] {
  const rewriter = new Rewriter(outputs, options);
  rewriter.visitAll(outputs);
  const rewritten = outputs.map((output) => rewriter.current(output));
  rewriter.markDerivatives(rewritten);
  return rewritten;
}

/** Applications that differentiation has made. */
const derivatives = new WeakSet<Application>();

/** Applications to visit, and what to do when they are done. */
interface Visit {
  readonly applications: readonly Application[];
  next: number;
  readonly finish?: () => void;
}

/** What comes in the place of an application. */
interface Rebuilt {
  readonly results: readonly Variable[];
  /** Under which equal applications find it. */
  readonly key?: string;
  /** Built just now on top of variables of the new graph, and still to be visited. */
  readonly isNew?: boolean;
  /** What the application would have read, which its replacement may not. */
  readonly unread?: readonly Variable[];
}

class Rewriter implements Pick<Place, 'uses' | 'isDerivative'> {
  private readonly options: RewriteOptions;
  /** What each variable of the old graph has become, where that differs. */
  private readonly replaced = new Map<Variable, Variable>();
  /** The outputs of each application of the new graph, by operation, inputs and attributes. */
  private readonly known = new Map<string, readonly Variable[]>();
  private readonly constants = new Map<string, Variable>();
  /** Applications that are done, of the old graph and of the new. */
  private readonly settled = new Set<Application>();
  /** Applications inside regions. */
  private readonly frozen: ReadonlySet<Application>;
  /** How many applications and results read each variable of the new graph, those that are still to be visited included. */
  private readonly readers = new Map<Variable, number>();
  /** The applications whose reading is counted. */
  private readonly counted = new Set<Application>();
  /** The rules that have fired in the place of the application being visited. */
  private fired: string[] = [];

  constructor(outputs: readonly Variable[], options: RewriteOptions) {
    this.options = options;
    const { applications } = ancestors(outputs);
    this.frozen = options.keepRegions ? insideRegions(applications) : new Set();
    this.countReaders(outputs);
    for (const each of applications) this.countApplication(each);
  }

  private countApplication(application: Application): void {
    // Only rules ask.
    if (this.options.rules === undefined || this.counted.has(application)) return;
    this.counted.add(application);
    this.countReaders(application.inputs.map((each) => this.current(each)));
  }

  private countReaders(variables: readonly Variable[]): void {
    if (this.options.rules === undefined) return;
    for (const each of variables) this.readers.set(each, this.uses(each) + 1);
  }

  /** Counts readers that are gone, and what only they had kept. */
  private discountReaders(variables: readonly Variable[]): void {
    if (this.options.rules === undefined) return;
    const pending = [...variables];
    for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
      const left = this.uses(each) - 1;
      this.readers.set(each, left);
      if (left === 0) pending.push(...(getOperation(each)?.inputs ?? []));
    }
  }

  uses(variable: Variable): number {
    return this.readers.get(variable) ?? 0;
  }

  isDerivative(variable: Variable): boolean {
    const application = getOperation(variable);
    return (
      variable.id >= (this.options.derivativesSince ?? Infinity) ||
      (application !== undefined && derivatives.has(application))
    );
  }

  /** Remembers, for later orders, what of the new graph differentiation has made. */
  markDerivatives(outputs: readonly Variable[]): void {
    const since = this.options.derivativesSince;
    if (since === undefined) return;
    for (const application of ancestors(outputs, ({ id }) => id < since).applications)
      derivatives.add(application);
  }

  /** The variable of the new graph that stands for `variable`. */
  current(variable: Variable): Variable {
    return this.replaced.get(variable) ?? this.mergeConstant(variable);
  }

  /**
   * Rebuilds the applications above `outputs` in the order in which they were made, down to those that are settled. What
   * stands in the place of one is new itself, and is visited before the next: a stack of visits, however deep.
   */
  visitAll(outputs: readonly Variable[]): void {
    const stack: Visit[] = [this.visitOf(outputs)];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const application = top.applications[top.next++];
      if (application === undefined) {
        stack.pop();
        top.finish?.();
        continue;
      }
      if (this.settled.has(application)) continue;
      if (stack.length === 1) this.fired = [];
      this.settled.add(application);
      const { results, key, isNew, unread = [] } = inPlaceOf(application, () => this.rebuild(application));
      if (isNew) {
        // Readers come before readers go, so that what both have in common does not seem unread in between.
        this.countReaders(results);
        const visit = this.visitOf(results);
        for (const each of visit.applications) this.countApplication(each);
        this.discountReaders(unread);
        const finish = (): void => {
          const made = results.map((each) => this.current(each));
          this.settle(application, made, key);
          for (const each of made) this.readers.set(each, this.uses(each) - 1);
        };
        stack.push({ ...visit, finish });
      } else {
        this.settle(application, results, key);
        this.discountReaders(unread);
      }
    }
  }

  private visitOf(outputs: readonly Variable[]): Visit {
    const isSettled = ({ source }: Variable): boolean =>
      source.kind === 'output' && (this.settled.has(source.application) || this.isKept(source.application));
    return { applications: inOrderOfCreation(ancestors(outputs, isSettled).applications), next: 0 };
  }

  /** Notes what has come in the place of an application. */
  private settle({ outputs }: Application, made: readonly Variable[], key: string | undefined): void {
    if (key !== undefined) this.known.set(key, made);
    outputs.forEach((output, i) => {
      if (made[i] === output) return;
      this.replaced.set(output, made[i]);
      this.readers.set(made[i], this.uses(made[i]) + this.uses(output));
    });
  }

  private isKept({ operation }: Application): boolean {
    return (
      this.options.keepRegions === true && (operation.opaque === true || operation === identityOperation)
    );
  }

  /** What comes in the place of an application. */
  private rebuild(application: Application): Rebuilt {
    const { operation, attributes, site } = application;
    const inputs = application.inputs.map((each) => this.current(each));
    if (this.frozen.has(application)) return { results: this.remade(application, inputs) };
    const folded = fold(application, inputs);
    if (folded !== undefined) return { results: [folded], isNew: true, unread: inputs };
    const { computation } = operation;
    if (this.options.expand && computation.kind === 'composition') {
      const parts = (): readonly Variable[] => expansionOf(computation, inputs, attributes);
      return { results: withParts(site, operation.name, parts), isNew: true, unread: inputs };
    }
    const key = keyOf(application, inputs);
    const first = key === undefined ? undefined : this.known.get(key);
    if (first !== undefined) return { results: first, unread: inputs };
    const made = this.remade(application, inputs);
    const replacement = this.applyRules(made);
    if (replacement === undefined) return { results: made, key };
    return { results: [replacement], key, isNew: true, unread: inputs };
  }

  /** The outputs of an application on other inputs. */
  private remade(application: Application, inputs: readonly Variable[]): readonly Variable[] {
    const { operation, attributes, outputs } = application;
    if (inputs.every((input, i) => input === application.inputs[i])) return outputs;
    const made = applyOperation(operation, inputs, attributes);
    this.settled.add(getOperation(made[0]) as Application);
    return made;
  }

  /** What rules, if one fires, put in the place of an application of the new graph. */
  private applyRules(made: readonly Variable[]): Variable | undefined {
    const { rules, trace } = this.options;
    if (rules === undefined) return undefined;
    const [output] = made;
    const application = getOperation(output) as Application;
    const place: Place = {
      application,
      uses: (variable) => this.uses(variable),
      isDerivative: (variable) => this.isDerivative(variable),
      steps: this.fired.length,
    };
    for (const each of rules.for(application)) {
      const fired = fire(each, place);
      if (fired === undefined) continue;
      this.countFiring(each, application);
      this.options.watch?.(each);
      trace?.push(stepOf(each, output, fired.result, fired.found.variables));
      return fired.result;
    }
    return undefined;
  }

  /** @throws RewriteError where rules go on for ever */
  private countFiring({ name }: Rule, { operation }: Application): void {
    this.fired.push(name);
    if (this.fired.length <= CAP) return;
    const looping = [...new Set(this.fired.slice(-20))].map((each) => `"${each}"`);
    throw new RewriteError(
      `simplify: after ${CAP} steps in the place of one operation, now ${operation.name}, the rules ${looping.join(', ')} ` +
        `still fire on one another's results; one of them must go, or must not fire on what another makes`,
    );
  }

  /** Equal scalar constants are one leaf. */
  private mergeConstant(variable: Variable): Variable {
    if (variable.source.kind !== 'constant' || variable.rank > 0) return variable;
    const value = variable.source.tensor.data[0];
    const key = `${variable.dtype} ${Object.is(value, -0) ? '-0' : value}`;
    const first = this.constants.get(key);
    if (first !== undefined) return first;
    this.constants.set(key, variable);
    return variable;
  }
}

/** A text that two applications share exactly if they are equal; undefined for one that is equal to no other. */
function keyOf({ operation, attributes }: Application, inputs: readonly Variable[]): string | undefined {
  if (operation.opaque === true) return undefined;
  const ids = inputs.map((input) => input.id);
  if (operation.commutative === true) ids.sort((a, b) => a - b);
  return `${operationNumber(operation)}(${ids.join()})${attributeKey(attributes)}`;
}

/** An elementwise application whose operands are all known numbers, computed in float64 and rounded once. */
function fold(application: Application, inputs: readonly Variable[]): Variable | undefined {
  const { operation, outputs, attributes } = application;
  if (operation.computation.kind !== 'elementwise' || operation.opaque === true || inputs.length === 0)
    return undefined;
  const known: number[] = [];
  for (const input of inputs) {
    const value = uniformValue(input);
    if (value === undefined) return undefined;
    known.push(value);
  }
  const [output] = outputs;
  const k = numberLanguage(inputs[inputs.length - 1].dtype);
  const value = store(operation.computation.formula(k, known, attributes), output.dtype);
  return broadcastTo(scalar(value, output.dtype), output.shape);
}

/** What a rule puts in the place of an application, of the same shape; undefined where it does not fire. */
function fire(
  { name, pattern, where, replacement }: Rule,
  place: Place,
): { result: Variable; found: Bindings } | undefined {
  const { application } = place;
  const [output] = application.outputs;
  const accept = (found: Bindings): boolean => where === undefined || where(found, place);
  const none: Bindings = { variables: {}, attributes: {}, numbers: {} };
  const found =
    pattern === undefined ? (accept(none) ? none : undefined) : match(pattern, application, accept);
  if (found === undefined) return undefined;
  const built =
    typeof replacement === 'function'
      ? replacement(found, place)
      : instantiate(replacement, found, output.dtype);
  if (built === undefined || built === output) return undefined;
  if (built.dtype !== output.dtype)
    throw new RewriteError(`rule "${name}" puts ${built.type} in the place of ${output.toString()}`);
  return { result: sameShape(built.shape, output.shape) ? built : broadcastTo(built, output.shape), found };
}

/** The applications between the sources of regions and their results. */
function insideRegions(applications: readonly Application[]): Set<Application> {
  const inside = new Set<Application>();
  for (const { operation, inputs, attributes } of applications) {
    const results = operation.regionResults?.(attributes) ?? 0;
    if (results === 0) continue;
    const sources = new Set(inputs.slice(results));
    for (const each of ancestors(inputs.slice(0, results), (v) => sources.has(v)).applications)
      inside.add(each);
  }
  return inside;
}
