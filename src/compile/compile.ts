/** The compiler: a graph, its inputs and its updates become one Program. */
import {
  type Application,
  ancestors,
  inOrderOfCreation,
  type Operation,
  type Parameter,
  type Updates,
  type Variable,
} from '../graph/index.ts';
import { narrow } from '../rewrite/narrow.ts';
import { finalize } from '../rewrite/passes.ts';
import { accumulateProducts } from './accumulate.ts';
import { type BlockSource, type CompiledBlock, defineOutputs, lowerBlocks } from './blocks.ts';
import { Buffers, type Given, Register } from './buffers.ts';
import { arenaBytesOf } from './lifetimes.ts';
import { copyInto, lower, NeedsMemory } from './lower.ts';
import { chooseMaterialized } from './materialize.ts';
import { planMemory } from './memory.ts';
import { mergeLoops } from './merge.ts';
import { splitReductions } from './partials.ts';
import { type Kernel, type Place, type Program, renameBuffers, workspaceBytesOf } from './program.ts';
import { cutIntoRows } from './rows.ts';
import { hasten, numbersFirst } from './schedule.ts';
import { placeUpdates, type Update } from './updates.ts';
import { contiguous } from './views.ts';
import { waitsOf } from './waits.ts';

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
  /** What kernels compute: their `origins` are positions in this list. */
  readonly origins: readonly Application[];
}

/** Compiles the graph of `outputs` and of the new values of `updates`. */
export function compileGraph({ outputs, inputs, updates = new Map() }: Source): Compiled {
  const targets = [...updates.keys()];
  const given = inputs.map(
    (variable): Given => ({ variable, place: { kind: 'nowhere' }, view: contiguous(variable.shape) }),
  );
  const register = new Register();
  const draft = new Draft([...outputs, ...updates.values()], given, targets, register);
  const buffers = draft.results.map((result) => draft.ownBuffer(result));
  const { table } = draft;
  const newValues = targets.map(
    (target, i): Update => ({
      parameter: table.parameterBuffer(target),
      value: buffers[outputs.length + i],
    }),
  );
  const placed = draft.arrange(buffers, newValues);
  const results = outputs.map(({ shape, dtype }, i) => ({ buffer: placed.home(buffers[i]), shape, dtype }));
  const kept = new Set(results.map(({ buffer }) => buffer));
  const kernels = cut(placed.kernels, table, kept);
  const arenaBytes = planMemory(table.buffers, kernels, table.inputs, kept);
  const program: Program = {
    buffers: table.buffers,
    kernels,
    inputs: table.inputs,
    outputs: results,
    parameters: table.parameters.map((each) => ({
      shape: each.shape,
      dtype: each.dtype,
      written: updates.has(each),
    })),
    constants: table.constants,
    arenaBytes,
    workspaceBytes: workspaceBytesOf(kernels),
  };
  const { routines, origins } = register;
  return { program, parameters: table.parameters, routines, origins: [...origins.keys()] };
}

/** Compiles a body to run inside a kernel. */
function compileBlock({ inputs, results, updates }: BlockSource, register: Register): CompiledBlock {
  const wanted = [...results.map(({ variable }) => variable), ...updates.map(({ value }) => value)];
  const draft = new Draft(wanted, inputs, [], register);
  const { table } = draft;
  const buffers = results.map(({ place }, i) => draft.bufferAt(draft.results[i], place));
  const newValues = updates.map(
    ({ input }, i): Update => ({
      parameter: table.bufferOf(input) as number,
      value: draft.ownBuffer(draft.results[results.length + i]),
    }),
  );
  const placed = draft.arrange(buffers, newValues);
  const kernels = cut(placed.kernels, table, new Set());
  const arenaBytes = planMemory(table.buffers, kernels, table.inputs, new Set());
  return {
    block: { buffers: table.buffers, kernels, constants: table.constants },
    arenaBytes,
  };
}

/** The kernels, in their final order, with the large loops among them cut into parts. */
function cut(kernels: readonly Kernel[], table: Buffers, kept: ReadonlySet<number>): Kernel[] {
  const split = splitReductions(kernels, (dtype, length) => table.add(dtype, [length]));
  return cutIntoRows(split, table.buffers, kept);
}

/** A graph as kernels that are still to be merged, ordered and placed. */
class Draft {
  readonly table: Buffers;
  /** What was asked for, as it is after simplification. */
  readonly results: readonly Variable[];
  private readonly kernels: Kernel[];
  private readonly copies = new Map<Variable, number>();

  constructor(
    wanted: readonly Variable[],
    inputs: readonly Given[],
    targets: readonly Parameter[],
    register: Register,
  ) {
    this.results = narrow(finalize(wanted));
    const { table, kernels } = lowerGraph(this.results, inputs, targets, register);
    this.table = table;
    this.kernels = kernels;
  }

  /**
   * The buffer that holds a result and nothing else. A result is read after parameters are overwritten, so leaves among
   * the results are copied.
   */
  ownBuffer(result: Variable): number {
    const { table, copies } = this;
    const computed = result.source.kind === 'output' && table.isWhole(result);
    const known = computed ? table.bufferOf(result) : copies.get(result);
    if (known !== undefined) return known;
    const buffer = this.copyOf(result, { kind: 'nowhere' });
    copies.set(result, buffer);
    return buffer;
  }

