/**
 * The forward pass as a chain of stages: what each costs to run, and what has to be remembered of it. On a chain the best
 * places for checkpoints can be computed; a graph that is no chain is read as one, in topological order, where what
 * passes from the stages so far to later ones may be several values, some of which come from far back.
 */
import { costOf } from '../autodiff/cost.ts';
import { type Application, ancestors, BYTES, getOperation, sizeOf, type Variable } from '../graph/index.ts';
import { isFree } from './barrier.ts';
import { exitOperation } from './checkpoint.ts';

/** A chain, in any units of memory and of cost. Stages are numbered from 0. */
export interface Chain {
  readonly length: number;
  /** What stays of a stage if it need not run again before its backward pass. */
  readonly keep: readonly number[];
  /** What a stage's own backward pass takes beside that. */
  readonly work: readonly number[];
  /** What later stages read of stages `first` to `last`. */
  state(first: number, last: number): number;
  /** What running stages `first` to `last` takes at most, if only their state is to stay. */
  forward(first: number, last: number): number;
  /** What it costs to run stages `first` to `last` again for their backward passes, their state being known. */
  again(first: number, last: number): number;
}

/** The stages of a graph: the applications of each, in topological order. */
export interface Stages {
  readonly stages: readonly (readonly Application[])[];
  /** The stage that makes a variable; undefined for leaves and for what is free to form. */
  stageOf(variable: Variable): number | undefined;
  /** The last stage that reads a variable of the forward pass, or memory that it shares. */
  lastReader(variable: Variable): number;
  readonly chain: Chain;
}

/** Longer chains are first grouped into this many stages: the work of the planner grows with its cube. */
const MOST_STAGES = 128;

/** What is remembered of one value of the forward pass: a block of memory of its own. */
interface Value {
  readonly bytes: number;
  /** Position of the application that makes it. */
  readonly made: number;
  /** Position of the last one that reads it, in the forward pass. */
  last: number;
  /** Whether its gradient is wanted. */
  readonly moves: boolean;
  /** Whether the backward pass reads it. */
  read: boolean;
}

/** The variable whose memory `variable` is a view of. */
function beneath(variable: Variable): Variable {
  let v = variable;
  for (;;) {
    const application = getOperation(v);
    if (application?.operation === exitOperation) v = application.inputs[application.outputs.indexOf(v)];
    else if (application?.operation.computation.kind === 'view') v = application.inputs[0];
    else return v;
  }
}

/** Whether an application computes: views and exits of regions only rename. */
function computes({ operation }: Application): boolean {
  return operation.computation.kind !== 'view' && operation !== exitOperation;
}

/** The values of the forward pass, by the variable that has their memory. */
function valuesOf(
  applications: readonly Application[],
  gradients: readonly Variable[],
  moves: (variable: Variable) => boolean,
): Map<Variable, Value> {
  const values = new Map<Variable, Value>();
  const readBy = (application: Application): Value[] =>
    computes(application) ? application.inputs.flatMap((input) => values.get(beneath(input)) ?? []) : [];
  applications.forEach((application, position) => {
    if (!computes(application)) return;
    for (const value of readBy(application)) value.last = position;
    for (const output of application.outputs) {
      if (isFree(output)) continue;
      const bytes = bytesOf(output);
      values.set(output, { bytes, made: position, last: position, moves: moves(output), read: false });
    }
  });
  const forward = new Set(applications);
  for (const application of ancestors(gradients).applications)
    if (!forward.has(application)) for (const value of readBy(application)) value.read = true;
  return values;
}

function bytesOf({ shape, dtype }: Variable): number {
  return sizeOf(shape) * BYTES[dtype];
}

/** How many bytes of the forward pass of z its gradients read. */
export function storedBytes(z: Variable, gradients: readonly Variable[]): number {
  const values = valuesOf(ancestors([z]).applications, gradients, () => false);
  return [...values.values()].reduce((sum, { bytes, read }) => sum + (read ? bytes : 0), 0);
}

/**
 * @param z what the forward pass computes
 * @param targets what z is differentiated with respect to
 * @param gradients dz/dtarget, everything in the forward pass being stored
 * @param reached the variables between the targets and z
 */
