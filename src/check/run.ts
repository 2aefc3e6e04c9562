/** Graphs run many times over, on any backend. */
import { type Backend, type BackendName, getBackend, setBackend } from '../engine/backend.ts';
import { ancestors, Parameter, type Site, type Tensor, type Variable, withSite } from '../graph/index.ts';

/** The backend of this name; the current one stays current. */
export function backendNamed(name: BackendName): Backend {
  const before = getBackend().name;
  setBackend(name);
  try {
    return getBackend();
  } finally {
    setBackend(before);
  }
}

/** Compositions build graphs as the reference evaluates them; without the caller's line that is much faster. */
const NOWHERE: Site = { location: () => undefined, toString: () => '' };

/** The numbers of `outputs` for ever new numbers of `inputs`; parameters keep those they have now. */
export function prepare(
  backend: Backend,
  outputs: readonly Variable[],
  inputs: readonly Variable[],
): (values: readonly Tensor[]) => Tensor[] {
  const parameters = ancestors(outputs).leaves.filter((leaf) => leaf instanceof Parameter);
  const held = parameters.map((each) => each.storage.read());
  const run = backend.prepare(outputs, [...inputs, ...parameters], new Map());
  return (values) => withSite(NOWHERE, () => run([...values.map(({ data }) => data), ...held]));
}

/** The numbers of `outputs`, once. */
export function evaluateOn(
  backend: Backend,
  outputs: readonly Variable[],
  feeds: ReadonlyMap<Variable, Tensor>,
): Tensor[] {
  return prepare(backend, outputs, [...feeds.keys()])([...feeds.values()]);
}
