/**
 * A loop kernel as a WebAssembly function. Its parameters are the byte addresses of its accesses, so that kernels
 * which differ only in where their buffers lie share one function.
 */

import type { LoopKernel } from '../../../compile/program.ts';
import type { DType } from '../../../graph/index.ts';
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import type { MathLibrary } from '../math/index.ts';
import { Body } from './body.ts';
import { emitKeptReduction, needsWorkspace } from './keptReduction.ts';
import { emitLaneReduction } from './laneReduction.ts';
import { widthOf } from './lanes.ts';
import { emitMap } from './maps.ts';
import { dependsOnPlace } from './place.ts';
import { Walk } from './walk.ts';

/**
 * Emits `kernel` into `module`. The parameters of the function, all i32, are in this order
 * - the byte address of each access, where its first element lies;
 * - if the kernel {@link dependsOnPlace}, the coordinate along axis 0 at which it begins: 0 for a whole kernel, more for
 *   one that is a later part of a longer axis;
 * - if it {@link needsWorkspace}, the address of the workspace, a multiple of 16.
 * @param dtypes the dtype of each access
 */
export function emitLoop(
  module: ModuleBuilder,
  library: MathLibrary,
  kernel: LoopKernel,
  dtypes: readonly DType[],
): FunctionBuilder {
  const withWorkspace = needsWorkspace(kernel, dtypes);
  const before = kernel.accesses.length + (dependsOnPlace(kernel) ? 1 : 0);
  const f = module.func('loop', new Array<'i32'>(before + (withWorkspace ? 1 : 0)).fill('i32'));
  if (kernel.extents.slice(0, kernel.extents.length - kernel.reduced).includes(0)) return f;
  const walk = new Walk(f, dtypes);
  const body = new Body(kernel, dtypes, widthOf(kernel, dtypes), walk, library);
  if (kernel.reduced === 0) emitMap(body, walk);
  else if (body.nest.lanes === 'kept') emitKeptReduction(body, walk, withWorkspace ? before : undefined);
  else emitLaneReduction(body, walk);
  return f;
}
