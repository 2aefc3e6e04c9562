/** Marks in machine code: a program that is measured tells, after each kernel, that this one has run. */
import { type Block, blocksOf, type Kernel } from '../../compile/program.ts';
import type { ImportedFunction, ModuleBuilder } from './encoder.ts';

export interface Marks {
  /** The kernels to tell of, and their numbers, from 0. */
  readonly numbers: ReadonlyMap<Kernel, number>;
  /** Called when the kernel of that number has run; or {@link BEGIN} or {@link WAITED}. Only the main thread calls it. */
  mark(number: number): void;
}

/** The mark at the beginning of a run. */
export const BEGIN = -1;

/** The mark when other threads have been waited for: the time counts for the kernel before, which they were at. */
export const WAITED = -2;

/** Imports `host.mark(number of the kernel)`. */
export function importMark(module: ModuleBuilder): ImportedFunction {
  return module.importFunction('host', 'mark', ['i32'], []);
}

/** A kernel among all those of a program. */
export interface PlacedKernel {
  readonly kernel: Kernel;
  /** The block that it stands in. */
  readonly block: Block;
  /** The position in the list of the kernel that runs this block; undefined in the program itself. */
  readonly inside: number | undefined;
}

/** All kernels of a program, those of inner blocks right after the kernel that runs them. */
export function allKernels(program: Block): PlacedKernel[] {
  const list: PlacedKernel[] = [];
  const visit = (block: Block, inside: number | undefined): void => {
    for (const kernel of block.kernels) {
      const position = list.push({ kernel, block, inside }) - 1;
      for (const each of blocksOf(kernel)) visit(each, position);
    }
  };
  visit(program, undefined);
  return list;
}
