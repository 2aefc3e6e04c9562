/**
 * The micro-kernels: the only place where numbers are multiplied in bulk.
 *
 * A tile of C, four rows by two vectors (4 x 8 in float32, 4 x 4 in float64), stays in eight vector registers while
 * k runs: eight accumulators, two vectors of B and one element of A spread over all lanes fit the sixteen registers
 * of x86-64; a larger tile spills. A *strip* is a column of tiles: it keeps one panel of B in the first-level cache
 * and passes all rows of a block of A over it.
 *
 * Each element is summed in the order k = 0, 1, 2, ... in every kernel, so it has the same bits in every one.
 *
 * Source: K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34 (2008);
 * F. Van Zee and R. van de Geijn, "BLIS", ACM TOMS 41 (2015).
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import type { Precision } from './precision.ts';

/** Rows of a tile. */
export const TILE_ROWS = 4;

/** Columns of a tile. */
export const tileColumns = (p: Precision): number => 2 * p.lanes;

/**
 * How a strip reads A.
 * - `rows`: element (i, k) is at `i * aStep + k` elements: A lies row by row and needs no packing.
 * - `panel`: the four rows of a tile lie side by side and `aStep` leads to the next k: a packed panel (`aStep` is four
 *   elements) or a transposed A as it is.
 */
export type ReadA = 'rows' | 'panel';

const UNROLL = 4;

/** Locals of a strip; addresses and steps are in bytes. */
interface Strip {
  readonly rows: number;
  readonly depth: number;
  readonly a: number;
  readonly aTile: number;
  readonly aStep: number;
  readonly b: number;
  readonly bStep: number;
  readonly c: number;
  readonly cStep: number;
  readonly columns: number;
  readonly accumulate: number;
  /** Running pointers, one for each row in `rows` mode. */
  readonly aAt: readonly number[];
  readonly bAt: number;
  readonly cAt: number;
  readonly count: number;
  readonly accumulators: readonly (readonly number[])[];
  readonly vectorsB: readonly number[];
  readonly element: number;
}

/**
 * A strip of C, `rows` x `columns`: `C = A B`, or `C += A B` if `accumulate`, over `depth` steps of k.
 *
 * Parameters (i32): rows, depth, A, bytes from one tile of A to the next, aStep (see {@link ReadA}), B, bytes from one
 * k to the next in B, C, bytes from one row of C to the next, columns, accumulate. All `vectors` vectors of B are
 * read, whatever `columns` is; only `columns` elements of a row of C are touched, and
 * `(vectors - 1) * lanes < columns <= vectors * lanes`.
 */
export function buildStrip(
  module: ModuleBuilder,
  p: Precision,
  readA: ReadA,
  vectors: 1 | 2,
): FunctionBuilder {
  const f = module.func(`strip_${p.name}_${readA}_${vectors}`, Array(11).fill('i32'));
  const locals = (count: number, type: 'i32' | 'v128') => Array.from({ length: count }, () => f.local(type));
  const strip: Strip = {
    rows: 0,
    depth: 1,
    a: 2,
    aTile: 3,
    aStep: 4,
    b: 5,
    bStep: 6,
    c: 7,
    cStep: 8,
    columns: 9,
    accumulate: 10,
    aAt: locals(readA === 'rows' ? TILE_ROWS : 1, 'i32'),
    bAt: f.local('i32'),
    cAt: f.local('i32'),
    count: f.local('i32'),
    accumulators: Array.from({ length: TILE_ROWS }, () => locals(vectors, 'v128')),
    vectorsB: locals(vectors, 'v128'),
    element: f.local('v128'),
  };

  f.block((done) => {
    f.loop((nextTile) => {
      f.get(strip.rows).i32(TILE_ROWS).op('i32.lt_s').brIf(done);
      tile(f, p, readA, strip, TILE_ROWS);
      f.get(strip.a).get(strip.aTile).op('i32.add').set(strip.a);
      f.get(strip.c).get(strip.cStep).i32(2).op('i32.shl', 'i32.add').set(strip.c);
      f.get(strip.rows).i32(TILE_ROWS).op('i32.sub').set(strip.rows).br(nextTile);
    });
  });
  for (const rows of [3, 2, 1]) {
    f.get(strip.rows)
      .i32(rows)
      .op('i32.eq')
      .if(() => tile(f, p, readA, strip, rows));
  }
  return f;
}