  /** The buffer that holds a result, at `place`. */
  bufferAt(result: Variable, place: Place): number {
    const buffer = this.ownBuffer(result);
    const found = this.table.buffers[buffer];
    if (found.place.kind !== 'nowhere') return this.copyOf(result, place);
    found.place = place;
    return buffer;
  }

  private copyOf(result: Variable, place: Place): number {
    const buffer = this.table.add(result.dtype, result.shape, place);
    this.kernels.push(copyInto(buffer, result, this.table));
    return buffer;
  }

  /** The kernels, merged and in their final order, with new values in the place of old ones. */
  arrange(results: readonly number[], updates: readonly Update[]): ReturnType<typeof overwriteParameters> {
    const { table } = this;
    const newValues = new Set(updates.map(({ value }) => value));
    const kept = new Set([...results, ...newValues]);
    // A new value takes over its parameter's memory, and so takes none of its own.
    const bytes = (buffer: number): number =>
      newValues.has(buffer) ? 0 : arenaBytesOf(table.buffers[buffer]);
    const owned = ownUpdates(updates, table);
    const merged = mergeLoops(this.kernels, kept);
    const accumulated = accumulateProducts(merged, kept, owned, table);
    return overwriteParameters(hasten(accumulated, bytes, kept), updates, owned, table);
  }
}

/** Kernels for everything that needs memory; a view without strides gives one more variable memory, and so again. */
function lowerGraph(
  results: readonly Variable[],
  inputs: readonly Given[],
  targets: readonly Parameter[],
  register: Register,
): { table: Buffers; kernels: Kernel[] } {
  const { applications: found, leaves } = ancestors(results);
  const applications = numbersFirst(inOrderOfCreation(found));
  const forced = new Set<Variable>();
  for (;;) {
    const materialized = chooseMaterialized(applications, results, forced);
    const table = new Buffers(inputs, targets, leaves, register);
    const copies = [...forced]
      .filter((each) => each.source.kind !== 'output')
      .map((each) => table.copyLeaf(each));
    const filled = applications.filter(({ outputs }) => outputs.some((output) => materialized.has(output)));
    for (const application of filled) defineOutputs(application, table);
    const awaited = waitsOf(applications, (variable) => table.bufferOf(variable));
    const { kernels, missing } = lowerAll(filled, awaited, table, register);
    if (missing.size === 0) return { table, kernels: [...copies, ...kernels] };
    for (const variable of missing) {
      if (forced.has(variable)) throw new Error(`${variable.toString()} has memory, and still no strides`);
      forced.add(variable);
    }
  }
}

function lowerAll(
  filled: readonly Application[],
  awaited: ReadonlyMap<Application, ReadonlySet<number>>,
  table: Buffers,
  register: Register,
): { kernels: Kernel[]; missing: Set<Variable> } {
  const kernels: Kernel[] = [];
  const missing = new Set<Variable>();
  const compileInside = (source: BlockSource): CompiledBlock => compileBlock(source, register);
  for (const application of filled) {
    const waits = awaited.get(application);
    const own = table.originOf(application);
    try {
      for (const kernel of lowerBlocks(application, table, compileInside) ??
        lower(application.outputs[0], table))
        kernels.push({
          ...kernel,
          origins: [...new Set(kernel.origins).add(own)],
          ...(waits !== undefined && { waits: [...waits] }),
        });
    } catch (error) {
      if (!(error instanceof NeedsMemory)) throw error;
      missing.add(error.variable);
    }
  }
  return { kernels, missing };
}

/** The updates whose values may take over their parameters' memory: one for each value that has no place already. */
function ownUpdates(updates: readonly Update[], table: Buffers): Update[] {
  const firsts = new Map([...updates].reverse().map((update) => [update.value, update]));
  return updates.filter(
    (update) => firsts.get(update.value) === update && table.buffers[update.value].place.kind === 'nowhere',
  );
}

/**
 * Lets new values take the place of the old ones, in place where the order allows and by a copy at the end elsewhere.
 * @param owned those of the updates whose values may take over their parameters' memory
 * @returns the kernels, and the buffer in which a value ends up
 */
function overwriteParameters(
  kernels: readonly Kernel[],
  updates: readonly Update[],
  owned: readonly Update[],
  table: Buffers,
): { kernels: Kernel[]; home(buffer: number): number } {
  const placed = placeUpdates(kernels, owned);
  const names = new Map(placed.inPlace.map(({ parameter, value }) => [value, parameter]));
  const home = (buffer: number): number => names.get(buffer) ?? buffer;
  const inMind = new Set(owned);
  const copies = [...placed.copied, ...updates.filter((update) => !inMind.has(update))];
  return {
    kernels: [
      ...renameBuffers(placed.kernels, home),
      ...copies.map(({ parameter, value }) => table.copy(home(value), parameter)),
    ],
    home,
  };
}
