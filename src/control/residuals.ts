/** What a derivative keeps of the forward pass, and what it forms again from that. */
import {
  type Application,
  ancestors,
  BYTES,
  getOperation,
  type Operation,
  sizeOf,
  type Variable,
} from '../graph/index.ts';
import { uniformValue } from '../operations/uniform.ts';

/** Functions that cost about as much as an exponential. */
const EXPENSIVE: ReadonlySet<string> = new Set([
  'exp',
  'expm1',
  'log',
  'log1p',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'sigmoid',
  'erf',
  'pow',
]);

/** Whether computing an application again costs hardly more than reading its stored result. */
function isCheap({ operation, inputs, attributes }: Application): boolean {
  const { computation } = operation;
  if (computation.kind === 'view') return true;
  if (computation.kind !== 'elementwise' || operation.opaque === true) return false;
  let cheap = cheapFormulas.get(operation);
  if (cheap === undefined) {
    const used = new Set<string>();
    const recorder = new Proxy({} as never, {
      get: (_, name: string) => () => {
        used.add(name);
        return 0;
      },
    });
    computation.formula(
      recorder,
      inputs.map(() => 0),
      attributes,
    );
    cheap = [...used].every((name) => !EXPENSIVE.has(name));
    cheapFormulas.set(operation, cheap);
  }
  return cheap;
}

const cheapFormulas = new WeakMap<Operation, boolean>();

/** The variables inside a body that a derivative may want stored: all but constants and views of no fewer elements. */
export function storable(outputs: readonly Variable[]): Variable[] {
  return ancestors(outputs).applications.flatMap(({ operation, inputs, outputs: own }) =>
    own.filter((output) => {
      if (uniformValue(output) !== undefined) return false;
      return operation.computation.kind !== 'view' || sizeOf(output.shape) < sizeOf(inputs[0].shape);
    }),
  );
}

const bytesOf = ({ shape, dtype }: Variable): number => sizeOf(shape) * BYTES[dtype];

/**
 * Which of the `candidates` to keep for `derivative`: what it reads and is expensive, and of the cheap rest whatever
 * takes less memory, the variable or what it is formed from. No expensive operation is computed twice.
 */
export function chooseResiduals(
  derivative: readonly Variable[],
  candidates: { has(variable: Variable): boolean },
): Set<Variable> {
  const read = frontier(derivative, (each) => candidates.has(each));
  const rebuildable = (variable: Variable): boolean => {
    const application = getOperation(variable);
    return application !== undefined && isCheap(application);
  };
  const kept = new Set(read.filter((variable) => !rebuildable(variable)));
  for (const variable of read.filter(rebuildable).sort((a, b) => a.id - b.id)) {
    const { inputs } = getOperation(variable) as Application;
    const roots = frontier(
      inputs,
      (each) => kept.has(each) || (candidates.has(each) && !rebuildable(each)),
    ).filter((each) => !kept.has(each));
    const bytes = roots.reduce((total, each) => total + bytesOf(each), 0);
    for (const each of bytes <= bytesOf(variable) ? roots : [variable]) kept.add(each);
  }
  return kept;
}

/** The first variables on each way down from `outputs` for which `stop` holds. */
function frontier(outputs: readonly Variable[], stop: (variable: Variable) => boolean): Variable[] {
  return ancestors(outputs, stop).leaves.filter(stop);
}
