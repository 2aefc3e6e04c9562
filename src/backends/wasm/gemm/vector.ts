/**
 * Vector times matrix, the product that reads each element of the matrix once: nothing is packed.
 *
 * The sums run in the order k = 0, 1, 2, ... of the micro-kernels, so a row of C has the same bits whether it is
 * computed alone or with others. Where the lines of the matrix lie along k that costs shuffles, which dot products in
 * another order would save; but then results would depend on how the rows of C are split among threads.
 */
import type { FunctionBuilder, ModuleBuilder, ValueType } from '../encoder.ts';
import { splitDepth } from './blocks.ts';
import {
  address,
  advance,
  constant,
  forBlocks,
  locals,
  push,
  repeat,
  vectors,
  whileAtLeast,
} from './emit.ts';
import { lineAddresses, loadLanes, loadLines, transpose } from './lines.ts';
import { type Precision, pushNonzero } from './precision.ts';

/** Vectors of y in the widest loop; a power of two. */
const WIDEST = 4;

/** Parameters of all functions here, but for {@link buildStoreLanes}; steps are in bytes. */
const PARAMETERS = [...Array(11).keys()];
const [COLUMNS, DEPTH, X, X_STEP, W, W_DEPTH, W_COLUMN, Y, Y_STEP, ALPHA, BETA] = PARAMETERS;

const parameterTypes = (p: Precision): ValueType[] => [...Array(9).fill('i32'), p.name, p.name];

/**
 * `y = alpha x W + beta y` with depth >= 1.
 *
 * Parameters: columns, depth, x, its step, W, steps from k to k and from column to column in W, y, its step, alpha, beta.
 */
export function buildVectorMatrix(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const block = buildBlock(module, p);
  const f = module.func(`vector_${p.name}`, parameterTypes(p));
  const [pc, k, depth, x, w] = locals(f, 5);
  const old = f.local(p.name);
  splitDepth(f, p.name, DEPTH, depth);
  forBlocks(f, pc, DEPTH, depth, k, () => {
    address(f, X, [pc, X_STEP]).set(x);
    address(f, W, [pc, W_DEPTH]).set(w);
    f[p.name](1).get(BETA).get(pc).op('select').set(old);
    push(f, COLUMNS, k, x, X_STEP, w, W_DEPTH, W_COLUMN, Y, Y_STEP, ALPHA, old).call(block);
  });
  return f;
}

/** The same over one block of k: takes as many columns at a time as the layout of W allows. */
function buildBlock(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const storeLanes = buildStoreLanes(module, p);
  const wide: { many: number; group: FunctionBuilder }[] = [];
  for (let width = WIDEST; width >= 1; width /= 2) {
    wide.push({ many: width * p.lanes, group: buildWide(module, p, width, storeLanes) });
  }
  const turned = buildTurned(module, p, storeLanes);
  const any = buildAny(module, p, storeLanes);

  const f = module.func(`vector_block_${p.name}`, parameterTypes(p));
  const takeColumns = (many: number, group: FunctionBuilder) => {
    whileAtLeast(f, COLUMNS, many, () => {
      push(f, ...PARAMETERS).call(group);
      advance(f, W, W_COLUMN, many);
      advance(f, Y, Y_STEP, many);
    });
  };
  f.get(W_COLUMN).i32(p.bytes).op('i32.eq');
  f.if(
    () =>
      wide.forEach(({ many, group }) => {
        takeColumns(many, group);
      }),
    () => {
      f.get(W_DEPTH).i32(p.bytes).op('i32.eq');
      f.if(() => takeColumns(2 * p.lanes, turned));
    },
  );
  takeColumns(p.lanes, any);
  f.get(COLUMNS);
  f.if(() => push(f, ...PARAMETERS).call(any));
  return f;
}

/** `width` vectors of columns that lie side by side. */
function buildWide(
  module: ModuleBuilder,
  p: Precision,
  width: number,
  storeLanes: FunctionBuilder,
): FunctionBuilder {
  const f = module.func(`wide_${p.name}_${width}`, parameterTypes(p));
  const sums = vectors(f, width);
  const [element, row] = vectors(f, 2);
  f.get(DEPTH);
  repeat(f, DEPTH, () => {
    f.get(X).memory(p.splat).set(element);
    sums.forEach((sum, j) => {
      f.get(W)
        .memory('v128.load', 16 * j)
        .set(row);
      p.multiplyAdd(f, sum, element, row);
    });
    advance(f, X, X_STEP);
    advance(f, W, W_DEPTH);
  });
  storeVectors(f, p, sums, storeLanes);
  return f;
}

