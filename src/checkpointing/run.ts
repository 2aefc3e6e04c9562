/** One run through part of the forward pass: the first, which is the graph as it stands, or one that computes it again. */
import {
  type Application,
  ancestors,
  applyOperation,
  getOperation,
  inOrderOfCreation,
  type Variable,
  withSite,
} from '../graph/index.ts';
import { after } from './barrier.ts';

/** What stands for the variables of the forward pass in a run. */
export interface Run {
  /** The variable that has, in this run, the number that `variable` has in the graph. */
  current(variable: Variable): Variable;
}

/** What an application gives on other inputs. */
export type Remake = (application: Application, inputs: readonly Variable[]) => readonly Variable[];

/** The run that the graph itself is. */
export const firstRun: Run = { current: (variable) => variable };

/** An application as it is in a run. */
export function applicationIn(run: Run, application: Application): Application {
  if (run === firstRun) return application;
  return {
    ...application,
    inputs: application.inputs.map(run.current),
    outputs: application.outputs.map(run.current),
  };
}

/**
 * Computes again whatever anybody asks for, down to what the run `before` has left. Random numbers are not drawn again.
 * @param isLeft says what is there from before
 * @param awaited nothing is computed before these are known
 * @param remake an application on its inputs in this run; the same operation by default
 */
export function runAgain(
  before: Run,
  isLeft: (variable: Variable) => boolean,
  awaited: readonly Variable[],
  remake: Remake = ({ operation, attributes }, inputs) => applyOperation(operation, inputs, attributes),
): Run {
  const table = new Map<Variable, Variable>();
  const isLeaf = (variable: Variable): boolean =>
    table.has(variable) || isLeft(variable) || getOperation(variable)?.operation.opaque === true;
  const stand = (variable: Variable): Variable => {
    let found = table.get(variable);
    if (found === undefined) {
      found = after(before.current(variable), awaited);
      table.set(variable, found);
    }
    return found;
  };
  const current = (variable: Variable): Variable => {
    for (const application of inOrderOfCreation(ancestors([variable], isLeaf).applications)) {
      const inputs = application.inputs.map(stand);
      const made = withSite(application.site, () => remake(application, inputs));
      application.outputs.forEach((output, i) => {
        table.set(output, made[i]);
      });
    }
    return stand(variable);
  };
  return { current };
}
