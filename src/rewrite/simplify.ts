/**
 * The three rewrites that are always exact: equal applications merge, operations on known numbers fold, and what
 * no output needs is left behind.
 */
import {
  type Application,
  ancestors,
  applyOperation,
  attributeKey,
  expansionOf,
  inOrderOfCreation,
  operationNumber,
  scalar,
  type Variable,
  withSite,
} from '../graph/index.ts';
import { broadcastTo } from '../operations/broadcasting.ts';
import { numberLanguage, store } from '../operations/scalar.ts';
import { uniformValue } from '../operations/uniform.ts';

/**
 * An elementwise application whose operands are all known numbers, computed in float64 and rounded once.
 */
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

/**
 * Rebuilds the graph of `outputs` with equal applications merged and known numbers folded.
 * @param expand also replaces each composition by what it is composed of
 * @returns the new outputs, in order
 */
export function simplify(outputs: readonly Variable[], { expand = false } = {}): Variable[] {
  const simplifier = new Simplifier(expand);
  simplifier.visitAll(outputs);
  return outputs.map((output) => simplifier.current(output));
}

class Simplifier {
  private readonly expand: boolean;
  /** What each variable of the old graph has become, where that differs. */
  private readonly replaced = new Map<Variable, Variable>();
  /** The outputs of each application of the new graph, by operation, inputs and attributes. */
  private readonly known = new Map<string, readonly Variable[]>();
  private readonly constants = new Map<string, Variable>();
  /** Applications that are done, of the old graph and of the new. */
  private readonly settled = new Set<Application>();

  constructor(expand: boolean) {
    this.expand = expand;
  }

  /** The variable of the new graph that stands for `variable`. */
  current(variable: Variable): Variable {
    return this.replaced.get(variable) ?? this.mergeConstant(variable);
  }

  /** Rebuilds the applications above `outputs` in the order in which they were made, down to those that are settled. */
  visitAll(outputs: readonly Variable[]): void {
    const isSettled = ({ source }: Variable): boolean =>
      source.kind === 'output' && this.settled.has(source.application);
    for (const application of inOrderOfCreation(ancestors(outputs, isSettled).applications))
      if (!this.settled.has(application)) this.visit(application);
  }

  private visit(application: Application): void {
    this.settled.add(application);
    withSite(application.site, () => {
      const made = this.rebuild(application);
      application.outputs.forEach((output, i) => {
        if (made[i] !== output) this.replaced.set(output, made[i]);
      });
    });
  }

  private rebuild(application: Application): readonly Variable[] {
    const { operation, attributes } = application;
    const inputs = application.inputs.map((each) => this.current(each));
    const folded = fold(application, inputs);
    if (folded !== undefined) return [this.rebuilt(folded)];
    if (this.expand && operation.computation.kind === 'composition') {
      return expansionOf(operation.computation, inputs, attributes).map((each) => this.rebuilt(each));
    }
    const key =
      operation.opaque === true
        ? undefined
        : `${operationNumber(operation)}(${inputs.map((input) => input.id).join()})${attributeKey(attributes)}`;
    const first = key === undefined ? undefined : this.known.get(key);
    if (first !== undefined) return first;
    const same = inputs.every((input, i) => input === application.inputs[i]);
    const made = same ? application.outputs : applyOperation(operation, inputs, attributes);
    const { source } = made[0];
    if (source.kind === 'output') this.settled.add(source.application);
    if (key !== undefined) this.known.set(key, made);
    return made;
  }

  /** Merges what a rule has just built on top of variables of the new graph. */
  private rebuilt(variable: Variable): Variable {
    this.visitAll([variable]);
    return this.current(variable);
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
