/** How a loop kernel is walked: which axes melt into one, and along which one the SIMD lanes lie. */
import type { LoopKernel } from '../../../compile/program.ts';
import { BYTES } from '../../../graph/index.ts';

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
  readonly laneAxis: LoopAxis | undefined;
  /** The axis along which several vectors are computed together: the innermost one that is reduced if lanes are kept, or kept if lanes are reduced. */
  readonly rowAxis: LoopAxis | undefined;
  /** Accesses that step by one along the rows, and by more along the lanes: they are read in square blocks, and turned. */
  readonly turned: readonly number[];
}

/**
 * Plans the nest for vectors of `width` lanes. Which lanes a reduction takes, hence the order in which it adds, does not
 * depend on the extents of kept axes: an element has the same value if the kernel is cut along them.
 */
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
  const stored = new Set(kernel.stores.map(({ access }) => access));
  const rank = axes.length - kernel.reduced;
  const kept = melt(axes.slice(0, rank));
  const reduced = melt(axes.slice(rank));
  if (kept.length + reduced.length === 0)
    return { kept, reduced, lanes: 'none', laneAxis: undefined, rowAxis: undefined, turned: [] };
  const score = (axis: LoopAxis): number => contiguity(axis, stored);
  const tooShort = ({ extent }: LoopAxis): number => (extent >= width ? 0 : 100);
  if (reduced.length > 0) {
    const bestReduced = best(reduced, (axis) => score(axis) - (axis.extent >= width ? 0 : 8));
    const alongKept =
      kept.length > 0 &&
      Math.max(...kept.map(score)) > score(bestReduced) - (bestReduced.extent >= width ? 0 : 8);
    const laneAxis = alongKept ? best(kept, (axis) => score(axis) - tooShort(axis)) : bestReduced;
    const nest = {
      kept: alongKept ? moveLast(kept, laneAxis) : kept,
      reduced: alongKept ? reduced : moveLast(reduced, laneAxis),
    };
    const rowAxis = (alongKept ? nest.reduced : nest.kept).at(-1);
    const turned = rowAxis === undefined ? [] : turnedAlong(rowAxis, laneAxis, kernel, width);
    return { ...nest, lanes: alongKept ? 'kept' : 'reduced', laneAxis, rowAxis, turned };
  }
  const laneAxis = best(kept, (axis) => score(axis) - tooShort(axis));
  const others = kept.filter((axis) => axis !== laneAxis);
  const rowAxis =
    others.length === 0
      ? undefined
      : best(others, (axis) => turnedAlong(axis, laneAxis, kernel, width).length);
  const turned = rowAxis === undefined ? [] : turnedAlong(rowAxis, laneAxis, kernel, width);
  return { kept: moveLast(kept, laneAxis), reduced, lanes: 'kept', laneAxis, rowAxis, turned };
}

/** The loads that are contiguous along `rows` and not along `lanes`, of elements as wide as a lane. */
function turnedAlong(rows: LoopAxis, lanes: LoopAxis, { nodes }: LoopKernel, width: number): number[] {
  return nodes.flatMap((node) => {
    if (node.op !== 'load' || BYTES[node.dtype] * width !== 16) return [];
    const { access } = node;
    const apart = lanes.accesses[access] !== 0 && lanes.accesses[access] !== 1;
    return rows.accesses[access] === 1 && apart ? [access] : [];
  });
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

/** How many accesses are contiguous along an axis, less those that jump; stores count twice. */
function contiguity(axis: LoopAxis, stored: ReadonlySet<number>): number {
  let score = 0;
  axis.accesses.forEach((stride, access) => {
    if (stride !== 0) score += (stride === 1 ? 3 : -3) * (stored.has(access) ? 2 : 1);
  });
  return score;
}

/** The last of the axes that score highest. */
function best(axes: readonly LoopAxis[], score: (axis: LoopAxis) => number): LoopAxis {
  return axes.reduce((found, axis) => (score(axis) >= score(found) ? axis : found));
}

function moveLast(axes: readonly LoopAxis[], axis: LoopAxis): LoopAxis[] {
  return [...axes.filter((each) => each !== axis), axis];
}
