/**
 * Reductions whose lanes lie along a reduced axis: each lane gathers a part of the terms, and the lanes are combined at
 * the end.
 *
 * One core reads memory faster in several streams at once than in one. Where the order of the terms does not show in the
 * result, long axes are read in four parts side by side, and of short ones several rows. Where computing the terms takes
 * longer than reading them, neighbouring vectors are computed together instead: that needs the fewest registers.
 */
import { isFloat } from '../../../graph/index.ts';
import type { Body } from './body.ts';
import { SMALL_BODY, UNROLL } from './limits.ts';
import type { LoopAxis } from './nest.ts';
import { addRows, addSpots, fixedInRows } from './rows.ts';
import { type Spot, sideBySide, type Walk } from './walk.ts';

/** From this many elements on, a reduced axis is read in streams. */
const LONG = 16384;
const STREAMS = 4;
/** Vectors of each stream, or of each row, computed together. */
const TOGETHER = 2;
/** Rows computed together. */
const ROWS = 4;

export function emitLaneReduction(body: Body, walk: Walk): void {
  const { kernel, nest, width } = body;
  const { extent } = nest.laneAxis as LoopAxis;
  const small = kernel.nodes.length <= SMALL_BODY;
  const inner = nest.kept.at(-1);
  if (small && isOrderless(body) && body.isLaborious)
    walk.loops(nest.kept, () => gather(body, walk, 1, 1, inGroups(body, walk)));
  else if (small && isOrderless(body) && extent >= LONG)
    walk.loops(nest.kept, () => gather(body, walk, 1, STREAMS, inStreams(body, walk)));
  else if (small && isOrderless(body) && inner !== undefined)
    walk.loops(nest.kept.slice(0, -1), () => {
      walk.rows(inner, inner.extent, ROWS, (rows) => gather(body, walk, rows, 1, inOrder(body, walk)));
    });
  else {
    const slots = small && extent >= UNROLL * width ? UNROLL : 1;
    walk.loops(nest.kept, () => gather(body, walk, 1, slots, inSlots(body, walk, slots)));
  }
}

/** Whether the order of terms does not show: nothing rounds, or far below the digits of the result. */
function isOrderless({ kernel }: Body): boolean {
  return kernel.accumulators.every(({ monoid, node }) => {
    const { dtype } = kernel.nodes[node];
    return (
      !isFloat(dtype) || monoid === 'max' || monoid === 'min' || (monoid === 'sum' && dtype === 'float32')
    );
  });
}

/** A way along the innermost axis: calls `add` for each group of vectors, the k-th of which goes to slot k, in turn. */
type Passage = (add: (spots: readonly Spot[]) => void) => void;

/** Vectors in turn to each slot; what is left, one by one, to the first: the order of a product of floats shows. */
function inSlots({ nest, width }: Body, walk: Walk, slots: number): Passage {
  const axis = nest.laneAxis as LoopAxis;
  const rest = axis.extent % width;
  return (add) => {
    walk.vectors(axis, axis.extent - rest, width, slots, add);
    walk.advance(axis, axis.extent - rest);
    walk.repeat(axis, rest, 1, () => add(sideBySide(1, width)));
    walk.advance(axis, -axis.extent);
  };
}

/** Parts of equal length side by side, each to a slot of its own; then what is left. */
function inStreams({ nest, width }: Body, walk: Walk): Passage {
  const axis = nest.laneAxis as LoopAxis;
  const step = TOGETHER * width;
  const rounds = Math.floor(axis.extent / (STREAMS * step));
  const part = rounds * step;
  return (add) => {
    walk.repeat(axis, rounds, step, () => {
      for (const { ahead, ...spot } of sideBySide(step, width))
        add(Array.from({ length: STREAMS }, (_, slot) => ({ ...spot, ahead: ahead + slot * part })));
    });
    walk.advance(axis, (STREAMS - 1) * part);
    walk.vectors(axis, axis.extent - STREAMS * part, width, 1, add);
    walk.advance(axis, -STREAMS * part);
  };
}

/** All vectors to one slot. */
function inOrder({ nest, width }: Body, walk: Walk): Passage {
  const axis = nest.laneAxis as LoopAxis;
  return (add) => {
    walk.vectors(axis, axis.extent, width, TOGETHER, (spots) => {
      for (const spot of spots) add([spot]);
    });
  };
}

/** Vectors in groups that are computed together, all to one slot. */
function inGroups({ nest, width }: Body, walk: Walk): Passage {
  const axis = nest.laneAxis as LoopAxis;
  return (add) => walk.vectors(axis, axis.extent, width, UNROLL, add);
}

/** Reduces `rows` rows, or one row with as many totals as there are slots. */
function gather(body: Body, walk: Walk, rows: number, slots: number, passage: Passage): void {
  const { nest, kernel } = body;
  const totals = Array.from({ length: slots }, () =>
    Array.from({ length: rows }, () => body.startAccumulators()),
  );
  walk.loops(nest.reduced.slice(0, -1), () => {
    const inRows = fixedInRows(body, rows);
    passage((spots) => {
      if (spots.length === 1) return addRows(body, totals[0], spots[0], body.literals, inRows);
      addSpots(
        body,
        spots.map((_, k) => totals[k % slots][0]),
        spots,
        spots.map(() => new Map(inRows[0])),
      );
    });
  });
  const values = kernel.stores.map(({ node }) => node);
  const [first, ...others] = totals;
  first.forEach((row, i) => {
    for (const other of others) row.forEach((total, k) => total.merge(other[i][k]));
    body.storeAll(values, { lanes: 1, ahead: 0, row: i }, new Map([...body.literals, ...body.finished(row)]));
  });
}
