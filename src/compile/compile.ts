/** The compiler: a graph, its inputs and its updates become one Program. */
import {
  type Application,
  ancestors,
  type Operation,
  type Parameter,
  type Updates,
  type Variable,
} from '../graph/index.ts';
import { simplify } from '../rewrite/simplify.ts';
import { Buffers } from './buffers.ts';
import { copyInto, lower, NeedsMemory } from './lower.ts';
import { chooseMaterialized } from './materialize.ts';
import { planMemory } from './memory.ts';
import { mergeLoops } from './merge.ts';
import { type Kernel, type Program, renameBuffers } from './program.ts';
import { placeUpdates, type Update } from './updates.ts';

export interface Source {
  /** What a caller reads. */
  readonly outputs: readonly Variable[];
  /** The leaves that each call fills, in order; every placeholder that the outputs need must be among them. */
  readonly inputs: readonly Variable[];
  readonly updates?: Updates;
}

export interface Compiled {
  readonly program: Program;
  /** The parameters that the program reads or writes, in the order of `program.parameters`. */
  readonly parameters: readonly Parameter[];
  /** Operations whose own loops the program calls, by the name that its kernels give them. */
  readonly routines: ReadonlyMap<string, Operation>;
}

/** Compiles the graph of `outputs` and of the new values of `updates`. */
export function compileGraph({ outputs, inputs, updates = new Map() }: Source): Compiled {
  const targets = [...updates.keys()];
  const simplified = simplify([...outputs, ...updates.values()], { expand: true });
  const { table, kernels } = lowerGraph(simplified, inputs, targets);

  // A result is read after parameters are overwritten, so leaves among the results are copied.
  const copies = new Map<Variable, number>();
  const ownBuffer = (variable: Variable): number => {
    const known = variable.source.kind === 'output' ? table.bufferOf(variable) : copies.get(variable);
    if (known !== undefined) return known;
    const buffer = table.add(variable.dtype, variable.shape);
    kernels.push(copyInto(buffer, variable, table));
    copies.set(variable, buffer);
    return buffer;
  };
  const buffers = simplified.map(ownBuffer);
  const newValues = buffers.slice(outputs.length);
  const wanted = targets.map(
    (target, i): Update => ({ parameter: table.parameterBuffer(target), value: newValues[i] }),
  );

  const placed = overwriteParameters(mergeLoops(kernels, new Set(buffers)), wanted, table);
  const results = outputs.map(({ shape, dtype }, i) => ({ buffer: placed.home(buffers[i]), shape, dtype }));
  const arenaBytes = planMemory(
    table.buffers,
    placed.kernels,
    table.inputs,
    new Set(results.map(({ buffer }) => buffer)),
  );
  const program: Program = {
    buffers: table.buffers,
    kernels: placed.kernels,
    inputs: table.inputs,
    outputs: results,
    parameters: table.parameters.map((each) => ({
      shape: each.shape,
      dtype: each.dtype,
      written: updates.has(each),
    })),
    constants: table.constants,
    arenaBytes,
  };
  return { program, parameters: table.parameters, routines: table.routines };
}

/** Kernels for everything that needs memory; a view without strides gives one more variable memory, and so again. */
function lowerGraph(
  results: readonly Variable[],
  inputs: readonly Variable[],
  targets: readonly Parameter[],
): { table: Buffers; kernels: Kernel[] } {
  const { applications, leaves } = ancestors(results);
  const forced = new Set<Variable>();
  for (;;) {
    const materialized = chooseMaterialized(applications, results, forced);
    const table = new Buffers(inputs, targets, leaves);
    const filled = applications.filter(({ outputs }) => outputs.some((output) => materialized.has(output)));
    for (const { outputs } of filled) for (const output of outputs) table.define(output);
    const { kernels, missing } = lowerAll(filled, table);
    if (missing.size === 0) return { table, kernels };
    for (const variable of missing) {
      if (forced.has(variable)) throw new Error(`${variable.toString()} has memory, and still no strides`);
      forced.add(variable);
    }
  }
}

function lowerAll(
  filled: readonly Application[],
  table: Buffers,
): { kernels: Kernel[]; missing: Set<Variable> } {
  const kernels: Kernel[] = [];
  const missing = new Set<Variable>();
  for (const { outputs } of filled) {
    try {
      kernels.push(...lower(outputs[0], table));
    } catch (error) {
      if (!(error instanceof NeedsMemory)) throw error;
      missing.add(error.variable);
    }
  }
  return { kernels, missing };
}

/**
 * Lets new values take the place of the old ones, in place where the order allows and by a copy at the end elsewhere.
 * @returns the kernels, and the buffer in which a value ends up
 */
function overwriteParameters(
  kernels: readonly Kernel[],
  updates: readonly Update[],
  table: Buffers,
): { kernels: Kernel[]; home(buffer: number): number } {
  // Only one parameter can take over a value's buffer.
  const isFirst = (update: Update): boolean => firsts.get(update.value) === update;
  const firsts = new Map([...updates].reverse().map((update) => [update.value, update]));
  const placed = placeUpdates(kernels, updates.filter(isFirst));
  const names = new Map(placed.inPlace.map(({ parameter, value }) => [value, parameter]));
  const home = (buffer: number): number => names.get(buffer) ?? buffer;
  const copies = [...placed.copied, ...updates.filter((update) => !isFirst(update))];
  return {
    kernels: [
      ...renameBuffers(placed.kernels, home),
      ...copies.map(({ parameter, value }) => table.copy(home(value), parameter)),
    ],
    home,
  };
}
