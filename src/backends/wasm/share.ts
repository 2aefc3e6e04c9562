/**
 * How the threads of a team share a program. Each of them runs all of it: what is *joint*, every thread does a part of (chunks
 * of rows, a part of a matrix product); the rest thread 0 does alone. Between what writes memory and what uses it on
 * another thread stands a barrier.
 */
import { type Block, blocksOf, type Kernel, type ProductKernel } from '../../compile/program.ts';
import { workOf } from '../../compile/work.ts';
import { sizeOf } from '../../graph/index.ts';
import type { FunctionBuilder, Global } from './encoder.ts';

/** What the code of a program knows of the thread that runs it. */
export interface ThreadGlobals {
  readonly thread: Global;
  readonly threads: Global;
  /** The address of the thread's workspace. */
  readonly workspace: Global;
}

/** Scalar operations of a product, or of all that is joint in a program, from which a second thread pays. */
const WORTHWHILE_PRODUCT = 200_000;
const WORTHWHILE_PROGRAM = 400_000;

/** Whether all threads take part in a kernel. */
export function isJoint(kernel: Kernel): boolean {
  switch (kernel.kind) {
    case 'rows':
      return true;
    case 'product':
      return operationsOf(kernel) >= WORTHWHILE_PRODUCT;
    case 'repeat':
    case 'choose':
      return blocksOf(kernel).some((block) => block.kernels.some(isJoint));
    default:
      return false;
  }
}

function operationsOf({ batch, n, m, k }: ProductKernel): number {
  return 2 * n * m * k * sizeOf(batch);
}

/** Whether a program is worth a team: it has enough to do that is joint. */
export function isWorthTeam(block: Block): boolean {
  const joint = block.kernels.filter(isJoint);
  const cost = joint.reduce((total, kernel) => total + workOf(kernel, block.buffers).cost, 0);
  return cost >= WORTHWHILE_PROGRAM;
}

/** Bytes from `address` on. */
export interface Range {
  readonly address: number;
  readonly bytes: number;
}

/** The memory that a kernel uses; undefined if that is not known. */
export interface Footprint {
  readonly reads: readonly Range[];
  readonly writes: readonly Range[];
}

/** Kernels that run one after another on thread 0, or one that all threads share. */
export interface Step {
  readonly joint: boolean;
  readonly kernels: readonly Kernel[];
  /** Whether all threads wait for one another first. */
  readonly barrier: boolean;
}

/** Comparing with more kernels than this would cost more than a barrier. */
const MOST_COMPARED = 24;

/** The steps of a block, with the barriers that they need. */
export function planSteps(
  kernels: readonly Kernel[],
  footprintOf: (kernel: Kernel) => Footprint | undefined,
): Step[] {
  const steps: { joint: boolean; kernels: Kernel[]; barrier: boolean }[] = [];
  /** What has run since the last barrier. */
  let before: { joint: boolean; footprint: Footprint | undefined }[] = [];
  for (const kernel of kernels) {
    const joint = isJoint(kernel);
    const footprint = footprintOf(kernel);
    const barrier =
      before.length >= MOST_COMPARED ||
      before.some((other) => (joint || other.joint) && collide(other.footprint, footprint));
    if (barrier) before = [];
    before.push({ joint, footprint });
    const last = steps.at(-1);
    if (last !== undefined && !joint && !last.joint && !barrier) last.kernels.push(kernel);
    else steps.push({ joint, kernels: [kernel], barrier });
  }
  return steps;
}

/** Whether two kernels must not run at once. */
function collide(a: Footprint | undefined, b: Footprint | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  return meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);
}

function meet(list: readonly Range[], others: readonly Range[]): boolean {
  return list.some((a) =>
    others.some((b) => a.address < b.address + b.bytes && b.address < a.address + a.bytes),
  );
}

/** Sets two new locals to the part of `units` that is the thread's own: `first`, and the `end` behind the last. */
export function emitPart(
  f: FunctionBuilder,
  { thread, threads }: ThreadGlobals,
  units: number,
): { first: number; end: number } {
  const [first, end] = [f.local('i32'), f.local('i32')];
  f.getGlobal(thread).i32(units).op('i32.mul').getGlobal(threads).op('i32.div_u').set(first);
  f.getGlobal(thread).i32(1).op('i32.add').i32(units).op('i32.mul');
  f.getGlobal(threads).op('i32.div_u').set(end);
  return { first, end };
}
