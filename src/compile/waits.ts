/** Which kernels must not start before which memory has been written, though they read nothing of it. */
import { type Application, getOperation, type Variable } from '../graph/index.ts';

/** Whether a view waits for more than what it shows: its other inputs are awaited, not read. */
export function isBarrier({ operation, inputs }: Application): boolean {
  return operation.computation.kind === 'view' && inputs.length > 1;
}

/**
 * The buffers that each application's kernels wait for: those of what is awaited by the barriers through which they look.
 * Kernels that look through none are not in the table.
 * @param applications in topological order
 * @param bufferOf undefined for a variable that is computed inside the loops that read it
 */
export function waitsOf(
  applications: readonly Application[],
  bufferOf: (variable: Variable) => number | undefined,
): Map<Application, ReadonlySet<number>> {
  const waits = new Map<Application, ReadonlySet<number>>();
  if (!applications.some(isBarrier)) return waits;
  /** The memory that a variable without any is computed from. */
  const beneath = new Map<Variable, ReadonlySet<number>>();
  const memoryOf = (variable: Variable): Iterable<number> => {
    // Leaves are there from the start.
    if (getOperation(variable) === undefined) return [];
    const buffer = bufferOf(variable);
    return buffer === undefined ? (beneath.get(variable) ?? []) : [buffer];
  };
  for (const application of applications) {
    const { inputs, outputs } = application;
    const [read, awaited] = isBarrier(application) ? [inputs.slice(0, 1), inputs.slice(1)] : [inputs, []];
    const passed = read.flatMap((input) => {
      const source = getOperation(input);
      return source !== undefined && bufferOf(input) === undefined ? (waits.get(source) ?? []) : [];
    });
    if (passed.length > 0 || awaited.length > 0) {
      const buffers = [...passed, ...awaited.map(memoryOf)].flatMap((each) => [...each]);
      waits.set(application, new Set(buffers));
    }
    for (const output of outputs) {
      if (bufferOf(output) !== undefined) continue;
      beneath.set(output, new Set(read.flatMap((each) => [...memoryOf(each)])));
    }
  }
  return waits;
}
