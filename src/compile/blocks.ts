/** Loops and branches: kernels that run blocks, and where the blocks find and leave their numbers. */
import {
  type Application,
  BYTES,
  type Choice,
  type Iteration,
  type Rounds,
  sizeOf,
  type Variable,
} from '../graph/index.ts';
import type { Buffers, Given } from './buffers.ts';
import { copyInto, memoryBeneath } from './lower.ts';
import type { Block, ChooseKernel, Kernel, Place, RepeatKernel } from './program.ts';
import { contiguous } from './views.ts';

/** What a block computes, and where that must end up. */
export interface BlockResult {
  readonly variable: Variable;
  readonly place: Place;
}

export interface BlockSource {
  readonly inputs: readonly Given[];
  readonly results: readonly BlockResult[];
  /** New values that take the place of inputs when everything else has been computed. */
  readonly updates: readonly { readonly input: Variable; readonly value: Variable }[];
}

export interface CompiledBlock {
  readonly block: Block;
  readonly arenaBytes: number;
}

export type CompileBlock = (source: BlockSource) => CompiledBlock;

/** The kernels of an application that runs bodies of its own; undefined for all others. */
export function lowerBlocks(
  application: Application,
  table: Buffers,
  compileBlock: CompileBlock,
): Kernel[] | undefined {
  const { computation } = application.operation;
  if (computation.kind === 'iteration') return lowerIteration(application, computation, table, compileBlock);
  if (computation.kind === 'choice') return [lowerChoice(application, computation, table, compileBlock)];
  return undefined;
}

/** The enclosing buffers that blocks refer to, by number. */
class Operands {
  readonly buffers: number[] = [];
  readonly reads = new Set<number>();
  readonly writes = new Set<number>();

  /** The place `offset` elements into `buffer`, `step` elements further on in each round. */
  place(buffer: number, bytes: number, offset = 0, step = 0): Place {
    const known = this.buffers.indexOf(buffer);
    const operand = known >= 0 ? known : this.buffers.push(buffer) - 1;
    return { kind: 'outer', operand, offset: offset * bytes, step: step * bytes };
  }

  /** An input of the body that is the same in every round. */
  fixed(variable: Variable, from: Variable, table: Buffers): Given {
    const { buffer, view } = memoryBeneath(from, table);
    this.reads.add(buffer);
    return {
      variable,
      place: this.place(buffer, BYTES[from.dtype], view.offset),
      view: { ...view, offset: 0 },
    };
  }

  /** What kernels that run blocks say of their operands; `bytes` is the size of the largest block's arena. */
  finish(table: Buffers, bytes: number) {
    const workspace = table.add('uint8', [bytes]);
    return {
      operands: this.buffers,
      reads: [...this.reads],
      writes: [...this.writes, workspace],
      workspace,
    };
  }
}

/**
 * Where a carry stands. In one place, if only its last value is wanted; where its value in every round is, it has memory
 * for all of them: a round reads one element and writes the next, and no carry is ever copied.
 */
interface Track {
  /** How many elements the memory has. */
  readonly elements: number;
  /** The element that the first round reads, and the step from round to round. */
  readonly first: number;
  readonly step: number;
  /** Stacked outputs that lie on it, and from which element on. */
  readonly held: ReadonlyMap<number, number>;
}

function tracksOf(
  { outputs, attributes }: Application,
  { body, carries: count }: Iteration<Variable>,
): Track[] {
  const { length = 0, reverse = false } = attributes as Rounds;
  const taken = new Set<number>();
  return body.inputs.slice(0, count).map((carry, i) => {
    const next = body.outputs[i];
    const held = new Map<number, number>();
    outputs.forEach((_, j) => {
      const stacked = body.outputs[j];
      const before = stacked === carry;
      const after = stacked === next && !body.inputs.includes(next);
      if (j < count || length === 0 || taken.has(j) || !(before || after)) return;
      taken.add(j);
      held.set(j, before === reverse ? 1 : 0);
    });
    if (held.size === 0) return { elements: 1, first: 0, step: 0, held };
    return { elements: length + 1, first: reverse ? length : 0, step: reverse ? -1 : 1, held };
  });
}

/** Memory for all outputs of an application. */
export function defineOutputs(application: Application, table: Buffers): void {
  const { outputs, operation } = application;
  for (const output of outputs) table.define(output);
  const { computation } = operation;
  if (computation.kind !== 'iteration') return;
  tracksOf(application, computation).forEach(({ elements, first, held }, i) => {
    if (held.size === 0) return;
    const { dtype, shape } = outputs[i];
    const buffer = table.add(dtype, [elements, ...shape]);
    const lay = (output: Variable, element: number): void =>
      table.lay(output, buffer, { ...contiguous(output.shape), offset: element * sizeOf(shape) });
    lay(outputs[i], elements - 1 - first);
    for (const [j, element] of held) lay(outputs[j], element);
  });
}

