/**
 * Vector times matrix, the product that reads each element of the matrix once: nothing is packed.
 *
 * The sums run in the order k = 0, 1, 2, ... of the micro-kernels, so a row of C has the same bits whether it is
 * computed alone or with others. Where the matrix lies along k, that costs shuffles which plain dot products would
 * save; it keeps results independent of how the rows of C are split among threads.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { forBlocks, locals, push, repeat, splitDepth } from './blocks.ts';
import type { Precision } from './precision.ts';
import { transpose } from './transpose.ts';

/** Accumulators of the widest loop, 2^n vectors of y. */
const WIDE: number = Number(process.env.WIDE ?? 8);

/** Locals; addresses and steps are in bytes. */
const [COLUMNS, DEPTH, X, X_STEP, W, W_DEPTH, W_COLUMN, Y, Y_STEP, ACCUMULATE] = Array.from(Array(10).keys());

/**
 * `y = x W`, or `y += x W` if `accumulate`.
 *
 * Parameters (i32): columns, depth, x, bytes from element to element of x, W, bytes from k to k, bytes from column to
 * column, y, bytes from element to element of y, accumulate.
 */
export function buildVectorMatrix(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const block = buildVectorBlock(module, p);
  const f = module.func(`vector_${p.name}`, Array(10).fill('i32'));
  const [pc, k, depth, add] = locals(f, 4);
  splitDepth(f, p.name, DEPTH, depth);
  forBlocks(
    f,
    pc,
    DEPTH,
    () => f.get(depth),
    k,
    () => {
      f.get(ACCUMULATE).get(pc).op('i32.or').set(add);
      push(f, COLUMNS, k, X, X_STEP, W, W_DEPTH, W_COLUMN, Y, Y_STEP, add).call(block);
      f.get(X).get(X_STEP).get(k).op('i32.mul', 'i32.add').set(X);
      f.get(W).get(W_DEPTH).get(k).op('i32.mul', 'i32.add').set(W);
    },
  );
  return f;
}

/** The same over one block of k. */
function buildVectorBlock(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const store = buildStoreLanes(module, p);
  const group = buildGroup(module, p, store);
  const f = module.func(`vector_block_${p.name}`, Array(10).fill('i32'));
  const xAt = f.local('i32');
  const wAt = f.local('i32');
  const count = f.local('i32');
  const element = f.local('v128');
  const accumulators = Array.from({ length: WIDE }, () => f.local('v128'));

  const advance = (columns: number) => {
    f.get(COLUMNS).i32(columns).op('i32.sub').set(COLUMNS);
    f.get(W).get(W_COLUMN).i32(columns).op('i32.mul', 'i32.add').set(W);
    f.get(Y).get(Y_STEP).i32(columns).op('i32.mul', 'i32.add').set(Y);
  };
  /** As long as columns are enough: `vectors` vectors at a time. */
  const sweep = (vectors: number) => {
    const sums = accumulators.slice(0, vectors);
    const again = (body: () => void) =>
      f.block((done) => {
        f.loop((next) => {
          f.get(COLUMNS)
            .i32(vectors * p.lanes)
            .op('i32.lt_s')
            .brIf(done);
          body();
          f.br(next);
        });
      });
    again(() => {
      for (const sum of sums) f.f32x4(0).set(sum);
      f.get(X).set(xAt).get(W).set(wAt);
      repeat(
        f,
        count,
        () => f.get(DEPTH),
        () => {
          f.get(xAt).memory(p.splat).set(element);
          sums.forEach((sum, j) => {
            p.multiplyAdd(
              f,
              sum,
              () => f.get(element),
              () => f.get(wAt).memory('v128.load', 16 * j),
            );
          });
          f.get(xAt).get(X_STEP).op('i32.add').set(xAt).get(wAt).get(W_DEPTH).op('i32.add').set(wAt);
        },
      );
      f.get(Y_STEP)
        .i32(p.bytes)
        .op('i32.eq')
        .if(
          () => {
            f.get(ACCUMULATE).if(() => {
              sums.forEach((sum, j) =>
                f
                  .get(Y)
                  .memory('v128.load', 16 * j)
                  .get(sum)
                  .op(p.add)
                  .set(sum),
              );
            });
            sums.forEach((sum, j) =>
              f
                .get(Y)
                .get(sum)
                .memory('v128.store', 16 * j),
            );
          },
          () => {
            sums.forEach((sum, j) => {
              f.get(Y)
                .get(Y_STEP)
                .i32(j * p.lanes)
                .op('i32.mul', 'i32.add')
                .get(Y_STEP);
              f.i32(p.lanes).get(ACCUMULATE).get(sum).call(store);
            });
          },
        );
      advance(vectors * p.lanes);
    });
  };

  f.get(W_COLUMN)
    .i32(p.bytes)
    .op('i32.eq')
    .if(() => {
      for (let vectors = WIDE; vectors >= 1; vectors /= 2) sweep(vectors);
    });
  f.block((done) => {
    f.loop((next) => {
      f.get(COLUMNS).i32(0).op('i32.le_s').brIf(done);
      for (const parameter of Array.from(Array(10).keys())) f.get(parameter);
      f.call(group);
      advance(p.lanes);
      f.br(next);
    });
  });
  return f;
}

