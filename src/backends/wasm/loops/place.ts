/** Kernels whose values depend on their coordinates, not on what they read alone. */
import type { LoopKernel, ScalarNode } from '../../../compile/program.ts';

export type IndexNode = Extract<ScalarNode, { op: 'index' }>;

/**
 * Whether what a kernel computes depends on where along its outermost axis it begins: some index node steps along it.
 * Then a part of the axis needs to know at which coordinate it starts.
 */
export function dependsOnPlace(kernel: LoopKernel): boolean {
  return kernel.nodes.some((node) => node.op === 'index' && stepsOutermost(node));
}

/** Whether an index changes along axis 0. */
export function stepsOutermost({ strides }: IndexNode): boolean {
  return strides.length > 0 && strides[0] !== 0;
}
