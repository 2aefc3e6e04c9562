/**
 * A Program as one WebAssembly module: a function for each distinct loop, one for each block, which calls its kernels in
 * order, and `run(thread, threads)` for the whole.
 */

import { keyOf } from '../../compile/expression.ts';
import {
  type Access,
  type Block,
  buffersOf,
  type Kernel,
  type LoopKernel,
  type ProductKernel,
  type Program,
  type RepeatKernel,
} from '../../compile/program.ts';
import { BYTES, type DType } from '../../graph/index.ts';
import { type Address, addressesIn, type Layout, pushAddress } from './addresses.ts';
import { callRows } from './chunks.ts';
import { type FunctionBuilder, type ImportedFunction, ModuleBuilder } from './encoder.ts';
import { gemmParameters } from './gemm/index.ts';
import { emitLoop } from './loops/emit.ts';
import { needsWorkspace } from './loops/keptReduction.ts';
import { dependsOnPlace } from './loops/place.ts';
import { BEGIN, importMark, type Marks, WAITED } from './marks.ts';
import { type ConstantPool, MathLibrary } from './math/index.ts';
import { SHARED_PAGES } from './memory.ts';
import { callProduct } from './product.ts';
import { routineKernels } from './routines.ts';
import { type Footprint, isJoint, planSteps, type Range, type Step, type ThreadGlobals } from './share.ts';

/** One function holds at most this many calls; longer blocks are cut into several. */
const CALLS_PER_FUNCTION = 2000;

export interface EmitOptions {
  /** Whether the memory is shared. */
  readonly shared: boolean;
  /** How many threads run it, at most; with 1 it needs no barriers. */
  readonly threads: number;
  /** Whether a product goes to the native library. */
  isNative(kernel: ProductKernel): boolean;
  /** The kernels to tell of when they have run; absent where the program is not measured. */
  readonly marked?: Marks['numbers'];
}

/**
 * Encodes the module. It imports `env.memory`; `gemm_f32`, `gemm_f64` and (for a team) `barrier` of `runtime`; `gemm_f32` and
 * `gemm_f64` of `blas`; and, for each number of operands, `host.routine(number of the routine, address of each
 * operand)`; and, where kernels are marked, `host.mark`.
 */