function lowerIteration(
  application: Application,
  computation: Iteration<Variable>,
  table: Buffers,
  compileBlock: CompileBlock,
): Kernel[] {
  const { inputs, outputs, attributes } = application;
  const { body, carries: count, slices, conditional } = computation;
  const { length, reverse = false } = attributes as Rounds;
  const operands = new Operands();
  const kernels: Kernel[] = [];
  const given: Given[] = [];
  const results: BlockResult[] = [];
  const updates: { input: Variable; value: Variable }[] = [];
  const bufferOf = (output: number): number => table.bufferOf(outputs[output]) as number;
  /** One element in each round. */
  const moving = (output: number, { dtype, shape }: Variable, first: number, step: number): Place => {
    operands.writes.add(bufferOf(output));
    return operands.place(bufferOf(output), BYTES[dtype], first * sizeOf(shape), step * sizeOf(shape));
  };

  const tracks = tracksOf(application, computation);
  tracks.forEach(({ first, step }, i) => {
    const carry = body.inputs[i];
    kernels.push(copyInto(bufferOf(i), inputs[i], table, first * sizeOf(carry.shape)));
    operands.reads.add(bufferOf(i));
    given.push({ variable: carry, place: moving(i, carry, first, step), view: contiguous(carry.shape) });
    if (step === 0) updates.push({ input: carry, value: body.outputs[i] });
    else results.push({ variable: body.outputs[i], place: moving(i, carry, first + step, step) });
  });
  // Nothing runs; there are only the carries to hand on.
  if (length === 0) return kernels;

  const last = (length ?? 0) - 1;
  body.outputs.forEach((variable, j) => {
    if (j < count || tracks.some(({ held }) => held.has(j))) return;
    results.push({ variable, place: moving(j, variable, reverse ? last : 0, reverse ? -1 : 1) });
  });
  body.inputs.slice(count).forEach((variable, i) => {
    const from = inputs[count + i];
    given.push(
      i < slices
        ? sliceInput(variable, from, reverse, operands, table)
        : operands.fixed(variable, from, table),
    );
  });
  const { block, arenaBytes } = compileBlock({ inputs: given, results, updates });
  const repeat: RepeatKernel = {
    kind: 'repeat',
    ...operands.finish(table, arenaBytes),
    block,
    ...(length !== undefined && { rounds: length }),
    ...(conditional && { condition: { buffer: bufferOf(0), offset: 0, strides: [] } }),
  };
  return [...kernels, repeat];
}

/** One element along axis 0 in each round. */
function sliceInput(
  variable: Variable,
  from: Variable,
  reverse: boolean,
  operands: Operands,
  table: Buffers,
): Given {
  const { buffer, view } = memoryBeneath(from, table);
  const [step, ...strides] = view.strides;
  operands.reads.add(buffer);
  const first = view.offset + (reverse ? step * (from.shape[0] - 1) : 0);
  return {
    variable,
    place: operands.place(buffer, BYTES[from.dtype], first, reverse ? -step : step),
    view: { shape: variable.shape, strides, offset: 0 },
  };
}

function lowerChoice(
  { inputs, outputs }: Application,
  { bodies, shared }: Choice<Variable>,
  table: Buffers,
  compileBlock: CompileBlock,
): ChooseKernel {
  const operands = new Operands();
  const predicate = memoryBeneath(inputs[0], table);
  operands.reads.add(predicate.buffer);
  const buffers = outputs.map((each) => {
    const buffer = table.bufferOf(each) as number;
    operands.writes.add(buffer);
    return buffer;
  });
  const [first, second] = bodies.map((body, b) => {
    const places = body.outputs.map((each, i): BlockResult => {
      const output = i < shared || b === 0 ? i : i - shared + bodies[0].outputs.length;
      return { variable: each, place: operands.place(buffers[output], BYTES[each.dtype]) };
    });
    const given = body.inputs.map((each, i) => operands.fixed(each, inputs[i + 1], table));
    return compileBlock({ inputs: given, results: places, updates: [] });
  });
  return {
    kind: 'choose',
    ...operands.finish(table, Math.max(first.arenaBytes, second.arenaBytes)),
    condition: { buffer: predicate.buffer, offset: predicate.view.offset, strides: [] },
    blocks: [first.block, second.block],
  };
}
