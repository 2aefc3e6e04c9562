/**
 * Loops and branches without what nobody reads. They offer every intermediate result, in case a derivative wants it; here
 * it is known what is wanted, and the rest, with all that only it needed, is dropped.
 */
import {
  type Application,
  ancestors,
  inOrderOfCreation,
  type Narrowed,
  rebuild,
  type Variable,
} from '../graph/index.ts';

/** The graph of `outputs` with each loop and branch narrowed to the results that are read. */
export function narrow(outputs: readonly Variable[]): Variable[] {
  const applications = inOrderOfCreation(ancestors(outputs).applications);
  const used = new Set<Variable>(outputs);
  const narrowed = new Map<Application, Narrowed<Variable>>();
  for (let i = applications.length - 1; i >= 0; i--) {
    const application = applications[i];
    const { operation, inputs, attributes, outputs: own } = application;
    const { computation } = operation;
    if (!own.some((each) => used.has(each))) continue;
    if (computation.kind !== 'iteration' && computation.kind !== 'choice') {
      for (const input of inputs) used.add(input);
      continue;
    }
    const smaller = computation.narrow(
      own.map((each) => used.has(each)),
      attributes,
    );
    narrowed.set(application, smaller);
    for (const position of smaller.inputs) used.add(inputs[position]);
  }
  if (narrowed.size === 0) return [...outputs];
  return rebuild(outputs, new Map(), (application, inputs) => {
    const smaller = narrowed.get(application);
    return smaller?.apply(smaller.inputs.map((position) => inputs[position]));
  });
}