export function stagesOf(
  z: Variable,
  targets: readonly Variable[],
  gradients: readonly Variable[],
  reached: ReadonlySet<Variable>,
): Stages {
  const { applications } = ancestors([z]);
  const positions = new Map(applications.map((each, position) => [each, position]));
  const positionOf = (variable: Variable): number | undefined => {
    const application = getOperation(variable);
    return application === undefined ? undefined : positions.get(application);
  };
  const values = valuesOf(applications, gradients, (variable) => reached.has(variable));
  const ends = chooseEnds(applications.length, [...values.values()]);
  const stages = ends.map((end, stage) => applications.slice(stage === 0 ? 0 : ends[stage - 1] + 1, end + 1));
  const stageAt = stages.flatMap((stage, number) => stage.map(() => number));

  // A gradient that is a result is there from the first contribution to it on.
  const lastUse = new Map<Variable, number>();
  applications.forEach(({ inputs }, position) => {
    for (const input of inputs) lastUse.set(input, position);
  });
  const results = targets.map((target) => ({
    bytes: bytesOf(target),
    stage: stageAt[lastUse.get(target) ?? 0],
  }));
  return {
    stages,
    stageOf(variable) {
      const position = isFree(variable) ? undefined : positionOf(variable);
      return position === undefined ? undefined : stageAt[position];
    },
    lastReader: (variable) => stageAt[values.get(beneath(variable))?.last ?? 0],
    chain: chainOf(stages, stageAt, values, results, positionOf),
  };
}

/** The same chain in coarser units of memory, to the nearest. */
export function scaled(chain: Chain, unit: number): Chain {
  const rounded = (bytes: number): number => Math.round(bytes / unit);
  return {
    ...chain,
    keep: chain.keep.map(rounded),
    work: chain.work.map(rounded),
    state: (first, last) => rounded(chain.state(first, last)),
    forward: (first, last) => rounded(chain.forward(first, last)),
  };
}

/**
 * The last positions of the stages: every position of a short list; of a longer one, so many that each stage keeps about
 * the same number of bytes, each where the fewest bytes go on, and of these the fewest that only the forward pass needs.
 */
function chooseEnds(length: number, values: readonly Value[]): number[] {
  if (length <= MOST_STAGES) return Array.from({ length }, (_, position) => position);
  const kept = new Array<number>(length).fill(0);
  const going = new Array<number>(length + 1).fill(0);
  const idle = new Array<number>(length + 1).fill(0);
  for (const { bytes, made, last, read } of values) {
    if (read) kept[made] += bytes;
    going[made] += bytes;
    going[last] -= bytes;
    if (!read) {
      idle[made] += bytes;
      idle[last] -= bytes;
    }
  }
  const total = kept.reduce((sum, bytes) => sum + bytes, 0);
  // Where nothing is kept, positions count.
  const share = (position: number, before: number): number =>
    total > 0 ? before / total : (position + 1) / length;

  const ends: number[] = [];
  let best: { position: number; going: number; idle: number } | undefined;
  let window = 0;
  let [sum, alive, waiting] = [0, 0, 0];
  for (let position = 0; position < length - 1; position++) {
    sum += kept[position];
    alive += going[position];
    waiting += idle[position];
    const next = Math.floor(share(position, sum) * MOST_STAGES);
    if (next > window && best !== undefined) {
      ends.push(best.position);
      best = undefined;
    }
    window = next;
    if (best === undefined || alive < best.going || (alive === best.going && waiting <= best.idle))
      best = { position, going: alive, idle: waiting };
  }
  return [...ends, length - 1];
}

