/**
 * Matrix multiplication, `C = alpha A B + beta C`, as generated WebAssembly SIMD for any strides of A and B.
 *
 * The sum over k runs in one order everywhere: k = 0, 1, 2, ... from zero within a block of k; the blocks' sums, times
 * `alpha`, are added to `beta C` one after another; the blocks depend on K alone. So an element of C depends only on its
 * row of A, its column of B, K and the factors (and the old element, if `beta` is not 0), not on M, N, its place, the path
 * taken, or how the rows of C are split into panels. Panels of rows may run in parallel, each with a workspace of its own.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { BLOCKED_SCRATCH_BYTES, buildBlocked } from './blocked.ts';
import { advance, constant, locals, push, repeat, skip } from './emit.ts';
import { gemmParameters, type Precision, precision, pushNonzero } from './precision.ts';
import { buildThin, THIN_DEPTH, THIN_ROWS, THIN_SCRATCH_BYTES } from './thin.ts';
import { buildVectorMatrix } from './vector.ts';

export { gemmParameters };

/** Bytes of the workspace that each call needs, aligned to 64 bytes; its content does not matter. */
export function gemmScratchBytes(): number {
  return BLOCKED_SCRATCH_BYTES + THIN_SCRATCH_BYTES;
}

/**
 * Adds `gemm_f32` and `gemm_f64` to a module and exports them.
 *
 * Parameters: (M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, scratch), all i32, and (alpha, beta) in the precision of the
 * product. A is M x K, B is K x N, C is M x N. A, B, C and scratch are byte addresses (unsigned); row strides rs and
 * column strides cs count elements and may be zero or negative; C has unit column stride. With `beta` 0, C is overwritten
 * and never read. A and B are read whatever `alpha` is.
 *
 * @param options.relaxed fused multiply-add of relaxed SIMD: nearly twice as fast, but rounding depends on the machine.
 */
export function buildGemm(module: ModuleBuilder, options: { relaxed?: boolean } = {}): void {
  for (const name of ['f32', 'f64'] as const) {
    const p = precision(name, options.relaxed ?? false);
    module.export(`gemm_${name}`, buildEntry(module, p));
  }
}

/** Turns strides into bytes and chooses the path. */
function buildEntry(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const vector = buildVectorMatrix(module, p);
  const blocked = buildBlocked(module, p);
  const thin = buildThin(module, p, blocked);
  const f = module.func(`gemm_${p.name}`, gemmParameters(p.name));
  const parameters = [...Array(14).keys()];
  const [M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, scratch, alpha, beta] = parameters;
  const element = constant(f, p.bytes);
  const ifThenReturn = (body: () => void) => {
    f.if(() => {
      body();
      f.op('return');
    });
  };

  f.get(M).i32(0).op('i32.le_s').get(N).i32(0).op('i32.le_s', 'i32.or');
  ifThenReturn(() => {});
  for (const stride of [rsA, csA, rsB, csB, rsC]) f.get(stride).get(element).op('i32.mul').set(stride);

  f.get(K).i32(0).op('i32.le_s');
  ifThenReturn(() => scale(f, p, M, N, C, rsC, beta));

  f.get(M).i32(1).op('i32.eq');
  ifThenReturn(() => push(f, N, K, A, csA, B, rsB, csB, C, element, alpha, beta).call(vector));

  // One column: C^T = B^T A^T.
  f.get(N).i32(1).op('i32.eq');
  ifThenReturn(() => push(f, M, K, B, rsB, A, csA, rsA, C, rsC, alpha, beta).call(vector));

  f.get(M).i32(THIN_ROWS).op('i32.le_s').get(K).i32(THIN_DEPTH).op('i32.ge_s', 'i32.and');
  f.get(rsB).get(element).op('i32.eq').get(csB).get(element).op('i32.ne', 'i32.and', 'i32.and');
  ifThenReturn(() => {
    push(f, ...parameters);
    f.get(scratch).i32(BLOCKED_SCRATCH_BYTES).op('i32.add').call(thin);
  });

  push(f, ...parameters).call(blocked);
  return f;
}

/** `C = beta C`: sums of no products. */
function scale(
  f: FunctionBuilder,
  p: Precision,
  M: number,
  N: number,
  C: number,
  rsC: number,
  beta: number,
): void {
  const [at, count] = locals(f, 2);
  f.get(M);
  repeat(f, M, () => {
    f.get(C).set(at).get(N);
    repeat(f, count, () => {
      f.get(at);
      pushNonzero(f, p, beta).if(
        () => f.get(at).memory(`${p.name}.load`).get(beta).op(`${p.name}.mul`),
        () => f[p.name](0),
        p.name,
      );
      f.memory(`${p.name}.store`);
      skip(f, at, p.bytes);
    });
    advance(f, C, rsC);
  });
}
