/**
 * The micro-kernels: the only place where numbers are multiplied in bulk.
 *
 * A tile of C stays in vector registers while k runs. V8 has fifteen of them on x86-64, and it loads whatever a basic
 * block loads before it multiplies, so two steps of k without a branch between them would spill.
 * - Plain: four rows by two vectors (4 x 8 in float32, 4 x 4 in float64). Eight sums, two vectors of B, four elements of
 *   A spread over all lanes, and a product.
 * - Fused: three rows by three vectors (3 x 12, 3 x 6). Nine sums, three vectors of B and three elements of A. Eight sums
 *   would not do: two fused operations start in each cycle, and each takes four until the next may add to its sum.
 *
 * A *strip* is a column of tiles: it keeps one panel of B in the first-level cache and passes the rows of A over it.
 *
 * Each element is summed from zero in the order k = 0, 1, 2, ... in every kernel: it has the same bits in every one.
 *
 * Source: K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34 (2008);
 * F. Van Zee and R. van de Geijn, "BLIS", ACM TOMS 41 (2015).
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { address, advance, locals, push, skip, vectors } from './emit.ts';
import { type Precision, pushNonzero } from './precision.ts';

/** The shape of a tile: rows by vectors. */
export const tileOf = ({ fused }: Precision): { rows: number; vectors: number } =>
  fused ? { rows: 3, vectors: 3 } : { rows: 4, vectors: 2 };

/** Rows that a packed panel of A has room for; a tile may have fewer. */
export const PANEL_ROWS = 4;

/**
 * How a strip reads A.
 * - `rows`: the elements of a row lie side by side and `aStep` leads to the next row: a plain A as it is.
 * - `panel`: the rows of a tile lie side by side and `aStep` leads to the next k: a packed panel (`aStep` is four
 *   elements) or a transposed A as it is.
 */
export type ReadA = 'rows' | 'panel';

/** Steps of k in one round of the loop. */
const UNROLL = 4;

/** Parameters of a strip. */
const [ROWS, DEPTH, A, A_TILE, A_STEP, B, B_STEP, C, C_STEP, COLUMNS, ALPHA, BETA] = Array(12).keys();

/** What the tiles of a strip share: the function under construction and its locals. */
interface Strip {
  readonly f: FunctionBuilder;
  readonly p: Precision;
  readonly readA: ReadA;
  /** Running pointers into A: one for each row, or one for all in a panel. */
  readonly a: readonly number[];
  readonly b: number;
  readonly c: number;
  /** Where `b` stands after the last step. */
  readonly end: number;
  /** By row and vector. */
  readonly sums: readonly (readonly number[])[];
  readonly rowB: readonly number[];
  readonly element: number;
  /** `alpha`, then `beta`, in all lanes. */
  readonly factor: number;
}

/**
 * A strip of C, rows x columns, over `depth` >= 1 steps of k: `C = alpha A B + beta C`.
 *
 * Parameters (steps in bytes): rows, depth, A, step from a tile of A to the next, aStep (see {@link ReadA}), B, step
 * from k to k in B (not 0), C, step from row to row of C, columns, all of them i32, alpha, beta. Whole vectors of B are
 * read, `width` of them, but only `columns` elements of a row of C are touched: more than `width - 1` vectors and at most
 * `width`.
 */
export function buildStrip(
  module: ModuleBuilder,
  p: Precision,
  readA: ReadA,
  width: number,
): FunctionBuilder {
  const tileRows = tileOf(p).rows;
  const f = module.func(`strip_${p.name}_${readA}_${width}`, [...Array(10).fill('i32'), p.name, p.name]);
  const [b, c, end] = locals(f, 3);
  const [element, factor] = vectors(f, 2);
  const sums = Array.from({ length: tileRows }, () => vectors(f, width));
  const a = locals(f, readA === 'rows' ? tileRows : 1);
  const strip: Strip = { f, p, readA, a, b, c, end, sums, rowB: vectors(f, width), element, factor };

  address(f, B, [DEPTH, B_STEP]).set(end);
  f.block((done) => {
    f.loop((nextTile) => {
      f.get(ROWS).i32(tileRows).op('i32.lt_s').brIf(done);
      tile(strip, tileRows);
      advance(f, A, A_TILE);
      advance(f, C, C_STEP, tileRows);
      skip(f, ROWS, -tileRows);
      f.br(nextTile);
    });
  });
  for (let rows = tileRows - 1; rows >= 1; rows--) {
    f.get(ROWS).i32(rows).op('i32.eq');
    f.if(() => tile(strip, rows));
  }
  return f;
}