/** The numbers of the chain. */
function chainOf(
  stages: readonly (readonly Application[])[],
  stageAt: readonly number[],
  valueOf: ReadonlyMap<Variable, Value>,
  results: readonly { readonly bytes: number; readonly stage: number }[],
  positionOf: (variable: Variable) => number | undefined,
): Chain {
  const values = [...valueOf.values()];
  const length = stages.length;
  const zeros = (): number[] => new Array<number>(length).fill(0);
  const keep = zeros();
  const largest = zeros();
  /** Gradients that wait at the end of each stage. */
  const arriving = zeros();
  /** Values by the stage that makes them and the last that reads them. */
  const passing = stages.map(() => new Map<number, number>());
  for (const { bytes, made, last, moves, read } of values) {
    const [from, to] = [stageAt[made], stageAt[last]];
    largest[from] = Math.max(largest[from], bytes);
    if (read || to > from) keep[from] += bytes;
    if (to > from) passing[from].set(to, (passing[from].get(to) ?? 0) + bytes);
    if (moves) for (let stage = from; stage < to; stage++) arriving[stage] += bytes;
  }
  const work = stages.map((_, stage) => {
    const there = results.reduce((sum, result) => sum + (result.stage >= stage ? result.bytes : 0), 0);
    return there + Math.max(arriving[stage], arriving[stage - 1] ?? 0) + largest[stage];
  });

  const state = triangle(length, (first, last, shorter) => {
    // What the stages before the last one hand on beyond it, and what it hands on itself.
    let bytes = last > first ? shorter : 0;
    for (let from = first; from < last; from++) bytes -= passing[from].get(last) ?? 0;
    for (const passed of passing[last].values()) bytes += passed;
    return bytes;
  });
  const inside = insideOf(stages, values, stageAt);
  const forward = triangle(length, (first, last, shorter) =>
    Math.max(shorter, (last > first ? state(first, last - 1) : 0) + inside[last]),
  );
  return { length, keep, work, state, forward, again: costs(stages, stageAt, valueOf, positionOf) };
}

/** A table of f(first, last) for first <= last; f sees its own value for one stage fewer, 0 for none. */
function triangle(
  length: number,
  f: (first: number, last: number, shorter: number) => number,
): (first: number, last: number) => number {
  const table = new Float64Array(length * length);
  for (let first = 0; first < length; first++) {
    for (let last = first; last < length; last++) {
      const shorter = last > first ? table[first * length + last - 1] : 0;
      table[first * length + last] = f(first, last, shorter);
    }
  }
  return (first, last) => table[first * length + last];
}

/** For each stage, the most bytes of its own values that are alive at one time while it runs forward. */
function insideOf(
  stages: readonly (readonly Application[])[],
  values: readonly Value[],
  stageAt: readonly number[],
): number[] {
  const change = new Array<number>(stageAt.length + 1).fill(0);
  const ends = stages.map(() => 0);
  stageAt.forEach((stage, position) => {
    ends[stage] = position;
  });
  for (const { bytes, made, last } of values) {
    change[made] += bytes;
    change[Math.min(last, ends[stageAt[made]]) + 1] -= bytes;
  }
  const most = stages.map(() => 0);
  let alive = 0;
  stageAt.forEach((stage, position) => {
    alive += change[position];
    most[stage] = Math.max(most[stage], alive);
  });
  return most;
}

/** The cost of running stages again: of all applications but those that only lead to what is still there. */
function costs(
  stages: readonly (readonly Application[])[],
  stageAt: readonly number[],
  valueOf: ReadonlyMap<Variable, Value>,
  positionOf: (variable: Variable) => number | undefined,
): (first: number, last: number) => number {
  const applications = stages.flat();
  const cost = applications.map((each) => costOf([each]));
  const made = applications.map(({ outputs }) => outputs.flatMap((output) => valueOf.get(output) ?? []));
  /** The last stage at whose end an application's results are all still there. */
  const until = made.map((values) => Math.min(...values.map(({ last }) => stageAt[last] - 1)));
  const read = made.map((values) => values.some((value) => value.read));
  const makers = applications.map((application) =>
    computes(application) ? application.inputs.flatMap((input) => positionOf(beneath(input)) ?? []) : [],
  );
  const starts = [0, ...stages.map((_, stage) => stageAt.lastIndexOf(stage) + 1)];
  const needed = new Uint8Array(applications.length);
  return triangle(stages.length, (first, last) => {
    const start = starts[first];
    let total = 0;
    for (let position = starts[last + 1] - 1; position >= start; position--) {
      if (until[position] < last && (needed[position] === 1 || read[position])) {
        total += cost[position];
        for (const maker of makers[position]) if (maker >= start) needed[maker] = 1;
      }
      needed[position] = 0;
    }
    return total;
  });
}