/** Two vectors of columns, each of which lies in one run along k: turns square blocks of W in registers. */
function buildTurned(module: ModuleBuilder, p: Precision, storeLanes: FunctionBuilder): FunctionBuilder {
  const f = module.func(`turned_${p.name}`, parameterTypes(p));
  const lines = locals(f, 2 * p.lanes);
  const [count] = locals(f, 1);
  const rows = vectors(f, 2 * p.lanes);
  const sums = vectors(f, 2);
  const [element] = vectors(f, 1);
  const halves = [0, p.lanes].map((first) => ({
    lines: lines.slice(first, first + p.lanes),
    rows: rows.slice(first, first + p.lanes),
  }));
  const step = (row: readonly number[]) => {
    f.get(X).memory(p.splat).set(element);
    sums.forEach((sum, j) => {
      p.multiplyAdd(f, sum, element, row[j]);
    });
    advance(f, X, X_STEP);
  };
  lineAddresses(f, W, W_COLUMN, COLUMNS, lines);
  f.get(DEPTH).i32(p.lanes).op('i32.div_u');
  repeat(f, count, () => {
    for (const half of halves) loadLines(f, half.lines, half.rows);
    const [low, high] = halves.map((half) => transpose(f, half.rows));
    for (let k = 0; k < p.lanes; k++) step([low[k], high[k]]);
  });
  f.get(DEPTH).i32(p.lanes).op('i32.rem_u');
  repeat(f, count, () => {
    for (const half of halves) loadLanes(f, p, half.lines, half.rows[0]);
    step([rows[0], rows[p.lanes]]);
    for (const line of lines) advance(f, line, W_DEPTH);
  });
  storeVectors(f, p, sums, storeLanes);
  return f;
}

/** One vector of columns, or fewer, at any strides. */
function buildAny(module: ModuleBuilder, p: Precision, storeLanes: FunctionBuilder): FunctionBuilder {
  const f = module.func(`columns_${p.name}`, parameterTypes(p));
  const lines = locals(f, p.lanes);
  const [sum, row, element] = vectors(f, 3);
  lineAddresses(f, W, W_COLUMN, COLUMNS, lines);
  f.get(DEPTH);
  repeat(f, DEPTH, () => {
    f.get(X).memory(p.splat).set(element);
    loadLanes(f, p, lines, row);
    p.multiplyAdd(f, sum, element, row);
    advance(f, X, X_STEP);
    for (const line of lines) advance(f, line, W_DEPTH);
  });
  push(f, Y, Y_STEP, COLUMNS, ALPHA, BETA, sum).call(storeLanes);
  return f;
}

/** Stores `alpha` times whole vectors of sums in y, after adding `beta` times what is there, unless that is 0. */
function storeVectors(
  f: FunctionBuilder,
  p: Precision,
  sums: readonly number[],
  storeLanes: FunctionBuilder,
): void {
  const all = constant(f, p.lanes);
  const [factor] = vectors(f, 1);
  f.get(Y_STEP).i32(p.bytes).op('i32.eq');
  f.if(
    () => {
      f.get(ALPHA).op(p.spread).set(factor);
      for (const sum of sums) push(f, sum, factor).op(p.mul).set(sum);
      pushNonzero(f, p, BETA);
      f.if(() => {
        f.get(BETA).op(p.spread).set(factor);
        sums.forEach((sum, j) => {
          f.get(Y)
            .memory('v128.load', 16 * j)
            .get(factor)
            .op(p.mul)
            .get(sum)
            .op(p.add)
            .set(sum);
        });
      });
      sums.forEach((sum, j) => {
        f.get(Y)
          .get(sum)
          .memory('v128.store', 16 * j);
      });
    },
    () => {
      for (const sum of sums) {
        push(f, Y, Y_STEP, all, ALPHA, BETA, sum).call(storeLanes);
        advance(f, Y, Y_STEP, p.lanes);
      }
    },
  );
}

/** The same for the first lanes of a vector. Parameters: y, its step, count of elements, alpha, beta, the vector. */
function buildStoreLanes(module: ModuleBuilder, p: Precision): FunctionBuilder {
  const f = module.func(`store_lanes_${p.name}`, ['i32', 'i32', 'i32', p.name, p.name, 'v128']);
  const [y, step, count, alpha, beta, value] = Array(6).keys();
  const [sum] = vectors(f, 1);
  f.get(value).get(alpha).op(p.spread, p.mul).set(value);
  for (let lane = 0; lane < p.lanes; lane++) {
    f.get(count).i32(lane).op('i32.gt_s');
    f.if(() => {
      f.get(value).set(sum);
      pushNonzero(f, p, beta);
      f.if(() => {
        push(f, y, value).memory(p.loadLane, 0, lane).get(beta).op(p.spread, p.mul);
        f.get(value).op(p.add).set(sum);
      });
      f.get(y).get(sum).memory(p.storeLane, 0, lane);
      advance(f, y, step);
    });
  }
  return f;
}
