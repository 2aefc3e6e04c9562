/**
 * Few rows times a transposed matrix, as in the backward pass of a layer for a small batch: `C^T = B^T A^T`.
 *
 * B^T lies row by row, so the strips read it as it is, and packing the small A^T costs little: each element of B is read
 * once and none is copied. The products, and the order of their sums, are those of `C = A B`.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { address, advance, constant, forBlocks, locals, push, repeat, skip } from './emit.ts';
import { gemmParameters, type Precision, pushNonzero } from './precision.ts';

/** The most rows of A, and the shortest sums, that this path is for. */
export const THIN_ROWS = 16;
export const THIN_DEPTH = 32;

/** Columns of C at a time: their transposition lies in the workspace, in rows of `THIN_ROWS` elements. */
const COLUMNS = 256;

/** Bytes of this path's own workspace. */
export const THIN_SCRATCH_BYTES = COLUMNS * THIN_ROWS * 8;

/** Parameters: those of `blocked`, and the address of this path's own workspace. */
export function buildThin(module: ModuleBuilder, p: Precision, blocked: FunctionBuilder): FunctionBuilder {
  const copy = buildCopy(module, p);
  const f = module.func(`thin_${p.name}`, [...gemmParameters(p.name), 'i32']);
  const [M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, scratch, alpha, beta, turned] = Array(15).keys();
  const [jc, n, b, c] = locals(f, 4);
  const columns = constant(f, COLUMNS);
  const element = constant(f, p.bytes);
  const turnedRow = constant(f, THIN_ROWS * p.bytes);
  forBlocks(f, jc, N, columns, n, () => {
    address(f, B, [jc, csB]).set(b);
    address(f, C, [jc, element]).set(c);
    pushNonzero(f, p, beta);
    f.if(() => push(f, n, M, c, element, rsC, turned, turnedRow).call(copy));
    push(f, n, M, K, b, csB, rsB, A, csA, rsA, turned, turnedRow, scratch, alpha, beta).call(blocked);
    push(f, M, n, turned, element, turnedRow, c, rsC).call(copy);
  });
  return f;
}

/**
 * Copies a matrix of any strides to one with unit column stride. Parameters (i32; steps in bytes): rows, columns,
 * source, its steps from row to row and column to column, target, its step from row to row.
 */
function buildCopy(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const f = module.func(`copy_matrix_${p.name}`, Array(7).fill('i32'));
  const [rows, columns, source, rowStep, columnStep, target, targetStep] = Array(7).keys();
  const [from, to, count] = locals(f, 3);
  f.get(rows);
  repeat(f, rows, () => {
    f.get(source).set(from).get(target).set(to).get(columns);
    repeat(f, count, () => {
      f.get(to).get(from).memory(`${p.name}.load`).memory(`${p.name}.store`);
      advance(f, from, columnStep);
      skip(f, to, p.bytes);
    });
    advance(f, source, rowStep);
    advance(f, target, targetStep);
  });
  return f;
}
