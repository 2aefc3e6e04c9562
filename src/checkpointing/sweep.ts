/** Back-propagation along a plan: what the plan has not kept is run again before the sweep comes to it. */
import { accumulate, passBack } from '../autodiff/backprop.ts';
import { type Application, applyOperation, disconnected, type Gradient, Variable } from '../graph/index.ts';
import type { Stages } from './chain.ts';
import { exitOperation } from './checkpoint.ts';
import type { Choice } from './optimum.ts';
import { applicationIn, firstRun, type Run, runAgain } from './run.ts';

/** What to do at the first of several stages in so much memory. */
export type Plan = (first: number, last: number, memory: number) => Choice;

interface Task {
  readonly kind: 'through' | 'back' | 'again';
  readonly first: number;
  readonly last: number;
  readonly memory: number;
  readonly run: Run;
}

/** What is differentiated, from which gradient on, and the variables between the targets and z. */
export interface Start {
  readonly z: Variable;
  readonly seed: Variable;
  readonly reached: ReadonlySet<Variable>;
}

/** dz/dV for every V between the targets and z, by the whole forward pass as it stands, regions included. */
export function sweepStored(
  applications: readonly Application[],
  { z, seed, reached }: Start,
): Map<Variable, Gradient> {
  const table = new Map<Variable, Gradient>([[z, seed]]);
  passStage(applications, firstRun, reached, table);
  return table;
}

/**
 * dz/dV for every V between the targets and z: algorithm 6.5, with every rule asked about the run that is at hand.
 * @param memory what the plan has for the whole chain
 */
export function sweepBack(
  stages: Stages,
  plan: Plan,
  memory: number,
  { z, seed, reached }: Start,
): Map<Variable, Gradient> {
  const table = new Map<Variable, Gradient>([[z, seed]]);
  // The last task is done first. A stage's own pass back waits under what has to be gone through before it.
  const tasks: Task[] = [
    { kind: 'through', first: 0, last: stages.stages.length - 1, memory, run: firstRun },
  ];
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    const { kind, first, last, memory: room, run } = task;
    if (kind === 'back') {
      passStage(stages.stages[first], run, reached, table);
      continue;
    }
    if (kind === 'again') {
      const awaited = arrivedAt(stages, first, last, table);
      // Where no gradient arrives there is nothing to go back for.
      if (awaited.length === 0) continue;
      tasks.push({ ...task, kind: 'through', run: runStagesAgain(stages, first, last, run, awaited) });
      continue;
    }
    if (first === last) {
      tasks.push({ ...task, kind: 'back' });
      continue;
    }
    const choice = plan(first, last, room);
    const next = choice.kind === 'keep' ? first : choice.last;
    tasks.push({ ...task, kind: choice.kind === 'keep' ? 'back' : 'again', last: next });
    tasks.push({ ...task, first: next + 1, memory: choice.rest });
  }
  return table;
}

/** Runs stages `first` to `last` again from what a run has left: of earlier stages, and of these for later ones. */
function runStagesAgain(
  { stageOf, lastReader }: Stages,
  first: number,
  last: number,
  before: Run,
  awaited: readonly Variable[],
): Run {
  const isLeft = (variable: Variable): boolean => {
    const stage = stageOf(variable);
    return stage === undefined || stage < first || lastReader(variable) > last;
  };
  // A plan covers the insides of regions too, so regions are taken down.
  return runAgain(before, isLeft, awaited, ({ operation, attributes }, inputs) =>
    operation === exitOperation ? inputs : applyOperation(operation, inputs, attributes),
  );
}

function passStage(
  stage: readonly Application[],
  run: Run,
  reached: ReadonlySet<Variable>,
  table: Map<Variable, Gradient>,
): void {
  for (let i = stage.length - 1; i >= 0; i--) {
    const application = stage[i];
    if (application.operation === exitOperation) {
      // Through the inside, not by the rule of the region.
      application.outputs.forEach((output, k) => {
        const inside = application.inputs[k];
        const gradient = table.get(output) ?? disconnected;
        if (reached.has(inside)) table.set(inside, accumulate(table.get(inside) ?? disconnected, gradient));
      });
    } else if (application.inputs.some((input) => reached.has(input))) {
      passBack(application, reached, table, { seen: applicationIn(run, application) });
    }
  }
}

/** The gradients that have arrived, from later stages, at what stages `first` to `last` compute. */
function arrivedAt(
  { stages }: Stages,
  first: number,
  last: number,
  table: ReadonlyMap<Variable, Gradient>,
): Variable[] {
  const arrived: Variable[] = [];
  for (let stage = first; stage <= last; stage++) {
    for (const { outputs } of stages[stage]) {
      for (const output of outputs) {
        const gradient = table.get(output);
        if (gradient instanceof Variable) arrived.push(gradient);
      }
    }
  }
  return arrived;
}
