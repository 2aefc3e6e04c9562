/**
 * Reductions whose lanes lie along a kept axis: each lane gathers an element of its own, and adds its terms in the
 * order of the reduced axes.
 *
 * Memory is to be read in long runs. So the reduced axes are the outer loops, and the totals of many neighbouring
 * elements are gathered side by side: in locals where the axis is short, otherwise in a workspace that fits into the
 * first-level cache. Several rows at a time then save most of the traffic between the totals and that cache.
 */
import type { LoopKernel } from '../../../compile/program.ts';
import type { DType } from '../../../graph/index.ts';
import { type Accumulator, vectorsOf } from './accumulator.ts';
import type { Body, Known } from './body.ts';
import { type Width, widthOf } from './lanes.ts';
import { SMALL_BODY, UNROLL } from './limits.ts';
import { type LoopAxis, type Nest, planNest } from './nest.ts';
import { addRows, fixedInRows } from './rows.ts';
import { type Spot, sideBySide, type Walk } from './walk.ts';

/** Rows computed together, with totals in locals and in memory: there, more rows save traffic. */
const ROWS = 4;
const ROWS_IN_MEMORY = 8;
/** Vectors of totals that are gathered in locals. */
const LOCAL_TOTALS = 32;
/** Vectors of elements in that case: all their code is written out. */
const LOCAL_VECTORS = 16;
/** With fewer rows, setting up a workspace does not pay. */
const FEW_ROWS = 16;
/** Bytes of the workspace of a loop. */
export const WORKSPACE_BYTES = 16384;

type Layout = 'locals' | 'strips' | 'workspace';

/** Where totals are gathered, for vectors of `width` lanes. */
function layoutOf(kernel: LoopKernel, { laneAxis, reduced }: Nest, width: Width): Layout {
  const vectors = Math.ceil((laneAxis as LoopAxis).extent / width);
  const totals = totalsOf(kernel, width);
  if (vectors <= LOCAL_VECTORS && vectors * totals <= LOCAL_TOTALS) return 'locals';
  const rows = reduced.reduce((product, { extent }) => product * extent, 1);
  return rows <= FEW_ROWS || 16 * totals > WORKSPACE_BYTES ? 'strips' : 'workspace';
}

/** Vectors that hold the totals of one vector of elements. */
function totalsOf({ nodes, accumulators }: LoopKernel, width: Width): number {
  return accumulators.reduce((sum, { monoid, node }) => sum + vectorsOf(monoid, nodes[node].dtype, width), 0);
}

/** Whether a kernel gathers totals in memory: then its function takes the address of {@link WORKSPACE_BYTES} bytes. */
export function needsWorkspace(kernel: LoopKernel, dtypes: readonly DType[]): boolean {
  const width = widthOf(kernel, dtypes);
  const nest = planNest(kernel, width);
  return kernel.reduced > 0 && nest.lanes === 'kept' && layoutOf(kernel, nest, width) === 'workspace';
}

/** @param workspace the local with the address of the workspace */
export function emitKeptReduction(body: Body, walk: Walk, workspace: number | undefined): void {
  const { kernel, nest, width } = body;
  const laneAxis = nest.laneAxis as LoopAxis;
  walk.loops(nest.kept.slice(0, -1), () => {
    switch (layoutOf(kernel, nest, width)) {
      case 'locals': {
        const spots = sideBySide(laneAxis.extent, width);
        return gather(
          body,
          walk,
          spots,
          isSmall(body.kernel) ? Math.min(ROWS, Math.ceil(LOCAL_VECTORS / spots.length)) : 1,
        );
      }
      case 'strips':
        return walk.vectors(laneAxis, laneAxis.extent, width, isSmall(body.kernel) ? UNROLL : 1, (spots) =>
          gather(body, walk, spots, 1),
        );
      case 'workspace':
        return gatherInMemory(body, walk, workspace as number);
    }
  });
}

const isSmall = ({ nodes }: LoopKernel): boolean => nodes.length <= SMALL_BODY;

/** Goes down all rows with the totals of `spots` in locals. */
function gather(body: Body, walk: Walk, spots: readonly Spot[], rows: number): void {
  const { nest, bodies } = body;
  const rowAxis = nest.rowAxis as LoopAxis;
  const totals = spots.map(() => body.startAccumulators());
  const fixed = spots.map((spot) => body.hoist(bodies, nest.reduced, spot, body.literals));
  walk.loops(nest.reduced.slice(0, -1), () => {
    walk.rows(rowAxis, rowAxis.extent, rows, (count) => {
      const inRows = fixedInRows(body, count);
      spots.forEach((spot, i) =>
        addRows(
          body,
          inRows.map(() => totals[i]),
          spot,
          fixed[i],
          inRows,
        ),
      );
    });
  });
  spots.forEach((spot, i) => finish(body, totals[i], spot, fixed[i]));
}

/** The same with the totals in memory, as many elements of the axis at a time as it holds. */
function gatherInMemory(body: Body, walk: Walk, workspace: number): void {
  const { f, nest, width } = body;
  const laneAxis = nest.laneAxis as LoopAxis;
  const rowAxis = nest.rowAxis as LoopAxis;
  const bytes = 16 * totalsOf(body.kernel, width);
  const total = f.local('i32');
  const unroll = isSmall(body.kernel) ? 2 : 1;
  walk.blocks(laneAxis, laneAxis.extent, width * Math.floor(WORKSPACE_BYTES / bytes), (extent) => {
    /** Visits the vectors of the block and their totals. */
    const visit = (each: (spot: Spot, place: number) => void): void => {
      f.get(workspace).set(total);
      walk.vectors(laneAxis, extent, width, unroll, (spots) => {
        spots.forEach((spot, i) => each(spot, i * bytes));
        f.get(total)
          .i32(spots.length * bytes)
          .op('i32.add')
          .set(total);
      });
    };
    visit((_, place) => save(body.startAccumulators(), total, place));
    walk.loops(nest.reduced.slice(0, -1), () => {
      walk.rows(rowAxis, rowAxis.extent, isSmall(body.kernel) ? ROWS_IN_MEMORY : 1, (count) => {
        const inRows = fixedInRows(body, count);
        visit((spot, place) => {
          const totals = restore(body.accumulators(), total, place);
          addRows(
            body,
            inRows.map(() => totals),
            spot,
            body.literals,
            inRows,
          );
          save(totals, total, place);
        });
      });
    });
    visit((spot, place) => finish(body, restore(body.accumulators(), total, place), spot, body.literals));
  });
}

function finish(body: Body, totals: readonly Accumulator[], spot: Spot, fixed: Known): void {
  const values = body.kernel.stores.map(({ node }) => node);
  body.storeAll(values, spot, new Map([...fixed, ...body.finished(totals)]), totals);
}

function save(totals: readonly Accumulator[], address: number, place: number): void {
  let offset = place;
  for (const each of totals) {
    each.save(address, offset);
    offset += each.bytes;
  }
}

function restore(totals: readonly Accumulator[], address: number, place: number): readonly Accumulator[] {
  let offset = place;
  for (const each of totals) {
    each.restore(address, offset);
    offset += each.bytes;
  }
  return totals;
}
