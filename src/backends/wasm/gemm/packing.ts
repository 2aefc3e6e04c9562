/**
 * Packing: copies a block of A or B into panels, so that a micro-kernel reads it in order, whatever its strides.
 *
 * A panel holds `width` lines (rows of A or columns of B) side by side, k after k: element (line l, k) of panel q is
 * element `(q * depth + k) * width + l` of the workspace. The last panel is filled up with copies of its last line;
 * nobody uses what is computed from them.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { repeat } from './blocks.ts';
import type { Precision } from './precision.ts';
import { transpose } from './transpose.ts';

/**
 * Parameters (i32): count of lines, depth, source, bytes from line to line, bytes from k to k, destination.
 */
export function buildPack(module: ModuleBuilder, p: Precision, width: number): FunctionBuilder {
  const copy = buildCopy(module, p, width);
  const gather = buildGather(module, p, width);
  const f = module.func(`pack_${p.name}_${width}`, Array(6).fill('i32'));
  const [lines, depth, source, lineStep, depthStep, target] = [0, 1, 2, 3, 4, 5];
  const left = f.local('i32');

  // Lines side by side: copy whole panels, and leave a narrower last one to the code below.
  f.get(lineStep)
    .i32(p.bytes)
    .op('i32.eq')
    .if(() => {
      const panels = f.local('i32');
      f.get(lines).i32(Math.log2(width)).op('i32.shr_u').set(panels);
      f.get(panels).get(depth).get(source).get(depthStep).get(target).call(copy);
      f.get(source)
        .get(panels)
        .i32(Math.log2(width) + p.shift)
        .op('i32.shl', 'i32.add')
        .set(source);
      f.get(target)
        .get(panels)
        .get(depth)
        .op('i32.mul')
        .i32(Math.log2(width) + p.shift)
        .op('i32.shl', 'i32.add');
      f.set(target);
      f.get(lines)
        .i32(width - 1)
        .op('i32.and')
        .set(lines);
    });
  f.block((done) => {
    f.loop((again) => {
      f.get(lines).i32(0).op('i32.le_s').brIf(done);
      for (let first = 0; first < width; first += p.lanes) {
        // Lines beyond the last are read as the last.
        f.get(lines).i32(first).op('i32.sub').set(left);
        const group = () => {
          f.get(depth).get(source);
          if (first > 0) f.get(lineStep).i32(first).op('i32.mul', 'i32.add');
          f.get(lineStep)
            .get(depthStep)
            .get(target)
            .i32(first * p.bytes)
            .op('i32.add')
            .get(left)
            .call(gather);
        };
        if (first === 0) group();
        else f.get(left).i32(0).op('i32.gt_s').if(group);
      }
      f.get(source).get(lineStep).i32(Math.log2(width)).op('i32.shl', 'i32.add').set(source);
      f.get(target)
        .get(depth)
        .i32(Math.log2(width) + p.shift)
        .op('i32.shl', 'i32.add')
        .set(target);
      f.get(lines).i32(width).op('i32.sub').set(lines).br(again);
    });
  });
  return f;
}

/** Whole panels of lines that lie side by side. Parameters: panels, depth, source, bytes from k to k, destination. */
function buildCopy(module: ModuleBuilder, p: Precision, width: number): FunctionBuilder {
  const f = module.func(`copy_${p.name}_${width}`, Array(5).fill('i32'));
  const [panels, depth, source, depthStep, target] = [0, 1, 2, 3, 4];
  const at = f.local('i32');
  const count = f.local('i32');
  const bytes = width * p.bytes;
  repeat(
    f,
    panels,
    () => f.get(panels),
    () => {
      f.get(source).set(at);
      repeat(
        f,
        count,
        () => f.get(depth),
        () => {
          for (let offset = 0; offset < bytes; offset += 16) {
            f.get(target).get(at).memory('v128.load', offset).memory('v128.store', offset);
          }
          f.get(at).get(depthStep).op('i32.add').set(at);
          f.get(target).i32(bytes).op('i32.add').set(target);
        },
      );
      f.get(source).i32(bytes).op('i32.add').set(source);
    },
  );
  return f;
}

/**
 * One vector's lanes of a panel from as many lines. Parameters: depth, source, bytes from line to line, bytes from k
 * to k, destination, lines left (lines beyond them are read as the last one).
 */
function buildGather(module: ModuleBuilder, p: Precision, width: number): FunctionBuilder {
  const f = module.func(`gather_${p.name}_${width}`, Array(6).fill('i32'));
  const [depth, source, lineStep, depthStep, target, left] = [0, 1, 2, 3, 4, 5];
  const line = Array.from({ length: p.lanes }, () => f.local('i32'));
  const count = f.local('i32');
  const bytes = width * p.bytes;

  f.get(source).set(line[0]);
  for (let l = 1; l < p.lanes; l++) {
    f.get(line[l - 1])
      .get(lineStep)
      .i32(0)
      .get(left)
      .i32(l)
      .op('i32.gt_s', 'select', 'i32.add')
      .set(line[l]);
  }
  // Each line in one run: turn square blocks, lanes x lanes, with shuffles.
  f.get(depthStep)
    .i32(p.bytes)
    .op('i32.eq')
    .if(() => {
      repeat(
        f,
        count,
        () => f.get(depth).i32(Math.log2(p.lanes)).op('i32.shr_u'),
        () => {
          const vectors = line.map((at) => {
            const vector = f.local('v128');
            f.get(at).memory('v128.load').set(vector);
            return vector;
          });
          for (const at of line) f.get(at).i32(16).op('i32.add').set(at);
          transpose(f, vectors).forEach((vector, k) => {
            f.get(target)
              .get(vector)
              .memory('v128.store', k * bytes);
          });
          f.get(target)
            .i32(p.lanes * bytes)
            .op('i32.add')
            .set(target);
        },
      );
      f.get(depth)
        .i32(p.lanes - 1)
        .op('i32.and')
        .set(depth);
    });
  const value = f.local('v128');
  repeat(
    f,
    count,
    () => f.get(depth),
    () => {
      f.get(line[0]).memory(p.loadFirst).set(value);
      for (let l = 1; l < p.lanes; l++) f.get(line[l]).get(value).memory(p.loadLane, 0, l).set(value);
      f.get(target).get(value).memory('v128.store');
      for (const at of line) f.get(at).get(depthStep).op('i32.add').set(at);
      f.get(target).i32(bytes).op('i32.add').set(target);
    },
  );
  return f;
}
