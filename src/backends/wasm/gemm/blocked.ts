/**
 * The blocked product: loops over blocks that fit the caches, packing what the micro-kernels could not read well.
 *
 * ```
 * for jc: `columns` columns of B and C
 *   for pc: `depth` steps of k                  pack the block of B           (stays in L2/L3)
 *     for ic: `rows` rows of A and C            pack the block of A           (stays in L2)
 *       for jr: one panel of B                  one strip                     (panel stays in L1)
 * ```
 * Source: Goto and van de Geijn (2008), figure 8, "GEBP"; names of the loops as in BLIS.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { BLOCK, forBlocks, locals, push, splitDepth } from './blocks.ts';
import { buildStrip, TILE_ROWS, tileColumns } from './kernels.ts';
import { buildPack } from './packing.ts';
import type { Precision } from './precision.ts';

/** Where the packed block of A begins in the workspace; the packed block of B is before it. */
const PACKED_A = Math.max(...(['f32', 'f64'] as const).map((name) => packedBytes(name, BLOCK[name].columns)));

/** Bytes of the workspace. */
export const BLOCKED_SCRATCH_BYTES =
  PACKED_A + Math.max(...(['f32', 'f64'] as const).map((name) => packedBytes(name, BLOCK[name].rows)));

function packedBytes(name: 'f32' | 'f64', lines: number): number {
  return lines * BLOCK[name].depth * (name === 'f32' ? 4 : 8);
}

/** B with unit column stride is read as it lies for so few rows: packing would cost more than it saves. */
const DIRECT_B_ROWS = Number(process.env.DBR ?? 8);

/** A with unit row stride is read as it lies for so few columns. */
const DIRECT_A_COLUMNS = Number(process.env.DAC ?? 32);

/** Parameters of the product in order; all i32. */
const PARAMETERS = 13;

/**
 * `C = A B` or `C += A B`, with the parameters of `gemm` (see index.ts), except that strides are in bytes.
 * M, N and K are positive.
 */
export function buildBlocked(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const block = BLOCK[p.name];
  const width = tileColumns(p);
  const strips = {
    rows: [buildStrip(module, p, 'rows', 1), buildStrip(module, p, 'rows', 2)],
    panel: [buildStrip(module, p, 'panel', 1), buildStrip(module, p, 'panel', 2)],
  };
  const packB = buildPack(module, p, width);
  const packA = width === TILE_ROWS ? packB : buildPack(module, p, TILE_ROWS);

  const f = module.func(`blocked_${p.name}`, Array(PARAMETERS).fill('i32'));
  const [M, N, K, A, rsA, csA, B, rsB, csB, C, rsC, accumulate, scratch] = Array(PARAMETERS).keys();
  const [jc, pc, ic, jr] = locals(f, 4);
  const [m, n, k, columns, depth] = locals(f, 5);
  const [unitColumnsA, packsA, packsB, packedA, blockB] = locals(f, 5);
  const [a, aTile, aStep, b, bStep, bPanel, c, add] = locals(f, 8);

  /** Pushes the address of element (row, column) of a matrix. */
  const element = (base: number, row: number, rowStep: number, column: number, columnStep: number) =>
    f
      .get(base)
      .get(row)
      .get(rowStep)
      .op('i32.mul', 'i32.add')
      .get(column)
      .get(columnStep)
      .op('i32.mul', 'i32.add');
  const times = (factor: number) => f.i32(Math.log2(factor)).op('i32.shl');

  const packBlockB = () => {
    element(B, pc, rsB, jc, csB).set(blockB);
    f.get(packsB).if(
      () => f.get(n).get(k).get(blockB).get(csB).get(rsB).get(scratch).call(packB),
      () => {
        // Only a narrow last panel: reading whole vectors of it would read beyond the end of B.
        f.get(n)
          .i32(width - 1)
          .op('i32.and')
          .tee(columns)
          .if(() => {
            f.get(columns).get(k).get(blockB).get(n).get(columns).op('i32.sub');
            times(p.bytes).op('i32.add').get(csB).get(rsB).get(scratch).call(packB);
          });
      },
    );
  };
  const packBlockA = () => {
    element(A, ic, rsA, pc, csA).set(a);
    f.get(packsA).if(
      () => {
        f.get(m).get(k).get(a).get(rsA).get(csA).get(packedA).call(packA);
        f.get(packedA)
          .set(a)
          .i32(TILE_ROWS * p.bytes)
          .tee(aStep)
          .get(k)
          .op('i32.mul')
          .set(aTile);
      },
      () => {
        f.get(rsA);
        times(TILE_ROWS).set(aTile);
        f.get(rsA).get(csA).get(unitColumnsA).op('select').set(aStep);
      },
    );
  };
  const packedPanel = () =>
    f
      .get(scratch)
      .set(b)
      .i32(width * p.bytes)
      .set(bStep);
  const firstPanelB = () => {
    f.get(packsB).if(
      () => packedPanel().get(k).get(bStep).op('i32.mul').set(bPanel),
      () =>
        f
          .get(blockB)
          .set(b)
          .get(rsB)
          .set(bStep)
          .i32(width * p.bytes)
          .set(bPanel),
    );
  };
  const strip = () => {
    const parameters = [m, k, a, aTile, aStep, b, bStep, c, rsC, columns, add];
    const call = ([narrow, whole]: readonly FunctionBuilder[]) =>
      f
        .get(columns)
        .i32(p.lanes)
        .op('i32.le_s')
        .if(
          () => push(f, ...parameters).call(narrow),
          () => push(f, ...parameters).call(whole),
        );
    f.get(unitColumnsA).if(
      () => call(strips.rows),
      () => call(strips.panel),
    );
  };

  splitDepth(f, p.name, K, depth);
  f.get(scratch).i32(PACKED_A).op('i32.add').set(packedA);
  f.get(csA).i32(p.bytes).op('i32.eq').set(unitColumnsA);
  f.get(unitColumnsA).op('i32.eqz').get(rsA).i32(p.bytes).op('i32.ne');
  f.get(N).i32(DIRECT_A_COLUMNS).op('i32.gt_s', 'i32.or', 'i32.and').set(packsA);
  f.get(csB).i32(p.bytes).op('i32.ne').get(M).i32(DIRECT_B_ROWS).op('i32.gt_s', 'i32.or').set(packsB);

  forBlocks(
    f,
    jc,
    N,
    () => f.i32(block.columns),
    n,
    () => {
      forBlocks(
        f,
        pc,
        K,
        () => f.get(depth),
        k,
        () => {
          f.get(accumulate).get(pc).op('i32.or').set(add);
          packBlockB();
          forBlocks(
            f,
            ic,
            M,
            () => f.i32(block.rows),
            m,
            () => {
              packBlockA();
              firstPanelB();
              f.get(C).get(ic).get(rsC).op('i32.mul', 'i32.add').get(jc);
              times(p.bytes).op('i32.add').set(c);
              forBlocks(
                f,
                jr,
                n,
                () => f.i32(width),
                columns,
                () => {
                  f.get(columns)
                    .i32(width)
                    .op('i32.lt_s')
                    .get(packsB)
                    .op('i32.eqz', 'i32.and')
                    .if(packedPanel);
                  strip();
                  f.get(b).get(bPanel).op('i32.add').set(b);
                  f.get(c)
                    .i32(width * p.bytes)
                    .op('i32.add')
                    .set(c);
                },
              );
            },
          );
        },
      );
    },
  );
  return f;
}