/**
 * As many columns as a vector has lanes, or fewer, at any strides: parameters as above. Columns beyond the last are read
 * as the last, and not stored.
 */
function buildGroup(module: ModuleBuilder, p: Precision, store: FunctionBuilder): FunctionBuilder {
  const f = module.func(`group_${p.name}`, Array(10).fill('i32'));
  const column = Array.from({ length: p.lanes }, () => f.local('i32'));
  const count = f.local('i32');
  const sum = f.local('v128');
  const value = f.local('v128');
  const multiplyAdd = (factor: number, offset: number) =>
    p.multiplyAdd(
      f,
      sum,
      () => f.get(X).memory(p.splat, offset),
      () => f.get(factor),
    );
  const nextX = () => f.get(X).get(X_STEP).op('i32.add').set(X);

  f.get(W).set(column[0]);
  for (let j = 1; j < p.lanes; j++) {
    f.get(column[j - 1])
      .get(W_COLUMN)
      .i32(0)
      .get(COLUMNS)
      .i32(j)
      .op('i32.gt_s', 'select', 'i32.add')
      .set(column[j]);
  }
  f.get(W_DEPTH)
    .i32(p.bytes)
    .op('i32.eq')
    .if(() => {
      repeat(
        f,
        count,
        () => f.get(DEPTH).i32(Math.log2(p.lanes)).op('i32.shr_u'),
        () => {
          const vectors = column.map((at) => {
            const vector = f.local('v128');
            f.get(at).memory('v128.load').set(vector);
            return vector;
          });
          for (const at of column) f.get(at).i32(16).op('i32.add').set(at);
          for (const vector of transpose(f, vectors)) {
            multiplyAdd(vector, 0);
            nextX();
          }
        },
      );
      f.get(DEPTH)
        .i32(p.lanes - 1)
        .op('i32.and')
        .set(DEPTH);
    });
  repeat(
    f,
    count,
    () => f.get(DEPTH),
    () => {
      f.get(column[0]).memory(p.loadFirst).set(value);
      for (let j = 1; j < p.lanes; j++) f.get(column[j]).get(value).memory(p.loadLane, 0, j).set(value);
      multiplyAdd(value, 0);
      nextX();
      for (const at of column) f.get(at).get(W_DEPTH).op('i32.add').set(at);
    },
  );
  f.get(Y).get(Y_STEP).get(COLUMNS).get(ACCUMULATE).get(sum).call(store);
  return f;
}

/** Stores, or adds, up to `count` lanes. Parameters: y, bytes from element to element, count, accumulate, value. */
function buildStoreLanes(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const f = module.func(`store_${p.name}`, ['i32', 'i32', 'i32', 'i32', 'v128']);
  const [y, step, count, accumulate, value] = [0, 1, 2, 3, 4];
  const sum = f.local('v128');
  for (let lane = 0; lane < p.lanes; lane++) {
    f.get(count)
      .i32(lane)
      .op('i32.le_s')
      .if(() => f.op('return'));
    f.get(value).set(sum);
    f.get(accumulate).if(() => f.get(y).get(value).memory(p.loadLane, 0, lane).get(value).op(p.add).set(sum));
    f.get(y).get(sum).memory(p.storeLane, 0, lane).get(y).get(step).op('i32.add').set(y);
  }
  return f;
}
