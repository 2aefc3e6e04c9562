/** How much a kernel has to do: the arithmetic it does, and the memory it touches. */
import { BYTES, sizeOf } from '../graph/index.ts';
import { costOf } from './expression.ts';
import {
  type Access,
  type Block,
  type Buffer,
  buffersOf,
  type Kernel,
  type LoopKernel,
  type ProductKernel,
  type RoutineKernel,
  type ScalarNode,
} from './program.ts';

export interface Work {
  /**
   * Scalar operations: each function of a loop's body counts one (an `exp` as much as a `+`; conversions and coordinates count
   * nothing), each element that a reduction combines one, a matrix product 2 n m k.
   */
  readonly flops: number;
  /** The same, each function weighted by what it takes beside an addition. */
  readonly cost: number;
  /** Bytes that must pass: each element that is read counts once, and each that is written, however often that happens. */
  readonly bytes: number;
}

/**
 * The work of a kernel, from its extents alone.
 *
 * A loop's body counts where it would stand if nothing were computed twice: what stays the same along the innermost axes
 * is done once for all of them. A routine keeps to itself what it does, so it counts one operation for each element that
 * it reads or writes, as `operationCount` does. A block counts as often as it runs (once, or up to its limit, where only
 * the numbers can tell); of two blocks the larger numbers count.
 * @param buffers of the block that the kernel stands in
 */
export function workOf(kernel: Kernel, buffers: readonly Buffer[]): Work {
  switch (kernel.kind) {
    case 'loop':
      return loopWork(kernel, buffers);
    case 'rows':
      return kernel.loops.map((loop) => loopWork(loop, buffers)).reduce(plus, NOTHING);
    case 'product':
      return productWork(kernel);
    case 'routine':
      return routineWork(kernel, buffers);
    case 'repeat':
      return times(kernel.rounds ?? 1, blockWork(kernel.block));
    case 'choose': {
      const [a, b] = kernel.blocks.map(blockWork);
      return {
        flops: Math.max(a.flops, b.flops),
        cost: Math.max(a.cost, b.cost),
        bytes: Math.max(a.bytes, b.bytes),
      };
    }
  }
}

/** All kernels of a block together, run once. */
export function blockWork({ kernels, buffers }: Block): Work {
  return kernels.map((kernel) => workOf(kernel, buffers)).reduce(plus, NOTHING);
}

const NOTHING: Work = { flops: 0, cost: 0, bytes: 0 };

function plus(a: Work, b: Work): Work {
  return { flops: a.flops + b.flops, cost: a.cost + b.cost, bytes: a.bytes + b.bytes };
}

function times(count: number, { flops, cost, bytes }: Work): Work {
  return { flops: count * flops, cost: count * cost, bytes: count * bytes };
}

function loopWork(kernel: LoopKernel, buffers: readonly Buffer[]): Work {
  const { extents, reduced, nodes, accumulators, accesses, stores } = kernel;
  const kept = extents.slice(0, extents.length - reduced);
  if (kept.includes(0)) return NOTHING;
  const combined = accumulators.length * sizeOf(extents);
  let flops = combined;
  let cost = combined;
  const depths = depthsOf(kernel);
  nodes.forEach(({ op }, i) => {
    const count = sizeOf(extents.slice(0, depths[i]));
    if (isFunction(op)) flops += count;
    cost += costOf(op) * count;
  });
  const loaded = new Set(nodes.flatMap((node) => (node.op === 'load' ? [node.access] : [])));
  const reads = [...loaded].map((access) => touched(accesses[access], extents));
  const writes = stores.map(({ access }) => touched(accesses[access], kept));
  return { flops, cost, bytes: bytesOf(reads, buffers) + bytesOf(writes, buffers) };
}

function isFunction(op: ScalarNode['op']): boolean {
  return op !== 'literal' && op !== 'load' && op !== 'index' && op !== 'accumulator' && op !== 'cast';
}

/** For each node of a body, how many of the loops it must stand in: up to the last one along which it changes. */
function depthsOf({ extents, reduced, accesses, nodes }: LoopKernel): number[] {
  const depths: number[] = [];
  const last = (strides: readonly number[]): number => strides.findLastIndex((stride) => stride !== 0) + 1;
  for (const node of nodes) {
    if (node.op === 'load') depths.push(last(accesses[node.access].strides));
    else if (node.op === 'index') depths.push(last(node.strides));
    else if (node.op === 'accumulator') depths.push(extents.length - reduced);
    else if ('args' in node) depths.push(Math.max(0, ...node.args.map((arg) => depths[arg])));
    else depths.push(0);
  }
  return depths;
}

function productWork(kernel: ProductKernel): Work {
  const { batch, n, m, k, a, b, c, dtype } = kernel;
  const flops = 2 * n * m * k * sizeOf(batch);
  const elements = (operand: typeof a, rows: number, columns: number): number =>
    distinct([...batch, rows, columns], [...operand.strides, operand.rows, operand.columns]);
  const result = elements(c, n, m) * (buffersOf(kernel).reads.includes(c.buffer) ? 2 : 1);
  const bytes = (elements(a, n, k) + elements(b, k, m) + result) * BYTES[dtype];
  return { flops, cost: flops, bytes };
}

function routineWork({ inputs, outputs }: RoutineKernel, buffers: readonly Buffer[]): Work {
  let flops = 0;
  let bytes = 0;
  for (const { buffer, shape } of [...inputs, ...outputs]) {
    flops += sizeOf(shape);
    bytes += sizeOf(shape) * BYTES[buffers[buffer].dtype];
  }
  return { flops, cost: flops, bytes };
}

/** How many elements of a buffer something touches. */
interface Touched {
  readonly buffer: number;
  readonly elements: number;
}

function touched({ buffer, strides }: Access, extents: readonly number[]): Touched {
  return { buffer, elements: distinct(extents, strides) };
}

/** Bytes of what is touched; what several accesses share is taken to be little, but a buffer counts no more than whole. */
function bytesOf(list: readonly Touched[], buffers: readonly Buffer[]): number {
  const elements = new Map<number, number>();
  for (const each of list) elements.set(each.buffer, (elements.get(each.buffer) ?? 0) + each.elements);
  let bytes = 0;
  for (const [buffer, count] of elements) {
    const { length, dtype } = buffers[buffer];
    bytes += Math.min(count, length) * BYTES[dtype];
  }
  return bytes;
}

/**
 * How many different values `sum_d i_d strides[d]` takes over all iterations. Axes are taken in order of their strides: one
 * that goes on where the others have come to (the windows of a convolution) makes a progression longer, one that
 * steps over all of them repeats it. Exact for arrays, and for windows that leave no gaps; elsewhere at most too large.
 */
function distinct(extents: readonly number[], strides: readonly number[]): number {
  const axes = extents
    .map((extent, axis) => ({ extent, stride: Math.abs(strides[axis]) }))
    .filter(({ extent, stride }) => stride !== 0 && extent !== 1)
    .sort((a, b) => a.stride - b.stride);
  if (axes.some(({ extent }) => extent === 0)) return 0;
  let repeated = 1;
  let terms = 1;
  let step = 0;
  let reach = 0;
  for (const { extent, stride } of axes) {
    if (step > 0 && stride % step === 0 && stride <= terms * step) terms += ((extent - 1) * stride) / step;
    else {
      repeated *= terms;
      step = stride;
      terms = extent;
    }
    reach += (extent - 1) * stride;
  }
  return Math.min(repeated * terms, reach + 1);
}
