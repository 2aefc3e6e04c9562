/** How the product is cut into blocks. */
import type { FunctionBuilder } from '../encoder.ts';

/**
 * Elements in a block, at most. A panel of A and one of B, `depth` long, fit a first-level cache of 32 KiB; a block of A
 * and one of B fit a second-level cache of 1 MiB.
 */
export const BLOCK = {
  f32: { rows: 64, depth: 384, columns: 512 },
  f64: { rows: 32, depth: 256, columns: 384 },
} as const;

/**
 * Sets the local `size` to that of a block of `total`: all if that is not more than `limit`, or else equal parts, but for
 * rounding up to a multiple of `unit`.
 */
export function splitEvenly(
  f: FunctionBuilder,
  total: number,
  limit: number,
  unit: number,
  size: number,
): void {
  const most = limit - (limit % unit);
  f.get(total).set(size);
  f.get(total).i32(most).op('i32.gt_s');
  f.if(() => {
    f.get(total).i32(1).op('i32.sub').tee(size).get(size).i32(most).op('i32.div_u').i32(1).op('i32.add');
    f.op('i32.div_u').i32(unit).op('i32.div_u').i32(1).op('i32.add').i32(unit).op('i32.mul').set(size);
  });
}

/**
 * Sets the local `depth` to the steps of k in a block: K if that is not too much, or else equal parts, in fours. It
 * depends on K alone, as the order of summation must.
 */
export function splitDepth(f: FunctionBuilder, name: 'f32' | 'f64', K: number, depth: number): void {
  splitEvenly(f, K, BLOCK[name].depth, 4, depth);
}
