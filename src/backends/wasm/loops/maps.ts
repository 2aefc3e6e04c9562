/** Kernels without reductions. */
import type { Body } from './body.ts';
import { unrollFor } from './limits.ts';
import type { Walk } from './walk.ts';

/**
 * Elements of a tile: a few whole cache lines along both axes, so that both what is read along one and what is written
 * along the other is used up while it is in the first-level cache.
 */
const TILE = 16;

export function emitMap(body: Body, walk: Walk): void {
  const { nest, kernel, width } = body;
  const values = kernel.stores.map(({ node }) => node);
  const { laneAxis } = nest;
  if (laneAxis === undefined) {
    body.storeAll(values, { lanes: 1, ahead: 0, row: 0 }, new Map(body.literals));
    return;
  }
  if (nest.turned.length > 0) return emitTiles(body, walk, values);
  walk.loops(nest.kept.slice(0, -1), () => {
    const fixed = body.hoist(values, [laneAxis], { lanes: width, ahead: 0, row: 0 }, body.literals);
    walk.vectors(laneAxis, laneAxis.extent, width, unrollFor(kernel.nodes.length), (spots) => {
      const known = spots.map(() => new Map(fixed));
      body.together(values, spots, known);
      spots.forEach((spot, i) => body.storeAll(values, spot, known[i]));
    });
  });
}

/** Something is read along another axis than it is written: goes through the two axes in square tiles. */
function emitTiles(body: Body, walk: Walk, values: readonly number[]): void {
  const { nest, width } = body;
  const laneAxis = nest.laneAxis!;
  const rowAxis = nest.rowAxis!;
  const outer = nest.kept.filter((axis) => axis !== laneAxis && axis !== rowAxis);
  const rows = (count: number, extent: number): void => {
    walk.vectors(laneAxis, extent, width, 1, ([spot]) => {
      const known = Array.from({ length: count }, () => body.literals);
      body.turned(values, spot, known).forEach((each, row) => {
        body.storeAll(values, { ...spot, row }, each);
      });
    });
  };
  walk.loops(outer, () => {
    walk.blocks(rowAxis, rowAxis.extent, TILE, (height) => {
      walk.blocks(laneAxis, laneAxis.extent, TILE, (length) => {
        walk.rows(rowAxis, height, width, (count) => rows(count, length));
      });
    });
  });
}
