/**
 * Which variables get memory. Everything else is computed inside the loops that read it: elementwise chains fuse with
 * their consumers, and movement operations become index maps.
 */
import { type Application, sizeOf, type Variable } from '../graph/index.ts';
import { costOf, Expression } from './expression.ts';
import { keepsOrder } from './views.ts';
import { isBarrier } from './waits.ts';

/** A fused body beyond this many operations is cut: it keeps functions small enough to optimise. */
const LARGEST_BODY = 96;

/** What a computation may cost (in additions) to be done again in each loop that reads it. */
const CHEAP = 2;

/** A fused body that reads more arrays than this is cut: all of them would have to be kept until it runs. */
const MOST_ARRAYS = 8;

const MANY = 'many';

/**
 * Decides for each application's output whether it gets memory.
 * @param applications in topological order
 * @param results variables that callers read, or that become parameters' new values
 * @param forced variables that turned out to need memory (a view of them has no strides)
 */
export function chooseMaterialized(
  applications: readonly Application[],
  results: readonly Variable[],
  forced: ReadonlySet<Variable>,
): Set<Variable> {
  const materialized = new Set<Variable>([...results, ...forced]);
  /** The loop that a variable is inlined into (its root variable, or a name for it under another index map), or MANY. */
  const home = new Map<Variable, Variable | string>();
  const spread = (variable: Variable, into: Variable | string): void => {
    const known = home.get(variable);
    home.set(variable, known === undefined || known === into ? into : MANY);
  };

  for (let i = applications.length - 1; i >= 0; i--) {
    const application = applications[i];
    const { operation, inputs, outputs } = application;
    const [output] = outputs;
    const { computation } = operation;
    const { kind } = computation;
    if (kind !== 'elementwise' && kind !== 'view') {
      for (const each of outputs) materialized.add(each);
    }
    if (kind === 'elementwise' && !materialized.has(output)) {
      const where = home.get(output);
      if (where === MANY && (costOfApplication(application) > CHEAP || narrows(application)))
        materialized.add(output);
    }
    const root = materialized.has(output) ? output : (home.get(output) ?? output);
    inputs.forEach((input, index) => {
      switch (computation.kind) {
        case 'product':
        case 'routine':
          requireMemory(input, kind === 'routine', materialized);
          break;
        case 'view':
          if (isBarrier(application)) {
            // What passes a barrier is stored; what the barrier waits for is not read at all.
            if (index === 0) requireMemory(input, false, materialized);
            break;
          }
          // Seen through a view, elements stand elsewhere: computing them there is work done twice if they are
          // also read directly or through another view, or if the view repeats them.
          spread(
            input,
            root === MANY || sizeOf(output.shape) > sizeOf(input.shape) ? MANY : `view ${output.id}`,
          );
          break;
        case 'assembly':
          spread(input, `region ${index} of ${output.id}`);
          break;
        case 'iteration':
          // Carries are copied to where the rounds change them; the rest is read where it lies.
          if (index < computation.carries) spread(input, `carry ${index} of ${output.id}`);
          else requireMemory(input, false, materialized);
          break;
        case 'choice':
          requireMemory(input, false, materialized);
          break;
        default: {
          const repeats = kind === 'elementwise' && sizeOf(output.shape) > sizeOf(input.shape);
          spread(input, repeats ? MANY : root);
        }
      }
    });
  }
  cutLargeBodies(applications, materialized);
  return materialized;
}

/** Marks the variable whose memory `variable` is a view of, and shows all of in order where that is asked for. */
function requireMemory(variable: Variable, contiguous: boolean, materialized: Set<Variable>): void {
  let v = variable;
  while (!materialized.has(v) && v.source.kind === 'output') {
    const { application } = v.source;
    if (application.operation.computation.kind !== 'view') break;
    if (contiguous && !keepsOrder(application)) break;
    v = application.inputs[0];
  }
  if (v.source.kind === 'output') materialized.add(v);
}

/** Whether float64 ends here: inlined into a wider loop of 32-bit values, it would halve the lanes of all of them. */
function narrows({ inputs, outputs }: Application): boolean {
  return outputs[0].dtype !== 'float64' && inputs.some(({ dtype }) => dtype === 'float64');
}

/** The cost of one element, in additions; an operand beyond the first costs a load. */
function costOfApplication({ operation, inputs, attributes }: Application): number {
  const { computation } = operation;
  if (computation.kind !== 'elementwise') return 0;
  let cost = formulaCosts.get(operation);
  if (cost === undefined) {
    const body = new Expression();
    const operands = inputs.map((input, i) => body.push({ op: 'load', dtype: input.dtype, access: i }));
    const index = () => body.push({ op: 'index', dtype: 'int32', offset: 0, strides: [] });
    computation.formula(body.language(inputs.at(-1)?.dtype ?? 'int32', index), operands, attributes);
    cost = body.nodes.reduce((total, node) => total + costOf(node.op), 0);
    formulaCosts.set(operation, cost);
  }
  const loads = inputs.filter((input) => input.rank > 0).length;
  return cost + 2 * Math.max(0, loads - 1);
}

const formulaCosts = new WeakMap<Application['operation'], number>();

function cutLargeBodies(applications: readonly Application[], materialized: Set<Variable>): void {
  const bodies = new Map<Variable, { operations: number; arrays: number }>();
  for (const { operation, inputs, outputs } of applications) {
    const { kind } = operation.computation;
    if (kind !== 'elementwise' && kind !== 'view') continue;
    let [operations, arrays] = [1, 0];
    for (const input of new Set(inputs)) {
      const body = materialized.has(input) ? undefined : bodies.get(input);
      operations += body?.operations ?? 0;
      arrays += body?.arrays ?? Math.sign(input.rank);
    }
    if (operations > LARGEST_BODY || (kind === 'elementwise' && arrays > MOST_ARRAYS))
      materialized.add(outputs[0]);
    bodies.set(outputs[0], { operations, arrays });
  }
}
