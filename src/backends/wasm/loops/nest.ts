/** How a loop kernel is walked: which axes melt into one, and along which one the SIMD lanes lie. */
import type { LoopKernel } from '../../../compile/program.ts';

/** One loop of the nest: its extent, and the step of each access and of each index node, in elements. */
export interface LoopAxis {
  readonly extent: number;
  readonly accesses: readonly number[];
  /** By node number; only index nodes have entries. */
  readonly indices: ReadonlyMap<number, number>;
}

export interface Nest {
  readonly kept: readonly LoopAxis[];
  readonly reduced: readonly LoopAxis[];
  /**
   * Lanes run along the innermost kept axis (`kept`: each lane is an element of its own), or along the innermost
   * reduced axis (`reduced`: lanes are combined at the end). A kernel of extent 1 has neither.
   */
  readonly lanes: 'kept' | 'reduced' | 'none';
}

/** Plans the nest for vectors of `width` lanes. */
export function planNest(kernel: LoopKernel, width: number): Nest {
  const axes = kernel.extents.map(
    (extent, axis): LoopAxis => ({
      extent,
      accesses: kernel.accesses.map(({ strides }) => strides[axis]),
      indices: new Map(
        kernel.nodes.flatMap((node, i) => (node.op === 'index' ? [[i, node.strides[axis]] as const] : [])),
      ),
    }),
  );
  const rank = axes.length - kernel.reduced;
  const kept = melt(axes.slice(0, rank));
  const reduced = melt(axes.slice(rank));
  const bestKept = bestAxis(kept, width);
  const bestReduced = bestAxis(reduced, width);
  if (bestKept === undefined && bestReduced === undefined) return { kept, reduced, lanes: 'none' };
  const along =
    bestReduced === undefined || (bestKept !== undefined && bestKept.score > bestReduced.score)
      ? 'kept'
      : 'reduced';
  return {
    kept: along === 'kept' ? moveLast(kept, bestKept!.axis) : kept,
    reduced: along === 'reduced' ? moveLast(reduced, bestReduced!.axis) : reduced,
    lanes: along,
  };
}

/** Adjacent axes that every access walks as one become one. */
function melt(axes: readonly LoopAxis[]): LoopAxis[] {
  const out: LoopAxis[] = [];
  for (const axis of axes) {
    const last = out.at(-1);
    if (last !== undefined && continues(last, axis))
      out[out.length - 1] = { ...axis, extent: last.extent * axis.extent };
    else out.push(axis);
  }
  return out;
}

/** Whether a step of `outer` is as far as all steps of `inner`, for every access and index. */
function continues(outer: LoopAxis, inner: LoopAxis): boolean {
  return (
    outer.accesses.every((stride, i) => stride === inner.accesses[i] * inner.extent) &&
    [...outer.indices].every(
      ([node, stride]) => stride === (inner.indices.get(node) as number) * inner.extent,
    )
  );
}

/** The axis along which most accesses are contiguous or constant. */
function bestAxis(axes: readonly LoopAxis[], width: number): { axis: number; score: number } | undefined {
  let best: { axis: number; score: number } | undefined;
  axes.forEach((axis, i) => {
    let score = axis.extent >= width ? 0 : -8;
    for (const stride of axis.accesses) score += stride === 1 ? 3 : stride === 0 ? 0 : -3;
    if (best === undefined || score >= best.score) best = { axis: i, score };
  });
  return best;
}

function moveLast<T>(list: readonly T[], index: number): T[] {
  return [...list.slice(0, index), ...list.slice(index + 1), list[index]];
}
