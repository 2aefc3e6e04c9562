/** The compiler: a graph, its inputs and its updates become one Program. */
import {
  ancestors,
  at,
  type DType,
  EvaluationError,
  type Operation,
  Parameter,
  type Shape,
  sizeOf,
  type Tensor,
  type TypedArray,
  type Updates,
  type Variable,
} from '../graph/index.ts';
import { uniformValue } from '../operations/uniform.ts';
import { simplify } from '../rewrite/simplify.ts';
import { type BufferTable, copyInto, lower, NeedsMemory } from './lower.ts';
import { chooseMaterialized } from './materialize.ts';
import { planMemory } from './memory.ts';
import { mergeLoops } from './merge.ts';
import type { Buffer, Kernel, Place, Program } from './program.ts';
import { placeUpdates, type Update } from './updates.ts';

export interface Source {
  /** What a caller reads. */
  readonly outputs: readonly Variable[];
  /** The placeholders that each call fills, in order; every input that the outputs need must be among them. */
  readonly inputs: readonly Variable[];
  readonly updates?: Updates;
}

export interface Compiled {
  readonly program: Program;
  /** The parameters that the program reads or writes, in the order of `program.parameters`. */
  readonly parameters: readonly Parameter[];
  /** Operations whose own loops the program calls, by name. */
  readonly routines: ReadonlyMap<string, Operation>;
}

/** Compiles the graph of `outputs` and of the new values of `updates`. */
export function compileGraph({ outputs, inputs, updates = new Map() }: Source): Compiled {
  const targets = [...updates.keys()];
  const [...simplified] = simplify([...outputs, ...updates.values()], { expand: true });
  const results = simplified.slice(0, outputs.length);
  const newValues = simplified.slice(outputs.length);
  const { applications, leaves } = ancestors(simplified);

  const forced = new Set<Variable>();
  for (;;) {
    const materialized = chooseMaterialized(applications, simplified, forced);
    const table = new Buffers(inputs, targets, leaves);
    for (const each of applications) {
      for (const output of each.outputs) if (materialized.has(output)) table.define(output);
    }
    const kernels: Kernel[] = [];
    const missing: Variable[] = [];
    for (const application of applications) {
      if (!application.outputs.some((output) => materialized.has(output))) continue;
      try {
        kernels.push(...lower(application.outputs[0], table));
      } catch (error) {
        if (!(error instanceof NeedsMemory)) throw error;
        missing.push(error.variable);
      }
    }
    if (missing.length > 0) {
      for (const variable of new Set(missing)) {
        if (forced.has(variable)) throw new Error(`${variable.toString()} has memory, and still no strides`);
        forced.add(variable);
      }
      continue;
    }
    return { ...finish(table, kernels, results, newValues, targets), routines: table.routines };
  }
}

function finish(
  table: Buffers,
  lowered: readonly Kernel[],
  results: readonly Variable[],
  newValues: readonly Variable[],
  targets: readonly Parameter[],
): { program: Program; parameters: readonly Parameter[] } {
  const kernels: Kernel[] = [...lowered];
  // A result is read after parameters are overwritten, so leaves among the results are copied first.
  const copies = new Map<Variable, number>();
  const ownBuffer = (variable: Variable): number => {
    const known = copies.get(variable);
    if (known !== undefined) return known;
    if (variable.source.kind === 'output') return table.bufferOf(variable) as number;
    const buffer = table.add(variable.dtype, variable.shape);
    kernels.push(copyInto(buffer, variable, table));
    copies.set(variable, buffer);
    return buffer;
  };
  const outputs = results.map((result) => ({
    buffer: ownBuffer(result),
    shape: result.shape,
    dtype: result.dtype,
  }));
  const wanted: Update[] = targets.map((target, i) => ({
    parameter: table.parameterBuffer(target),
    value: ownBuffer(newValues[i]),
  }));
  const kept = new Set([...outputs.map(({ buffer }) => buffer), ...wanted.map(({ value }) => value)]);
  const merged = mergeLoops(kernels, kept);
  const { first, repeated } = separateRepeats(wanted);
  const placed = placeUpdates(merged, first);
  const renamed = renameBuffers(
    placed.kernels,
    new Map(placed.inPlace.map(({ parameter, value }) => [value, parameter])),
  );
  const final = [...renamed];
  const where = new Map(placed.inPlace.map(({ parameter, value }) => [value, parameter]));
  for (const { parameter, value } of [...placed.copied, ...repeated]) {
    final.push(table.copy(where.get(value) ?? value, parameter));
  }
  const finalOutputs = outputs.map((output) => ({
    ...output,
    buffer: where.get(output.buffer) ?? output.buffer,
  }));
  const survivors = new Set([...finalOutputs.map(({ buffer }) => buffer)]);
  const arenaBytes = planMemory(table.buffers, final, table.inputs, survivors);
  const written = new Set(targets);
  return {
    program: {
      buffers: table.buffers,
      kernels: final,
      inputs: table.inputs,
      outputs: finalOutputs,
      parameters: table.parameters.map((each) => ({
        shape: each.shape,
        dtype: each.dtype,
        written: written.has(each),
      })),
      constants: table.constants,
      arenaBytes,
    },
    parameters: table.parameters,
  };
}