/** One tile of `rows` x `vectors` at the strip's current a and c. */
function tile(f: FunctionBuilder, p: Precision, readA: ReadA, strip: Strip, rows: number): void {
  const { aAt, bAt, count, accumulators } = strip;
  f.get(strip.a).set(aAt[0]);
  for (let i = 1; i < rows && readA === 'rows'; i++)
    f.get(aAt[i - 1])
      .get(strip.aStep)
      .op('i32.add')
      .set(aAt[i]);
  f.get(strip.b).set(bAt);
  for (let i = 0; i < rows; i++) for (const acc of accumulators[i]) f.i32x4(0).set(acc);

  f.get(strip.depth).set(count);
  f.block((done) => {
    f.loop((again) => {
      for (let u = 0; u < UNROLL; u++) {
        if (u > 0) f.get(count).i32(u).op('i32.eq').brIf(done);
        step(f, p, readA, strip, rows, u);
      }
      if (readA === 'rows') {
        for (let i = 0; i < rows; i++)
          f.get(aAt[i])
            .i32(UNROLL * p.bytes)
            .op('i32.add')
            .set(aAt[i]);
      }
      f.get(count).i32(UNROLL).op('i32.sub').tee(count).brIf(again);
    });
  });
  storeTile(f, p, strip, rows);
}

/** One k: an outer product of `rows` elements of A with the vectors of B. `u` counts within the unrolled loop. */
function step(f: FunctionBuilder, p: Precision, readA: ReadA, strip: Strip, rows: number, u: number): void {
  const { aAt, bAt, accumulators, vectorsB, element } = strip;
  vectorsB.forEach((vector, j) => {
    f.get(bAt)
      .memory('v128.load', 16 * j)
      .set(vector);
  });
  f.get(bAt).get(strip.bStep).op('i32.add').set(bAt);
  for (let i = 0; i < rows; i++) {
    if (readA === 'rows')
      f.get(aAt[i])
        .memory(p.splat, u * p.bytes)
        .set(element);
    else
      f.get(aAt[0])
        .memory(p.splat, i * p.bytes)
        .set(element);
    vectorsB.forEach((vector, j) => {
      p.multiplyAdd(
        f,
        accumulators[i][j],
        () => f.get(element),
        () => f.get(vector),
      );
    });
  }
  if (readA === 'panel') f.get(aAt[0]).get(strip.aStep).op('i32.add').set(aAt[0]);
}

/** Writes the accumulators to C, after adding what is there if `accumulate`. */
function storeTile(f: FunctionBuilder, p: Precision, strip: Strip, rows: number): void {
  const { cAt, accumulators } = strip;
  const vectors = strip.vectorsB.length;
  const eachRow = (body: (row: readonly number[]) => void) => {
    f.get(strip.c).set(cAt);
    for (let i = 0; i < rows; i++) {
      body(accumulators[i]);
      if (i + 1 < rows) f.get(cAt).get(strip.cStep).op('i32.add').set(cAt);
    }
  };
  const whole = (row: readonly number[], many: number, add: boolean) => {
    row.slice(0, many).forEach((acc, j) => {
      f.get(cAt);
      if (add)
        f.get(cAt)
          .memory('v128.load', 16 * j)
          .get(acc)
          .op(p.add);
      else f.get(acc);
      f.memory('v128.store', 16 * j);
    });
  };
  const rest = (row: readonly number[], add: boolean) => {
    whole(row, vectors - 1, add);
    storeFirst(f, p, cAt, 16 * (vectors - 1), row[vectors - 1], strip.columns, vectors, add, strip.element);
  };

  f.get(strip.columns)
    .i32(vectors * p.lanes)
    .op('i32.eq')
    .if(
      () => {
        f.get(strip.accumulate).if(
          () => eachRow((row) => whole(row, vectors, true)),
          () => eachRow((row) => whole(row, vectors, false)),
        );
      },
      () => {
        f.get(strip.accumulate).if(
          () => eachRow((row) => rest(row, true)),
          () => eachRow((row) => rest(row, false)),
        );
      },
    );
}

/** Writes the first lanes of `value`, fewer than all: as many as `columns` exceeds the vectors before this one. */
function storeFirst(
  f: FunctionBuilder,
  p: Precision,
  at: number,
  offset: number,
  value: number,
  columns: number,
  vectors: number,
  add: boolean,
  sum: number,
): void {
  for (let lane = 0; lane < p.lanes - 1; lane++) {
    const store = () => {
      if (add)
        f.get(value)
          .get(at)
          .get(value)
          .memory(p.loadLane, offset + lane * p.bytes, lane)
          .op(p.add)
          .set(sum);
      f.get(at)
        .get(add ? sum : value)
        .memory(p.storeLane, offset + lane * p.bytes, lane);
    };
    if (lane === 0) store();
    else
      f.get(columns)
        .i32((vectors - 1) * p.lanes + lane)
        .op('i32.gt_s')
        .if(store);
  }
}