/** One tile at A and C. */
function tile(strip: Strip, rows: number): void {
  const { f, p, readA, a, b, end, sums } = strip;
  f.get(A).set(a[0]);
  for (let i = 1; i < rows && readA === 'rows'; i++) {
    f.get(a[i - 1]).set(a[i]);
    advance(f, a[i], A_STEP);
  }
  f.get(B).set(b);
  for (const sum of sums.slice(0, rows).flat()) f.f32x4(0).set(sum);

  f.block((done) => {
    f.loop((again) => {
      for (let u = 0; u < UNROLL; u++) {
        step(strip, rows, u);
        // The way out after each step saves a second loop, and holds the next step's loads back (see above).
        if (u < UNROLL - 1) f.get(b).get(end).op('i32.eq').brIf(done);
      }
      if (readA === 'rows') for (let i = 0; i < rows; i++) skip(f, a[i], UNROLL * p.bytes);
      f.get(b).get(end).op('i32.ne').brIf(again);
    });
  });
  storeTile(strip, rows);
}

/** One k: the outer product of a column of A and a row of B. It is number `u` in the unrolled loop. */
function step(strip: Strip, rows: number, u: number): void {
  const { f, p, readA, a, b, sums, rowB, element } = strip;
  rowB.forEach((vector, j) => {
    const offset = 16 * j;
    f.get(b).memory('v128.load', offset).set(vector);
  });
  advance(f, b, B_STEP);
  for (let i = 0; i < rows; i++) {
    const [pointer, offset] = readA === 'rows' ? [a[i], u * p.bytes] : [a[0], i * p.bytes];
    f.get(pointer).memory(p.splat, offset).set(element);
    rowB.forEach((vector, j) => {
      p.multiplyAdd(f, sums[i][j], element, vector);
    });
  }
  if (readA === 'panel') advance(f, a[0], A_STEP);
}

/** Writes `alpha` times the sums to C, after adding `beta` times what is there, unless that is 0. */
function storeTile(strip: Strip, rows: number): void {
  const { f, p, c, sums, rowB, factor } = strip;
  const width = rowB.length;
  f.get(ALPHA).op(p.spread).set(factor);
  for (const sum of sums.slice(0, rows).flat()) push(f, sum, factor).op(p.mul).set(sum);
  const storeRows = (whole: boolean, add: boolean) => {
    if (add) f.get(BETA).op(p.spread).set(factor);
    f.get(C).set(c);
    sums.slice(0, rows).forEach((row, i) => {
      if (i > 0) advance(f, c, C_STEP);
      row.forEach((sum, j) => {
        if (whole || j < width - 1) storeVector(strip, sum, 16 * j, add);
        else storeFirstLanes(strip, sum, j, add);
      });
    });
  };
  const addOrNot = (whole: boolean) => {
    pushNonzero(f, p, BETA);
    f.if(
      () => storeRows(whole, true),
      () => storeRows(whole, false),
    );
  };
  const allColumns = width * p.lanes;
  f.get(COLUMNS).i32(allColumns).op('i32.eq');
  f.if(
    () => addOrNot(true),
    () => addOrNot(false),
  );
}

function storeVector({ f, p, c, factor }: Strip, sum: number, offset: number, add: boolean): void {
  f.get(c);
  if (add) f.get(c).memory('v128.load', offset).get(factor).op(p.mul).get(sum).op(p.add);
  else f.get(sum);
  f.memory('v128.store', offset);
}

/** Writes the lanes of vector `j` that are columns of C: the first, and not the last. */
function storeFirstLanes({ f, p, c, element, factor }: Strip, sum: number, j: number, add: boolean): void {
  for (let lane = 0; lane < p.lanes - 1; lane++) {
    const offset = 16 * j + lane * p.bytes;
    const before = j * p.lanes + lane;
    const store = () => {
      if (add) {
        push(f, c, sum).memory(p.loadLane, offset, lane);
        f.get(factor).op(p.mul).get(sum).op(p.add).set(element);
      }
      push(f, c, add ? element : sum).memory(p.storeLane, offset, lane);
    };
    if (lane === 0) store();
    else {
      f.get(COLUMNS).i32(before).op('i32.gt_s');
      f.if(store);
    }
  }
}