/** Updates by whether an earlier one has the same value: only one parameter can take over a value's buffer. */
function separateRepeats(updates: readonly Update[]): { first: Update[]; repeated: Update[] } {
  const seen = new Set<number>();
  const first: Update[] = [];
  const repeated: Update[] = [];
  for (const update of updates) {
    (seen.has(update.value) ? repeated : first).push(update);
    seen.add(update.value);
  }
  return { first, repeated };
}

function renameBuffers(kernels: readonly Kernel[], names: ReadonlyMap<number, number>): Kernel[] {
  if (names.size === 0) return [...kernels];
  const rename = <T extends { readonly buffer: number }>(access: T): T => ({
    ...access,
    buffer: names.get(access.buffer) ?? access.buffer,
  });
  return kernels.map((kernel) => {
    switch (kernel.kind) {
      case 'loop':
        return { ...kernel, accesses: kernel.accesses.map(rename) };
      case 'product':
        return { ...kernel, a: rename(kernel.a), b: rename(kernel.b), c: rename(kernel.c) };
      case 'routine':
        return { ...kernel, inputs: kernel.inputs.map(rename), outputs: kernel.outputs.map(rename) };
    }
  });
}

/** The program's memory, as it is being laid out. */
class Buffers implements BufferTable {
  readonly buffers: Buffer[] = [];
  readonly inputs: number[] = [];
  readonly parameters: Parameter[] = [];
  readonly constants: TypedArray[] = [];
  readonly routines = new Map<string, Operation>();
  private readonly numbers = new Map<Variable, number>();

  constructor(inputs: readonly Variable[], targets: readonly Parameter[], leaves: readonly Variable[]) {
    for (const each of inputs) {
      const buffer = this.add(each.dtype, each.shape);
      this.inputs.push(buffer);
      this.numbers.set(each, buffer);
    }
    for (const leaf of [...leaves, ...targets]) if (!this.numbers.has(leaf)) this.addLeaf(leaf);
  }

  add(dtype: DType, shape: Shape, place: Place = { kind: 'nowhere' }): number {
    return this.buffers.push({ dtype, length: sizeOf(shape), place }) - 1;
  }

  private addLeaf(leaf: Variable): void {
    if (leaf instanceof Parameter) {
      const index = this.parameters.push(leaf) - 1;
      this.numbers.set(leaf, this.add(leaf.dtype, leaf.shape, { kind: 'parameter', index }));
    } else if (leaf.source.kind !== 'constant') {
      throw new EvaluationError(
        `compile: ${leaf.toString()} has no value: it is not an argument of the compiled function; make it one, or a ` +
          `constant or a parameter${at()}`,
      );
    }
  }

  private addConstant(leaf: Variable, { data }: Tensor): void {
    const index = this.constants.push(data) - 1;
    this.numbers.set(leaf, this.add(leaf.dtype, leaf.shape, { kind: 'constant', index }));
  }

  define(variable: Variable): void {
    this.numbers.set(variable, this.add(variable.dtype, variable.shape));
  }

  bufferOf(variable: Variable): number | undefined {
    // Scalar constants are literals in loops; only a routine or a product asks for their memory.
    if (variable.source.kind === 'constant' && !this.numbers.has(variable))
      this.addConstant(variable, variable.source.tensor);
    return this.numbers.get(variable);
  }

  literalOf(variable: Variable): number | undefined {
    return uniformValue(variable);
  }

  routineName(operation: Operation): string {
    let name = operation.name;
    for (let n = 2; (this.routines.get(name) ?? operation) !== operation; n++)
      name = `${operation.name} ${n}`;
    this.routines.set(name, operation);
    return name;
  }

  parameterBuffer(parameter: Parameter): number {
    return this.numbers.get(parameter) as number;
  }

  /** A kernel that copies one whole buffer over another. */
  copy(from: number, to: number): Kernel {
    const { length, dtype } = this.buffers[from];
    return {
      kind: 'loop',
      extents: [length],
      reduced: 0,
      accesses: [
        { buffer: from, offset: 0, strides: [1] },
        { buffer: to, offset: 0, strides: [1] },
      ],
      nodes: [{ op: 'load', dtype, access: 0 }],
      accumulators: [],
      stores: [{ access: 1, node: 0 }],
    };
  }
}
