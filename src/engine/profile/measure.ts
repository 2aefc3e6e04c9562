/** From the times of a program's kernels to their speeds. */
import type { PlacedKernel } from '../../backends/wasm/marks.ts';
import type { ProductKernel } from '../../compile/program.ts';
import { workOf } from '../../compile/work.ts';
import type { Application } from '../../graph/index.ts';
import { describe, type Origins, originsOf } from './describe.ts';
import type { Run } from './recorder.ts';

/** One kernel of a program, and what it takes in one call of the program. */
export interface KernelProfile extends Origins {
  /** Its operations; those of a loop or a branch that it stands in go before: `scan: add sin`. */
  readonly name: string;
  readonly kind: PlacedKernel['kernel']['kind'];
  /** Its extents: `float32 [32, 784] x [784, 128], B transposed`. */
  readonly detail: string;
  /** The native library that computes it, such as `OpenBLAS`; undefined for chainrule's own code. */
  readonly library: string | undefined;
  /** The position, among the kernels, of the loop or branch that it stands in. */
  readonly inside: number | undefined;
  /** How often it runs. */
  readonly calls: number;
  /** The time of all its runs, in seconds; of a loop or a branch, without the kernels in it. */
  readonly time: number;
  /** Scalar operations of all its runs; none of a loop or a branch itself. */
  readonly flops: number;
  /** Bytes that it must read and write in all its runs. */
  readonly bytes: number;
  /** 10^9 scalar operations a second; 0 where the clock saw no time pass. */
  readonly gflops: number;
  /** 10^9 bytes a second. */
  readonly gbs: number;
}

/**
 * @param applications what the `origins` of kernels stand for
 * @param runs of the program, whose median counts
 * @param libraryOf the native library that computes a product
 */
export function measureKernels(
  kernels: readonly PlacedKernel[],
  applications: readonly Application[],
  runs: readonly Run[],
  libraryOf: (kernel: ProductKernel) => string | undefined,
): KernelProfile[] {
  const measured: KernelProfile[] = [];
  kernels.forEach(({ kernel, block, inside }, number) => {
    const origins = originsOf(kernel, applications);
    const time = median(runs.map(({ seconds }) => seconds[number]));
    const calls = runs.reduce((sum, run) => sum + run.calls[number], 0) / runs.length;
    // What a loop or a branch does is counted where it is done, in its blocks.
    const structured = kernel.kind === 'repeat' || kernel.kind === 'choose';
    const work = structured ? { flops: 0, bytes: 0 } : workOf(kernel, block.buffers);
    const [flops, bytes] = [work.flops * calls, work.bytes * calls];
    const outer = inside === undefined ? '' : `${measured[inside].name}: `;
    measured.push({
      ...origins,
      name: `${outer}${origins.operations.join(' ') || 'copy'}`,
      kind: kernel.kind,
      detail: describe(kernel),
      library: kernel.kind === 'product' ? libraryOf(kernel) : undefined,
      inside,
      calls,
      time,
      flops,
      bytes,
      gflops: rate(flops, time),
      gbs: rate(bytes, time),
    });
  });
  return measured;
}

/** Amount a second, in 10^9. */
export function rate(amount: number, seconds: number): number {
  return seconds > 0 ? amount / seconds / 1e9 : 0;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
