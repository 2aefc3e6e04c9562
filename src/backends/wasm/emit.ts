/** A Program as one WebAssembly module: a function for each distinct kernel, and `run`, which calls them in order. */

import type { Access, Kernel, LoopKernel, ProductKernel, Program } from '../../compile/program.ts';
import { BYTES, type DType } from '../../graph/index.ts';
import { type FunctionBuilder, type ImportedFunction, ModuleBuilder } from './encoder.ts';
import { emitLoop } from './loops/emit.ts';
import { type ConstantPool, MathLibrary } from './math/index.ts';

/** Addresses of a loaded program, in bytes. */
export interface Layout {
  /** The address of each of the program's buffers. */
  readonly addresses: readonly number[];
  /** The workspace of the matrix product. */
  readonly scratch: number;
}

const GEMM_PARAMETERS = new Array<'i32'>(13).fill('i32');

/** One `run` function holds at most this many calls; longer programs are cut into several. */
const CALLS_PER_FUNCTION = 2000;

/** Encodes the module. It imports `env.memory`, `gemm.gemm_f32`, `gemm.gemm_f64` and `host.routine(kernel index)`. */
export function emitProgram(
  program: Program,
  layout: Layout,
  constants: ConstantPool,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const gemm = {
    float32: module.importFunction('gemm', 'gemm_f32', GEMM_PARAMETERS, []),
    float64: module.importFunction('gemm', 'gemm_f64', GEMM_PARAMETERS, []),
  };
  const routine = module.importFunction('host', 'routine', ['i32'], []);
  const library = new MathLibrary(module, constants);
  const loops = new Map<string, FunctionBuilder>();
  const dtypeOf = (buffer: number): DType => program.buffers[buffer].dtype;
  const addressOf = ({ buffer, offset }: Access): number =>
    layout.addresses[buffer] + offset * BYTES[program.buffers[buffer].dtype];

  const parts: FunctionBuilder[] = [];
  const call = (f: FunctionBuilder, kernel: Kernel, index: number): void => {
    switch (kernel.kind) {
      case 'loop': {
        const dtypes = kernel.accesses.map(({ buffer }) => dtypeOf(buffer));
        const key = loopKey(kernel, dtypes);
        let loop = loops.get(key);
        if (loop === undefined) {
          loop = emitLoop(module, library, kernel, dtypes);
          loops.set(key, loop);
        }
        for (const access of kernel.accesses) f.i32(addressOf(access));
        f.call(loop);
        return;
      }
      case 'product':
        callProduct(f, kernel, gemm[kernel.dtype], addressOf, layout.scratch);
        return;
      case 'routine':
        f.i32(index).call(routine);
    }
  };
  for (let start = 0; start < program.kernels.length; start += CALLS_PER_FUNCTION) {
    const f = module.func(`run ${start}`, []);
    program.kernels
      .slice(start, start + CALLS_PER_FUNCTION)
      .forEach((kernel, i) => call(f, kernel, start + i));
    parts.push(f);
  }
  const run = module.func('run', []);
  for (const part of parts) run.call(part);
  module.export('run', run);
  return module.encode();
}

/** What a loop's code depends on: everything but where its buffers lie. */
function loopKey(kernel: LoopKernel, dtypes: readonly DType[]): string {
  return JSON.stringify(
    [
      kernel.extents,
      kernel.reduced,
      kernel.accesses.map(({ strides }) => strides),
      dtypes,
      kernel.nodes,
      kernel.accumulators,
      kernel.stores,
    ],
    (_, value) =>
      typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
        ? `${Object.is(value, -0) ? '-0' : value}`
        : value,
  );
}

/** Calls the matrix product for each index of the batch axes. */
function callProduct(
  f: FunctionBuilder,
  kernel: ProductKernel,
  gemm: ImportedFunction,
  addressOf: (access: Access) => number,
  scratch: number,
): void {
  const operands = [kernel.a, kernel.b, kernel.c];
  const bytes = BYTES[kernel.dtype];
  const pointers = operands.map((operand) => {
    const pointer = f.local('i32');
    f.i32(addressOf(operand)).set(pointer);
    return pointer;
  });
  const [a, b, c] = pointers;
  const advance = (axis: number, count: number): void => {
    operands.forEach((operand, i) => {
      const step = operand.strides[axis] * count * bytes;
      if (step !== 0) f.get(pointers[i]).i32(step).op('i32.add').set(pointers[i]);
    });
  };
  const nest = (axis: number): void => {
    if (axis === kernel.batch.length) {
      f.i32(kernel.n).i32(kernel.m).i32(kernel.k);
      f.get(a).i32(kernel.a.rows).i32(kernel.a.columns);
      f.get(b).i32(kernel.b.rows).i32(kernel.b.columns);
      f.get(c)
        .i32(kernel.c.rows)
        .i32(kernel.accumulate ? 1 : 0)
        .i32(scratch)
        .call(gemm);
      return;
    }
    const round = f.local('i32');
    f.forRange(
      round,
      () => f.i32(0),
      () => f.i32(kernel.batch[axis]),
      1,
      () => {
        nest(axis + 1);
        advance(axis, 1);
      },
    );
    advance(axis, -kernel.batch[axis]);
  };
  nest(0);
}
