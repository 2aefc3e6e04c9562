/**
 * Matrix multiplication, `C = A B` or `C += A B`, as generated WebAssembly SIMD for any strides of A and B.
 *
 * The sum over k runs in one order everywhere: k = 0, 1, 2, ... from zero within a block of k, and the blocks are added
 * to C one after another; the blocks depend on K alone. So an element of C depends only on its row of A, its column of B
 * and K (and the old element, if accumulating), not on M, N, its place, the path taken, or how the rows of C are split
 * into panels. Panels of rows may run in parallel, each with a workspace of its own.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { BLOCKED_SCRATCH_BYTES, buildBlocked } from './blocked.ts';
import { locals, push, repeat } from './blocks.ts';
import { type Precision, precision } from './precision.ts';
import { buildThin, THIN_DEPTH, THIN_ROWS, THIN_SCRATCH_BYTES } from './thin.ts';
import { buildVectorMatrix } from './vector.ts';

/** Sums of so few products are computed row by row. */
const OUTER_DEPTH = Number(process.env.OD ?? 2);

/** Bytes of the workspace that each call needs, aligned to 64 bytes; its content does not matter. */
export function gemmScratchBytes(): number {
  return BLOCKED_SCRATCH_BYTES + THIN_SCRATCH_BYTES;
}

/**
 * Adds `gemm_f32` and `gemm_f64` to a module and exports them.
 *
 * Parameters, all i32: (M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, accumulate, scratch). A is M x K, B is K x N, C is
 * M x N. A, B, C and scratch are byte addresses (unsigned); row strides rs and column strides cs count elements and may
 * be zero or negative; C has unit column stride. `accumulate` 0: C is overwritten and never read; 1: added to.
 *
 * @param options.relaxed use fused multiply-add from relaxed SIMD: twice as fast, but rounding depends on the machine.
 */
export function buildGemm(module: ModuleBuilder, options: { relaxed?: boolean } = {}): void {
  for (const name of ['f32', 'f64'] as const) {
    const p = precision(name, options.relaxed ?? false);
    module.export(`gemm_${name}`, buildEntry(module, p));
  }
}

/** Chooses the path. */
function buildEntry(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const vector = buildVectorMatrix(module, p);
  const blocked = buildBlocked(module, p);
  const thin = buildThin(module, p, blocked);
  const f = module.func(`gemm_${p.name}`, Array(13).fill('i32'));
  const parameters = [...Array(13).keys()];
  const [M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, accumulate, scratch] = parameters;
  const [rows, unit] = locals(f, 2);
  const ifThenReturn = (body: () => void) =>
    f.if(() => {
      body();
      f.op('return');
    });
  f.i32(p.bytes).set(unit);

  f.get(M)
    .i32(0)
    .op('i32.le_s')
    .get(N)
    .i32(0)
    .op('i32.le_s', 'i32.or')
    .if(() => f.op('return'));
  for (const stride of [rsA, csA, rsB, csB, rsC]) f.get(stride).i32(p.shift).op('i32.shl').set(stride);

  f.get(K).i32(0).op('i32.le_s');
  ifThenReturn(() =>
    f
      .get(accumulate)
      .op('i32.eqz')
      .if(() => clearRows(f, p, M, N, C, rsC)),
  );

  // One column: C^T = B^T A^T is a vector times a matrix.
  f.get(N).i32(1).op('i32.eq');
  ifThenReturn(() => push(f, M, K, B, rsB, A, csA, rsA, C, rsC, accumulate).call(vector));

  // One row, or little more than an outer product, which spends its time on storing C: row by row.
  f.get(M)
    .i32(1)
    .op('i32.eq')
    .get(K)
    .i32(OUTER_DEPTH)
    .op('i32.le_s')
    .get(csB)
    .get(unit)
    .op('i32.eq', 'i32.and', 'i32.or');
  ifThenReturn(() =>
    repeat(
      f,
      rows,
      () => f.get(M),
      () => {
        push(f, N, K, A, csA, B, rsB, csB, C, unit, accumulate).call(vector);
        f.get(A).get(rsA).op('i32.add').set(A).get(C).get(rsC).op('i32.add').set(C);
      },
    ),
  );

  f.get(M)
    .i32(THIN_ROWS)
    .op('i32.le_s')
    .get(rsB)
    .get(unit)
    .op('i32.eq', 'i32.and')
    .get(csB)
    .get(unit)
    .op('i32.ne', 'i32.and');
  f.get(K).i32(THIN_DEPTH).op('i32.ge_s', 'i32.and');
  ifThenReturn(() =>
    push(f, ...parameters)
      .get(scratch)
      .i32(BLOCKED_SCRATCH_BYTES)
      .op('i32.add')
      .call(thin),
  );

  push(f, ...parameters).call(blocked);
  return f;
}

/** `C = 0`, the sum of no products. */
function clearRows(f: FunctionBuilder, p: Precision, M: number, N: number, C: number, rsC: number): void {
  const [at, count] = locals(f, 2);
  repeat(
    f,
    M,
    () => f.get(M),
    () => {
      f.get(C).set(at);
      repeat(
        f,
        count,
        () => f.get(N),
        () => {
          f.get(at);
          if (p.name === 'f32') f.f32(0).memory('f32.store');
          else f.f64(0).memory('f64.store');
          f.get(at).i32(p.bytes).op('i32.add').set(at);
        },
      );
      f.get(C).get(rsC).op('i32.add').set(C);
    },
  );
}
