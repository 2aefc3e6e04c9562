/** Reducing several rows together: what they share is computed once, and their loads are under way at the same time. */
import type { Accumulator } from './accumulator.ts';
import type { Body, Known } from './body.ts';
import type { LoopAxis } from './nest.ts';
import type { Spot } from './walk.ts';

/** For each of `count` rows from the pointers on, what is the same all along the axis of the lanes. */
export function fixedInRows(body: Body, count: number): Known[] {
  const { nest, width, bodies, literals } = body;
  const lanes = [nest.laneAxis as LoopAxis];
  return Array.from({ length: count }, (_, row) =>
    body.hoist(bodies, lanes, { lanes: width, ahead: 0, row }, literals),
  );
}

/**
 * Adds the vector at `spot` in each row.
 * @param totals the accumulators of each row
 * @param fixed what is known in all rows
 * @param inRows what is known in each row
 */
export function addRows(
  body: Body,
  totals: readonly (readonly Accumulator[])[],
  spot: Spot,
  fixed: Known,
  inRows: readonly Known[],
): void {
  const { nest, bodies } = body;
  const shared = inRows.length > 1 ? body.hoist(bodies, [nest.rowAxis as LoopAxis], spot, fixed) : fixed;
  const known = inRows.map((inRow) => new Map([...inRow, ...shared]));
  const spots = inRows.map((_, row) => ({ ...spot, row }));
  addSpots(body, totals, spots, body.turned(bodies, spot, known));
}

/**
 * Adds the vector at each spot to accumulators of its own.
 * @param known what is known at each spot; takes more
 */
export function addSpots(
  body: Body,
  totals: readonly (readonly Accumulator[])[],
  spots: readonly Spot[],
  known: readonly Known[],
): void {
  body.together(body.bodies, spots, known);
  spots.forEach((spot, i) => body.accumulate(totals[i], spot, known[i]));
}
