/** Where a program's buffers lie in memory. */
import type { Block, Kernel } from '../../compile/program.ts';
import type { TypedArray } from '../../graph/index.ts';
import type { FunctionBuilder, Global } from './encoder.ts';

/** Addresses of what a loaded program uses, in bytes. */
export interface Layout {
  readonly arena: number;
  /** The address of each parameter. */
  readonly parameters: readonly number[];
  readonly constants: ReadonlyMap<TypedArray, number>;
  /** The workspaces of the threads, one after another, each of `workspaceBytes`: for products, and for chunks of rows. */
  readonly workspace: number;
  readonly workspaceBytes: number;
}

/** `base + sum_d counter_d steps[d]`, in bytes, with the counters of the loops around, the outermost first. */
export interface Address {
  readonly base: number;
  readonly steps: readonly number[];
  /** Whether it counts from the beginning of the thread's workspace. */
  readonly inWorkspace?: boolean;
}

type Structured = Extract<Kernel, { readonly kind: 'repeat' | 'choose' }>;

/**
 * The address of each buffer of a block.
 * @param enclosing the addresses around the block, absent for a whole program
 * @param kernel the kernel that runs the block
 * @param depth of a block that is run again and again: how many loops are around its kernel
 */
export function addressesIn(
  block: Block,
  layout: Layout,
  enclosing: readonly Address[] = [],
  kernel?: Structured,
  depth?: number,
): Address[] {
  const arena = kernel === undefined ? { base: layout.arena, steps: [] } : enclosing[kernel.workspace];
  return block.buffers.map(({ place }, buffer): Address => {
    switch (place.kind) {
      case 'arena':
        return { base: arena.base + place.offset, steps: arena.steps };
      case 'parameter':
        return { base: layout.parameters[place.index], steps: [] };
      case 'constant':
        return { base: layout.constants.get(block.constants[place.index]) as number, steps: [] };
      case 'outer': {
        const operand = kernel?.operands[place.operand];
        if (operand === undefined) throw new Error(`buffer ${buffer} lies outside of the program`);
        const { base, steps } = enclosing[operand];
        const all = [...steps];
        if (depth !== undefined && place.step !== 0) all[depth] = place.step;
        return { base: base + place.offset, steps: Array.from(all, (step) => step ?? 0) };
      }
      case 'workspace':
        return { base: place.offset, steps: [], inWorkspace: true };
      case 'nowhere':
        return { base: 0, steps: [] };
    }
  });
}

/**
 * Pushes an address, `offset` bytes further on. The counters are the parameters of `f`.
 * @param workspace holds the address of the thread's workspace
 */
export function pushAddress(
  f: FunctionBuilder,
  { base, steps, inWorkspace }: Address,
  offset: number,
  workspace: Global,
): FunctionBuilder {
  f.i32(base + offset);
  if (inWorkspace) f.getGlobal(workspace).op('i32.add');
  steps.forEach((step, depth) => {
    if (step !== 0) f.get(depth).i32(step).op('i32.mul', 'i32.add');
  });
  return f;
}
