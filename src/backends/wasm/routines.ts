/** Operations without generated code: their own loops run on the engine's memory. */

import type { Program } from '../../compile/program.ts';
import { type Block, type Operation, viewBuffer, withLine } from '../../graph/index.ts';

/** Runs one routine kernel on the memory as it is now. */
export type RoutineCall = (memory: ArrayBuffer) => void;

/** The calls of a program's routine kernels, by the kernel's position. */
export function planRoutines(
  program: Program,
  addresses: readonly number[],
  operations: ReadonlyMap<string, Operation>,
): Map<number, RoutineCall> {
  const calls = new Map<number, RoutineCall>();
  program.kernels.forEach((kernel, position) => {
    if (kernel.kind !== 'routine') return;
    const operation = operations.get(kernel.operation);
    if (operation?.computation.kind !== 'routine') throw new Error(`no routine for ${kernel.operation}`);
    const { computation } = operation;
    let known: ArrayBuffer | undefined;
    let inputs: Block[] = [];
    let outputs: Block[] = [];
    calls.set(position, (memory) => {
      if (memory !== known) {
        const block = ({ buffer, shape }: (typeof kernel.inputs)[number]): Block => ({
          shape,
          data: viewBuffer(
            program.buffers[buffer].dtype,
            memory,
            addresses[buffer],
            program.buffers[buffer].length,
          ),
        });
        inputs = kernel.inputs.map(block);
        outputs = kernel.outputs.map(block);
        known = memory;
      }
      withLine(kernel.site, () => computation.run(inputs, outputs, kernel.attributes));
    });
  });
  return calls;
}
