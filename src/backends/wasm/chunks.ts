/** Chunks of rows: calls of the loops' functions, for each chunk that is the thread's own. */
import type { Access, LoopKernel, RowsKernel } from '../../compile/program.ts';
import type { FunctionBuilder } from './encoder.ts';
import { dependsOnPlace } from './loops/place.ts';
import { emitPart, type ThreadGlobals } from './share.ts';

export interface RowsCall {
  readonly kernel: RowsKernel;
  readonly team: ThreadGlobals;
  /** The function of a loop. */
  functionOf(loop: LoopKernel): FunctionBuilder;
  /** Pushes the address of an access at row 0. */
  push(access: Access): FunctionBuilder;
  /** Pushes the address of a loop's own workspace, behind what lies in the thread's, if it takes one. */
  pushWorkspace(loop: LoopKernel): void;
  /** How far it is from a row to the next, in bytes; 0 for what lies in the workspace and begins anew in each chunk. */
  rowBytes(access: Access): number;
}

/** Emits the thread's chunks of one kernel. */
export function callRows(f: FunctionBuilder, call: RowsCall): void {
  const { kernel, team, functionOf, push, pushWorkspace, rowBytes } = call;
  const { rows, chunk, loops } = kernel;
  const chunks = Math.floor(rows / chunk);
  const rest = rows - chunks * chunk;
  const units = chunks + Math.sign(rest);
  const { first, end } = emitPart(f, team, units);
  const at = f.local('i32');

  const callAll = (count: number): void => {
    for (const loop of loops) {
      for (const access of loop.accesses) {
        push(access);
        const step = chunk * rowBytes(access);
        if (step !== 0) f.get(at).i32(step).op('i32.mul', 'i32.add');
      }
      if (dependsOnPlace(loop)) f.get(at).i32(chunk).op('i32.mul');
      const part = { ...loop, extents: [count, ...loop.extents.slice(1)] };
      pushWorkspace(part);
      f.call(functionOf(part));
    }
  };
  const endOfWhole = f.local('i32');
  f.get(end).i32(chunks).get(end).i32(chunks).op('i32.lt_s', 'select').set(endOfWhole);
  f.forRange(
    at,
    () => f.get(first),
    () => f.get(endOfWhole),
    1,
    () => callAll(chunk),
  );
  if (rest === 0) return;
  // The last chunk is shorter; it falls to the last thread.
  f.get(end).i32(units).op('i32.eq');
  f.if(() => {
    f.i32(chunks).set(at);
    callAll(rest);
  });
}
