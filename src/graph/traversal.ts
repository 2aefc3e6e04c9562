/** Walking the graph. Nothing here recurses: graphs 100,000 operations deep are normal. */
import { Parameter } from './leaves.ts';
import type { Application, Variable } from './variable.ts';

/** The application that computes `variable`; undefined for a leaf. */
export function getOperation(variable: Variable): Application | undefined {
  return variable.source.kind === 'output' ? variable.source.application : undefined;
}

/** The parents of `variable`: what its operation reads. */
export function getInputs(variable: Variable): readonly Variable[] {
  return getOperation(variable)?.inputs ?? [];
}

/** The applications within `graph` that read `variable`, in topological order; one that reads it twice comes once. */
export function getConsumers(variable: Variable, graph: Graph): readonly Application[] {
  return graph.consumers.get(variable) ?? [];
}

/** A part of the graph, seen as a whole. */
export interface Graph {
  readonly outputs: readonly Variable[];
  /** Leaves, in the order in which they are met. */
  readonly leaves: readonly Variable[];
  /** Applications in topological order: each after those it reads. */
  readonly applications: readonly Application[];
  readonly consumers: ReadonlyMap<Variable, readonly Application[]>;
}

/**
 * Ancestors of `outputs` (themselves included): their applications in topological order, and their leaves.
 * @param isLeaf says of which further variables the walk does not look beneath
 */
export function ancestors(
  outputs: readonly Variable[],
  isLeaf: (variable: Variable) => boolean = () => false,
): { applications: Application[]; leaves: Variable[] } {
  const applications: Application[] = [];
  const leaves: Variable[] = [];
  const seen = new Set<Application | Variable>();
  const stack: { application: Application; next: number }[] = [];
  const enter = (variable: Variable): void => {
    const application = isLeaf(variable) ? undefined : getOperation(variable);
    const key = application ?? variable;
    if (seen.has(key)) return;
    seen.add(key);
    if (application === undefined) leaves.push(variable);
    else stack.push({ application, next: 0 });
  };
  for (const output of outputs) {
    enter(output);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next < top.application.inputs.length) enter(top.application.inputs[top.next++]);
      else {
        applications.push(top.application);
        stack.pop();
      }
    }
  }
  return { applications, leaves };
}

/**
 * The same applications in the order in which they were made, or what they replace was made. That is a topological order too, and a good one to compute
 * in: it is the one their author had in mind, and back-propagation makes each term just when it is to be added.
 */
export function inOrderOfCreation(applications: readonly Application[]): Application[] {
  return [...applications].sort((a, b) => a.order - b.order || a.outputs[0].id - b.outputs[0].id);
}

/** The graph that computes `outputs`. */
export function graphOf(outputs: readonly Variable[]): Graph {
  const { applications, leaves } = ancestors(outputs);
  const consumers = new Map<Variable, Application[]>();
  for (const application of applications) {
    for (const input of new Set(application.inputs)) {
      const list = consumers.get(input);
      if (list === undefined) consumers.set(input, [application]);
      else list.push(application);
    }
  }
  return { outputs, leaves, applications, consumers };
}

/**
 * The pruned graph G' of algorithm 6.5: applications on a path from one of `targets` to `outputs`, in topological
 * order, with the variables on those paths.
 */
export function prune(
  outputs: readonly Variable[],
  targets: readonly Variable[],
): { applications: Application[]; reached: Set<Variable> } {
  const reached = new Set<Variable>(targets);
  const applications = ancestors(outputs).applications.filter((application) => {
    if (!application.inputs.some((input) => reached.has(input))) return false;
    for (const output of application.outputs) reached.add(output);
    return true;
  });
  return { applications, reached };
}

/** The trainable parameters that `outputs` depend on, in the order in which they are met. */
export function parametersOf(outputs: readonly Variable[]): Parameter[] {
  return ancestors(outputs).leaves.filter(
    (leaf): leaf is Parameter => leaf instanceof Parameter && leaf.trainable,
  );
}
