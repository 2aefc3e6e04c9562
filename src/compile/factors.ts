/** Factors of matrix products, taken from loops. */
import type { Buffers } from './buffers.ts';
import { Expression, neededFor, withArguments } from './expression.ts';
import { withoutDeadCode } from './merge.ts';
import { type Access, buffersOf, type Factor, type Kernel, type LoopKernel } from './program.ts';
import type { Term } from './sums.ts';

/** A term's factor, the kernels that compute it, and the buffers that are read for it. */
export function factorOf(
  { scale, by }: Term,
  kernel: LoopKernel,
  table: Buffers,
): { factor: Factor; kernels: Kernel[]; reads: number[] } {
  if (by.length === 0) return { factor: { scale }, kernels: [], reads: [] };
  const [node] = by;
  const found = kernel.nodes[node];
  if (by.length === 1 && found.op === 'load') {
    const { buffer, offset } = kernel.accesses[found.access];
    return { factor: { scale, by: { buffer, offset, strides: [] } }, kernels: [], reads: [buffer] };
  }
  const buffer = table.add(found.dtype, []);
  const scalar = scalarKernel(kernel, by, buffer);
  const { reads } = buffersOf(scalar);
  return { factor: { scale, by: { buffer, offset: 0, strides: [] } }, kernels: [scalar], reads };
}

/** A kernel for the product of nodes of a loop that are the same at all elements. */
function scalarKernel(kernel: LoopKernel, factors: readonly number[], buffer: number): LoopKernel {
  const accesses = kernel.accesses.map(
    ({ buffer: read, offset }): Access => ({ buffer: read, offset, strides: [] }),
  );
  const body = new Expression();
  const needed = neededFor(kernel.nodes, factors);
  const numbers: number[] = [];
  kernel.nodes.forEach((node, i) => {
    if (!needed.has(i)) return;
    numbers[i] = body.push(withArguments(node, numbers));
  });
  const result = factors.map((factor) => numbers[factor]).reduce((a, b) => body.apply('mul', [a, b]));
  const whole: LoopKernel = {
    kind: 'loop',
    extents: [],
    reduced: 0,
    accesses: [...accesses, { buffer, offset: 0, strides: [] }],
    nodes: body.nodes,
    accumulators: [],
    stores: [{ access: accesses.length, node: result }],
  };
  return withoutDeadCode(whole, () => true);
}
