/** Operations without generated code: their own loops run on the engine's memory. */

import { blocksOf, type Block as KernelBlock, type RoutineKernel } from '../../compile/program.ts';
import { type Block, type Operation, sizeOf, viewBuffer, withLine } from '../../graph/index.ts';

/** Runs one routine kernel on the memory as it is now, given the addresses of its operands. */
export type RoutineCall = (memory: ArrayBuffer, addresses: readonly number[]) => void;

/** All routine kernels of a program or block; their positions in this list are their numbers. */
export function routineKernels(block: KernelBlock): { kernel: RoutineKernel; block: KernelBlock }[] {
  return block.kernels.flatMap((kernel) =>
    kernel.kind === 'routine' ? [{ kernel, block }] : blocksOf(kernel).flatMap(routineKernels),
  );
}

/** The calls of a program's routine kernels, by number. */
export function planRoutines(
  program: KernelBlock,
  operations: ReadonlyMap<string, Operation>,
): RoutineCall[] {
  return routineKernels(program).map(({ kernel, block }) => {
    const operation = operations.get(kernel.operation);
    if (operation?.computation.kind !== 'routine') throw new Error(`no routine for ${kernel.operation}`);
    const { computation } = operation;
    const operands = [...kernel.inputs, ...kernel.outputs];
    let known: ArrayBuffer | undefined;
    let places: readonly number[] = [];
    let blocks: Block[] = [];
    return (memory, addresses) => {
      if (memory !== known || addresses.some((address, i) => address !== places[i])) {
        blocks = operands.map(({ buffer, shape }, i) => ({
          shape,
          // Addresses arrive as signed numbers.
          data: viewBuffer(block.buffers[buffer].dtype, memory, addresses[i] >>> 0, sizeOf(shape)),
        }));
        known = memory;
        places = addresses;
      }
      const inputs = blocks.slice(0, kernel.inputs.length);
      const outputs = blocks.slice(kernel.inputs.length);
      withLine(kernel.site, () => computation.run(inputs, outputs, kernel.attributes));
    };
  });
}
