/** Cutting the product into blocks: their sizes, and the loops over them. */
import type { FunctionBuilder } from '../encoder.ts';

/**
 * Elements in a block, tuned for 32 KiB of first-level and 512 KiB or more of second-level cache: a panel of A and one
 * of B (4 and 8 or 4 elements wide) stay in the first, a block of A in the second. Rows and columns are whole tiles.
 */
export const BLOCK = {
  f32: { rows: 128, depth: Number(process.env.KC ?? 384), columns: Number(process.env.NC ?? 512) },
  f64: { rows: 64, depth: 256, columns: 256 },
} as const;

/**
 * Sets `depth` to how many steps of k a block takes: K if it is small, or else equal parts, in fours. It depends on K
 * alone, as the order of summation must.
 */
export function splitDepth(f: FunctionBuilder, name: 'f32' | 'f64', K: number, depth: number): void {
  const limit = BLOCK[name].depth;
  f.get(K).set(depth);
  f.get(K)
    .i32(limit)
    .op('i32.gt_s')
    .if(() => {
      const blocks = f.local('i32');
      f.get(K)
        .i32(limit - 1)
        .op('i32.add')
        .i32(limit)
        .op('i32.div_u')
        .set(blocks);
      f.get(K).get(blocks).op('i32.add').i32(1).op('i32.sub').get(blocks).op('i32.div_u');
      f.i32(3).op('i32.add').i32(~3).op('i32.and').set(depth);
    });
}

/** `for (at = 0; at < total; at += step)` with `size = min(step, total - at)`; total is positive. */
export function forBlocks(
  f: FunctionBuilder,
  at: number,
  total: number,
  step: () => void,
  size: number,
  body: () => void,
): void {
  f.i32(0).set(at);
  f.loop((again) => {
    f.get(total).get(at).op('i32.sub').set(size);
    step();
    f.get(size);
    step();
    f.get(size).op('i32.lt_s', 'select').set(size);
    body();
    f.get(at);
    step();
    f.op('i32.add').tee(at).get(total).op('i32.lt_s').brIf(again);
  });
}

/** Runs the body as often as `times` says, counting `counter` down. */
export function repeat(f: FunctionBuilder, counter: number, times: () => void, body: () => void): void {
  times();
  f.tee(counter).if(() => {
    f.loop((again) => {
      body();
      f.get(counter).i32(1).op('i32.sub').tee(counter).brIf(again);
    });
  });
}

/** Declares several i32 locals. */
export function locals(f: FunctionBuilder, count: number): number[] {
  return Array.from({ length: count }, () => f.local('i32'));
}

/** Pushes several locals: the arguments of a call. */
export function push(f: FunctionBuilder, ...names: readonly number[]): FunctionBuilder {
  for (const name of names) f.get(name);
  return f;
}
