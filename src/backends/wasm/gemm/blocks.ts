/** How the product is cut into blocks. */
import type { FunctionBuilder } from '../encoder.ts';

/**
 * Elements in a block. A panel of A and one of B, `depth` long, fit a first-level cache of 32 KiB; a block of A and one
 * of B fit a second-level cache of 1 MiB. Rows and columns are whole tiles.
 */
export const BLOCK = {
  f32: { rows: 128, depth: 384, columns: 256 },
  f64: { rows: 64, depth: 256, columns: 256 },
} as const;

/**
 * Sets the local `depth` to the steps of k in a block: K if that is not too much, or else equal parts, in fours. It
 * depends on K alone, as the order of summation must.
 */
export function splitDepth(f: FunctionBuilder, name: 'f32' | 'f64', K: number, depth: number): void {
  const limit = BLOCK[name].depth;
  const blocks = f.local('i32');
  f.get(K).set(depth);
  f.get(K).i32(limit).op('i32.gt_s');
  f.if(() => {
    f.get(K).i32(1).op('i32.sub').i32(limit).op('i32.div_u').i32(1).op('i32.add').set(blocks);
    f.get(K).i32(1).op('i32.sub').get(blocks).op('i32.div_u').i32(4).op('i32.add');
    f.i32(~3).op('i32.and').set(depth);
  });
}