export function emitProgram(
  program: Program,
  layout: Layout,
  constants: ConstantPool,
  { shared, threads, isNative, marked }: EmitOptions,
): Uint8Array<ArrayBuffer> {
  const hasTeam = threads > 1;
  const module = new ModuleBuilder(shared ? { maximum: SHARED_PAGES } : undefined);
  const importGemm = (from: 'runtime' | 'blas', type: 'f32' | 'f64'): ImportedFunction => {
    const parameters = gemmParameters(type);
    // A native product needs no workspace, the last parameter before the factors.
    if (from === 'blas') parameters.splice(parameters.length - 3, 1);
    return module.importFunction(from, `gemm_${type}`, parameters, []);
  };
  const own = { float32: importGemm('runtime', 'f32'), float64: importGemm('runtime', 'f64') };
  const native = { float32: importGemm('blas', 'f32'), float64: importGemm('blas', 'f64') };
  const barrier = hasTeam ? module.importFunction('runtime', 'barrier', ['i32'], []) : undefined;
  const called = routineKernels(program).map(({ kernel }) => kernel);
  const numbers = new Map(called.map((kernel, number) => [kernel, number]));
  const arities = new Set(called.map(({ inputs, outputs }) => inputs.length + outputs.length));
  const routines = new Map(
    [...arities].map((arity) => {
      const parameters = new Array<'i32'>(1 + arity).fill('i32');
      return [arity, module.importFunction('host', 'routine', parameters, [])];
    }),
  );
  const mark = marked && importMark(module);
  const tell = (f: FunctionBuilder, number: number | undefined): void => {
    if (mark !== undefined && number !== undefined) f.i32(number).call(mark);
  };
  const team: ThreadGlobals = {
    thread: module.global(),
    threads: module.global(),
    workspace: module.global(),
  };
  const library = new MathLibrary(module, constants);
  const loops = new Map<string, FunctionBuilder>();

  const functionOf = (kernel: LoopKernel, dtypes: readonly DType[]): FunctionBuilder => {
    const key = loopKey(kernel, dtypes);
    let loop = loops.get(key);
    if (loop === undefined) {
      loop = emitLoop(module, library, kernel, dtypes);
      loops.set(key, loop);
    }
    return loop;
  };

  const wait = (f: FunctionBuilder): void => {
    if (barrier === undefined) return;
    f.getGlobal(team.threads).call(barrier);
    tell(f, WAITED);
  };

  /** A call of one kernel; the parameters of `f` are the counters of the loops around it. */
  const call = (f: FunctionBuilder, kernel: Kernel, block: Block, addresses: readonly Address[]): void => {
    const dtypeOf = ({ buffer }: Pick<Access, 'buffer'>): DType => block.buffers[buffer].dtype;
    const push = (access: Pick<Access, 'buffer' | 'offset'>): FunctionBuilder =>
      pushAddress(f, addresses[access.buffer], access.offset * BYTES[dtypeOf(access)], team.workspace);
    const joint = hasTeam && isJoint(kernel);
    switch (kernel.kind) {
      case 'loop':
        kernel.accesses.forEach(push);
        if (dependsOnPlace(kernel)) f.i32(0);
        if (needsWorkspace(kernel, kernel.accesses.map(dtypeOf))) f.getGlobal(team.workspace);
        f.call(functionOf(kernel, kernel.accesses.map(dtypeOf)));
        return;
      case 'rows':
        return callRows(f, {
          kernel,
          team,
          functionOf: (loop) => functionOf(loop, loop.accesses.map(dtypeOf)),
          push,
          pushWorkspace: (loop) => {
            if (!needsWorkspace(loop, loop.accesses.map(dtypeOf))) return;
            f.getGlobal(team.workspace).i32(kernel.workspaceBytes).op('i32.add');
          },
          rowBytes: (access) =>
            addresses[access.buffer].inWorkspace ? 0 : access.strides[0] * BYTES[dtypeOf(access)],
        });
      case 'product': {
        const { dtype } = kernel;
        const call = {
          kernel,
          own: own[dtype],
          native: isNative(kernel) ? native[dtype] : undefined,
          joint,
          parts: threads,
          team,
          push,
        };
        return callProduct(f, call);
      }
      case 'routine': {
        const operands = [...kernel.inputs, ...kernel.outputs];
        f.i32(numbers.get(kernel) as number);
        operands.forEach(push);
        f.call(routines.get(operands.length) as ImportedFunction);
        return;
      }
      case 'repeat': {
        const inside = addressesIn(kernel.block, layout, addresses, kernel, f.parameterCount);
        const parts = emitBlock(kernel.block, inside, f.parameterCount + 1, joint);
        return repeat(f, kernel, parts, push, joint ? () => wait(f) : () => {});
      }
      case 'choose': {
        const [first, second] = kernel.blocks.map((each) =>
          emitBlock(each, addressesIn(each, layout, addresses, kernel), f.parameterCount, joint),
        );
        const condition = f.local('i32');
        push(kernel.condition).memory('i32.load8_u').set(condition);
        // Nobody may change the condition before all have read it.
        if (joint) wait(f);
        f.get(condition);
        f.if(
          () => callBlock(f, first),
          () => callBlock(f, second),
        );
      }
    }
  };

  /**
   * The functions that together run a block inside `depth` loops, whose counters they take.
   * @param joint whether all threads run it
   */
  const emitBlock = (
    block: Block,
    addresses: readonly Address[],
    depth: number,
    joint: boolean,
  ): FunctionBuilder[] => {
    const steps: readonly Step[] = joint
      ? planSteps(block.kernels, (kernel) => footprintOf(kernel, block, addresses))
      : [{ joint: true, kernels: block.kernels, barrier: false }];
    const parts: FunctionBuilder[] = [];
    let room = 0;
    const part = (): FunctionBuilder => {
      if (room === 0) {
        parts.push(module.func(`run ${parts.length}`, new Array<'i32'>(depth).fill('i32')));
        room = CALLS_PER_FUNCTION;
      }
      return parts[parts.length - 1];
    };
    for (const step of steps) {
      if (step.barrier) wait(part());
      for (let next = 0; next < step.kernels.length; ) {
        const f = part();
        const some = step.kernels.slice(next, next + room);
        const run = (): void => {
          for (const kernel of some) {
            call(f, kernel, block, addresses);
            tell(f, marked?.get(kernel));
          }
        };
        if (step.joint) run();
        else {
          f.getGlobal(team.thread).op('i32.eqz');
          f.if(run);
        }
        next += some.length;
        room -= some.length;
      }
    }
    return parts;
  };
  const parts = emitBlock(program, addressesIn(program, layout), 0, hasTeam);
  const run = module.func('run', ['i32', 'i32']);
  run.get(0).setGlobal(team.thread).get(1).setGlobal(team.threads);
  run.i32(layout.workspace).get(0).i32(layout.workspaceBytes).op('i32.mul', 'i32.add');
  run.setGlobal(team.workspace);
  tell(run, BEGIN);
  for (const part of parts) run.call(part);
  // Only what is measured waits here for the last kernels of the other threads.
  if (marked !== undefined) wait(run);
  module.export('run', run);
  return module.encode();
}

/** Where in memory a kernel of a whole program reads and writes; undefined inside loops, where that changes. */
function footprintOf(kernel: Kernel, block: Block, addresses: readonly Address[]): Footprint | undefined {
  if (kernel.kind === 'repeat' || kernel.kind === 'choose') return undefined;
  const { reads, writes } = buffersOf(kernel);
  if ([...reads, ...writes].some((buffer) => addresses[buffer].steps.length > 0)) return undefined;
  const ranges = (buffers: readonly number[]): Range[] =>
    buffers.flatMap((buffer) => {
      const { base, inWorkspace } = addresses[buffer];
      const { length, dtype } = block.buffers[buffer];
      return inWorkspace ? [] : [{ address: base, bytes: length * BYTES[dtype] }];
    });
  return { reads: ranges(reads), writes: ranges(writes) };
}

/** Runs a block, handing on the counters of the loops around it, and `counter`. */
function callBlock(f: FunctionBuilder, parts: readonly FunctionBuilder[], counter?: number): void {
  for (const part of parts) {
    for (let depth = 0; depth < f.parameterCount; depth++) f.get(depth);
    if (counter !== undefined) f.get(counter);
    f.call(part);
  }
}

/**
 * Runs a block as often as its kernel says.
 * @param wait emits what makes threads that run it together wait for one another
 */
function repeat(
  f: FunctionBuilder,
  { rounds, condition }: RepeatKernel,
  parts: readonly FunctionBuilder[],
  push: (access: Access) => FunctionBuilder,
  wait: () => void,
): void {
  const counter = f.local('i32');
  const goesOn = f.local('i32');
  f.i32(0).set(counter);
  f.block((exit) => {
    f.loop((again) => {
      if (rounds !== undefined) f.get(counter).i32(rounds).op('i32.ge_u').brIf(exit);
      if (condition !== undefined) {
        push(condition).memory('i32.load8_u').set(goesOn);
        // Nobody may change the condition before all have read it.
        wait();
        f.get(goesOn).op('i32.eqz').brIf(exit);
      }
      callBlock(f, parts, counter);
      wait();
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
