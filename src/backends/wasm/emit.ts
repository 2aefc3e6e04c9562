/**
 * A Program as one WebAssembly module: a function for each distinct kernel, one for each block, which calls its kernels in
 * order, and `run` for the whole.
 */

import { keyOf } from '../../compile/expression.ts';
import type {
  Access,
  Block,
  Factor,
  Kernel,
  LoopKernel,
  ProductKernel,
  Program,
  RepeatKernel,
} from '../../compile/program.ts';
import { BYTES, type DType } from '../../graph/index.ts';
import { type Address, addressesIn, type Layout, pushAddress } from './addresses.ts';
import { type FunctionBuilder, type ImportedFunction, ModuleBuilder } from './encoder.ts';
import { gemmParameters } from './gemm/index.ts';
import { emitLoop } from './loops/emit.ts';
import { dependsOnPlace } from './loops/place.ts';
import { type ConstantPool, MathLibrary } from './math/index.ts';
import { routineKernels } from './routines.ts';

/** One function holds at most this many calls; longer blocks are cut into several. */
const CALLS_PER_FUNCTION = 2000;

/**
 * Encodes the module. It imports `env.memory`, `gemm.gemm_f32`, `gemm.gemm_f64` and, for each number of operands,
 * `host.routine(number of the routine, address of each operand)`.
 */
export function emitProgram(
  program: Program,
  layout: Layout,
  constants: ConstantPool,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const gemm = {
    float32: module.importFunction('gemm', 'gemm_f32', gemmParameters('f32'), []),
    float64: module.importFunction('gemm', 'gemm_f64', gemmParameters('f64'), []),
  };
  const called = routineKernels(program).map(({ kernel }) => kernel);
  const numbers = new Map(called.map((kernel, number) => [kernel, number]));
  const arities = new Set(called.map(({ inputs, outputs }) => inputs.length + outputs.length));
  const routines = new Map(
    [...arities].map((arity) => {
      const parameters = new Array<'i32'>(1 + arity).fill('i32');
      return [arity, module.importFunction('host', 'routine', parameters, [])];
    }),
  );
  const library = new MathLibrary(module, constants);
  const loops = new Map<string, FunctionBuilder>();

  /** A call of one kernel; the parameters of `f` are the counters of the loops around it. */
  const call = (f: FunctionBuilder, kernel: Kernel, block: Block, addresses: readonly Address[]): void => {
    const dtypeOf = (buffer: number): DType => block.buffers[buffer].dtype;
    const push = ({ buffer, offset }: Pick<Access, 'buffer' | 'offset'>): FunctionBuilder =>
      pushAddress(f, addresses[buffer], offset * BYTES[dtypeOf(buffer)]);
    switch (kernel.kind) {
      case 'loop': {
        const dtypes = kernel.accesses.map(({ buffer }) => dtypeOf(buffer));
        const key = loopKey(kernel, dtypes);
        let loop = loops.get(key);
        if (loop === undefined) {
          loop = emitLoop(module, library, kernel, dtypes);
          loops.set(key, loop);
        }
        kernel.accesses.forEach(push);
        if (dependsOnPlace(kernel)) f.i32(0);
        f.call(loop);
        return;
      }
      case 'product':
        return callProduct(f, kernel, gemm[kernel.dtype], push, layout.scratch);
      case 'routine': {
        const operands = [...kernel.inputs, ...kernel.outputs];
        f.i32(numbers.get(kernel) as number);
        operands.forEach(push);
        f.call(routines.get(operands.length) as ImportedFunction);
        return;
      }
      case 'repeat': {
        const inside = addressesIn(kernel.block, layout, addresses, kernel, f.parameterCount);
        return repeat(f, kernel, emitBlock(kernel.block, inside, f.parameterCount + 1), push);
      }
      case 'choose': {
        const [first, second] = kernel.blocks.map((each) =>
          emitBlock(each, addressesIn(each, layout, addresses, kernel), f.parameterCount),
        );
        push(kernel.condition).memory('i32.load8_u');
        f.if(
          () => callBlock(f, first),
          () => callBlock(f, second),
        );
      }
    }
  };

  /** The functions that together run a block inside `depth` loops, whose counters they take. */
  const emitBlock = (block: Block, addresses: readonly Address[], depth: number): FunctionBuilder[] => {
    const parts: FunctionBuilder[] = [];
    for (let start = 0; start < block.kernels.length; start += CALLS_PER_FUNCTION) {
      const f = module.func(`run ${start}`, new Array<'i32'>(depth).fill('i32'));
      for (const kernel of block.kernels.slice(start, start + CALLS_PER_FUNCTION))
        call(f, kernel, block, addresses);
      parts.push(f);
    }
    return parts;
  };
  const parts = emitBlock(program, addressesIn(program, layout), 0);
  const run = module.func('run', []);
  callBlock(run, parts);
  module.export('run', run);
  return module.encode();
}

/** Runs a block, handing on the counters of the loops around it, and `counter`. */
function callBlock(f: FunctionBuilder, parts: readonly FunctionBuilder[], counter?: number): void {
  for (const part of parts) {
    for (let depth = 0; depth < f.parameterCount; depth++) f.get(depth);
    if (counter !== undefined) f.get(counter);
    f.call(part);
  }
}

/** Runs a block as often as its kernel says. */
function repeat(
  f: FunctionBuilder,
  { rounds, condition }: RepeatKernel,
  parts: readonly FunctionBuilder[],
  push: (access: Access) => FunctionBuilder,
): void {
  const counter = f.local('i32');
  f.i32(0).set(counter);
  f.block((exit) => {
    f.loop((again) => {
      if (rounds !== undefined) f.get(counter).i32(rounds).op('i32.ge_u').brIf(exit);
      if (condition !== undefined) push(condition).memory('i32.load8_u').op('i32.eqz').brIf(exit);
      callBlock(f, parts, counter);
      f.get(counter).i32(1).op('i32.add').set(counter).br(again);
    });
  });
}

/** What a loop's code depends on: everything but where its buffers lie. */
function loopKey(kernel: LoopKernel, dtypes: readonly DType[]): string {
  const { extents, reduced, accesses, nodes, accumulators, stores } = kernel;
  return [
    `${extents.join()} ${reduced}`,
    ...accesses.map(({ strides }, i) => `${dtypes[i]} ${strides.join()}`),
    'computes',
    ...nodes.map(keyOf),
    ...accumulators.map(({ monoid, node }) => `gathers ${monoid} ${node}`),
    ...stores.map(({ access, node }) => `stores ${access} ${node}`),
  ].join(';');
}

/** Calls the matrix product for each index of the batch axes. */
function callProduct(
  f: FunctionBuilder,
  kernel: ProductKernel,
  gemm: ImportedFunction,
  push: (access: Access) => FunctionBuilder,
  scratch: number,
): void {
  const operands = [kernel.a, kernel.b, kernel.c];
  const bytes = BYTES[kernel.dtype];
  const pointers = operands.map((operand) => {
    const pointer = f.local('i32');
    push(operand).set(pointer);
    return pointer;
  });
  const [a, b, c] = pointers;
  const type = kernel.dtype === 'float32' ? 'f32' : 'f64';
  const pushFactor = ({ scale, by }: Factor): void => {
    f[type](scale);
    if (by !== undefined && scale !== 0) push(by).memory(`${type}.load`).op(`${type}.mul`);
  };
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
      f.get(c).i32(kernel.c.rows).i32(scratch);
      pushFactor(kernel.alpha);
      pushFactor(kernel.beta);
      f.call(gemm);
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
