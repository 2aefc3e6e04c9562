/**
 * Few rows times a transposed matrix, as in the backward pass of a layer for a small batch: `C^T = B^T A^T`.
 *
 * B^T lies row by row, so the micro-kernels read it as it is, and packing the small A^T costs little: each element of B
 * is read once and none is copied. The products and their order are those of `C = A B`.
 */

import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { forBlocks, locals, push, repeat } from './blocks.ts';
import type { Precision } from './precision.ts';

/** It pays for no more rows of A than this, and sums no shorter than this. */
export const THIN_ROWS = Number(process.env.TR ?? 8);
export const THIN_DEPTH = 32;

/** Columns of C at a time; their transposition lies in the workspace as rows of `THIN_ROWS` elements. */
const COLUMNS = 256;

export const THIN_SCRATCH_BYTES = COLUMNS * THIN_ROWS * 8;

/** Parameters as those of `blocked`, and at last the address of the workspace of this path. */
export function buildThin(module: ModuleBuilder, p: Precision, blocked: FunctionBuilder): FunctionBuilder {
  const copy = buildTransposedCopy(module, p);
  const f = module.func(`thin_${p.name}`, Array(14).fill('i32'));
  const [M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, accumulate, scratch, turned] = Array(14).keys();
  const [jc, n, step, one] = locals(f, 4);
  f.i32(THIN_ROWS * p.bytes)
    .set(step)
    .i32(p.bytes)
    .set(one);
  forBlocks(
    f,
    jc,
    N,
    () => f.i32(COLUMNS),
    n,
    () => {
      f.get(accumulate).if(() => push(f, n, M, C, one, rsC, turned, step).call(copy));
      push(f, n, M, K, B, csB, rsB, A, csA, rsA, turned, step, accumulate, scratch).call(blocked);
      push(f, M, n, turned, one, step, C, rsC).call(copy);
      f.get(B).get(csB).i32(COLUMNS).op('i32.mul', 'i32.add').set(B);
      f.get(C)
        .i32(COLUMNS * p.bytes)
        .op('i32.add')
        .set(C);
    },
  );
  return f;
}

/**
 * Copies a matrix of any strides to rows. Parameters (i32): rows, columns, source, its row and column steps,
 * destination, its row step; steps in bytes.
 */
function buildTransposedCopy(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const f = module.func(`turn_${p.name}`, Array(7).fill('i32'));
  const [rows, columns, source, rowStep, columnStep, target, targetStep] = Array(7).keys();
  const [from, to, count] = locals(f, 3);
  repeat(
    f,
    rows,
    () => f.get(rows),
    () => {
      f.get(source).set(from).get(target).set(to);
      repeat(
        f,
        count,
        () => f.get(columns),
        () => {
          f.get(to).get(from);
          if (p.name === 'f32') f.memory('f32.load').memory('f32.store');
          else f.memory('f64.load').memory('f64.store');
          f.get(from).get(columnStep).op('i32.add').set(from);
          f.get(to).i32(p.bytes).op('i32.add').set(to);
        },
      );
      f.get(source).get(rowStep).op('i32.add').set(source);
      f.get(target).get(targetStep).op('i32.add').set(target);
    },
  );
  return f;
}
