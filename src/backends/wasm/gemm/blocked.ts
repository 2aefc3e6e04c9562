/**
 * The blocked product: packs what strips could not read well as it lies, and passes blocks of A over panels of B.
 *
 * ```
 * for jc: a block of columns of B and C
 *   for pc: a block of k                  pack the block of B           (stays in the second-level cache)
 *     for ic: a block of rows of A and C  pack the block of A           (stays in the second-level cache)
 *       for jr: a panel of B              strip: rows of A times panel  (panel stays in the first-level cache)
 * ```
 * Source: Goto and van de Geijn (2008), figure 8; the names of the loops are those of BLIS.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { BLOCK, splitDepth, splitEvenly } from './blocks.ts';
import { address, advance, constant, forBlocks, locals, push } from './emit.ts';
import { buildStrip, PANEL_ROWS, tileOf } from './kernels.ts';
import { buildPack } from './packing.ts';
import { gemmParameters, type Precision, precision } from './precision.ts';

/** A B with unit column stride is read as it lies by so few rows: packing would cost more than it saves. */
const DIRECT_B_ROWS = 8;

/** An A with unit row stride is read as it lies for so few columns. */
const DIRECT_A_COLUMNS = 32;

/** Every way to compute a product, all of which may share one workspace. */
const PRECISIONS = (['f32', 'f64'] as const).flatMap((name) => [
  precision(name, false),
  precision(name, true),
]);

/** Bytes of the workspace: the packed block of B, then that of A. */
const PACKED_B_BYTES = Math.max(
  ...PRECISIONS.map(({ name, bytes }) => BLOCK[name].columns * BLOCK[name].depth * bytes),
);
const PACKED_A_BYTES = Math.max(
  ...PRECISIONS.map((p) => {
    const panels = Math.floor(BLOCK[p.name].rows / tileOf(p).rows);
    return panels * PANEL_ROWS * BLOCK[p.name].depth * p.bytes;
  }),
);
export const BLOCKED_SCRATCH_BYTES = PACKED_B_BYTES + PACKED_A_BYTES;

/** `C = alpha A B + beta C`. The parameters are those of `gemm`, but M, N, K >= 1 and all strides are in bytes. */
export function buildBlocked(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const tile = tileOf(p);
  const width = tile.vectors * p.lanes;
  const widths = Array.from({ length: tile.vectors }, (_, i) => i + 1);
  const strips = {
    rows: widths.map((vectors) => buildStrip(module, p, 'rows', vectors)),
    panel: widths.map((vectors) => buildStrip(module, p, 'panel', vectors)),
  };
  const packB = buildPack(module, p, width, width);
  const packA = buildPack(module, p, tile.rows, PANEL_ROWS);

  const f = module.func(`blocked_${p.name}`, gemmParameters(p.name));
  const [M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, packedB, alpha, beta] = Array(14).keys();
  const element = constant(f, p.bytes);
  const tileStep = constant(f, PANEL_ROWS * p.bytes);
  const panelColumns = constant(f, width);
  const panelStep = constant(f, width * p.bytes);
  const [blockRows, blockDepth, blockColumns, packedA, rowsA, packsA, packsB] = locals(f, 7);
  const [jc, pc, ic, jr] = locals(f, 4);
  const [n, k, m, columns] = locals(f, 4);
  const [a, aTile, aStep, blockB, b, bStep, bPanel, lastColumns, c] = locals(f, 9);
  const old = f.local(p.name);

  /** Packs the block of B, or, if it is read as it lies, a narrow last panel: its vectors would reach beyond B. */
  const packBlockB = () => {
    address(f, B, [pc, rsB], [jc, csB]).set(blockB);
    f.get(packsB);
    f.if(
      () => push(f, n, k, blockB, csB, rsB, packedB).call(packB),
      () => {
        f.get(n).get(panelColumns).op('i32.rem_u').set(lastColumns);
        f.get(n).get(lastColumns).op('i32.sub').set(jr);
        f.get(lastColumns);
        f.if(() => {
          push(f, lastColumns, k);
          address(f, blockB, [jr, element]);
          push(f, csB, rsB, packedB).call(packB);
        });
      },
    );
  };
  const packBlockA = () => {
    address(f, A, [ic, rsA], [pc, csA]).set(a);
    f.get(packsA);
    f.if(
      () => {
        push(f, m, k, a, rsA, csA, packedA).call(packA);
        f.get(packedA).set(a).get(tileStep).tee(aStep).get(k).op('i32.mul').set(aTile);
      },
      () => {
        f.get(rsA).i32(tile.rows).op('i32.mul').set(aTile);
        f.get(rsA).get(csA).get(rowsA).op('select').set(aStep);
      },
    );
  };
  const firstPanel = () => {
    f.get(packsB);
    f.if(
      () => f.get(packedB).set(b).get(panelStep).tee(bStep).get(k).op('i32.mul').set(bPanel),
      () => f.get(blockB).set(b).get(rsB).set(bStep).get(panelStep).set(bPanel),
    );
  };
  const strip = () => {
    const call = ([narrowest, ...wider]: readonly FunctionBuilder[], vectors = 1) => {
      const parameters = [m, k, a, aTile, aStep, b, bStep, c, rsC, columns, alpha, old];
      const callNarrowest = () => push(f, ...parameters).call(narrowest);
      if (wider.length === 0) return callNarrowest();
      f.get(columns)
        .i32(vectors * p.lanes)
        .op('i32.le_s');
      f.if(callNarrowest, () => call(wider, vectors + 1));
    };
    f.get(rowsA);
    f.if(
      () => call(strips.rows),
      () => call(strips.panel),
    );
  };

  splitEvenly(f, M, BLOCK[p.name].rows, tile.rows, blockRows);
  splitDepth(f, p.name, K, blockDepth);
  splitEvenly(f, N, BLOCK[p.name].columns, width, blockColumns);
  f.get(packedB).i32(PACKED_B_BYTES).op('i32.add').set(packedA);
  f.get(csA).get(element).op('i32.eq').set(rowsA);
  f.get(rsA).get(element).op('i32.eq').get(N).i32(DIRECT_A_COLUMNS).op('i32.le_s', 'i32.and');
  f.get(rowsA).op('i32.or', 'i32.eqz').set(packsA);
  f.get(csB).get(element).op('i32.ne').get(M).i32(DIRECT_B_ROWS).op('i32.gt_s', 'i32.or');
  // A strip knows by its place in B when it is done, so that must move.
  f.get(rsB).op('i32.eqz', 'i32.or').set(packsB);

  forBlocks(f, jc, N, blockColumns, n, () => {
    forBlocks(f, pc, K, blockDepth, k, () => {
      // The first block of k finds the old C, the others what is there already of the sum.
      f[p.name](1).get(beta).get(pc).op('select').set(old);
      packBlockB();
      forBlocks(f, ic, M, blockRows, m, () => {
        packBlockA();
        firstPanel();
        address(f, C, [ic, rsC], [jc, element]).set(c);
        forBlocks(f, jr, n, panelColumns, columns, () => {
          f.get(packsB).get(columns).get(panelColumns).op('i32.eq', 'i32.or', 'i32.eqz');
          f.if(() => f.get(packedB).set(b).get(panelStep).set(bStep));
          strip();
          advance(f, b, bPanel);
          advance(f, c, panelStep);
        });
      });
    });
  });
  return f;
}
