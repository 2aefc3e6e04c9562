/** Graphs built anew with something in them changed. */
import { ancestors, inOrderOfCreation } from './traversal.ts';
import { type Application, applyOperation, inPlaceOf, type Variable } from './variable.ts';

/** New outputs for an application whose inputs have become `inputs`; undefined for the same operation on those. */
export type Remake = (
  application: Application,
  inputs: readonly Variable[],
) => readonly (Variable | undefined)[] | undefined;

/**
 * The graph of `outputs` with other variables in place of some. What depends on nothing that changes stays as it is.
 * @param replaced what stands in place of what
 */
export function rebuild(
  outputs: readonly Variable[],
  replaced: ReadonlyMap<Variable, Variable>,
  remake: Remake = () => undefined,
): Variable[] {
  const table = new Map(replaced);
  const current = (variable: Variable): Variable => table.get(variable) ?? variable;
  for (const application of inOrderOfCreation(
    ancestors(outputs, (each) => replaced.has(each)).applications,
  )) {
    const { operation, attributes } = application;
    const inputs = application.inputs.map(current);
    const made = inPlaceOf(application, () => {
      const other = remake(application, inputs);
      if (other !== undefined || inputs.every((input, i) => input === application.inputs[i])) return other;
      return applyOperation(operation, inputs, attributes);
    });
    application.outputs.forEach((output, i) => {
      const next = made?.[i];
      if (next !== undefined && !replaced.has(output)) table.set(output, next);
    });
  }
  return outputs.map(current);
}
