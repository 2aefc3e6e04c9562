/**
 * Packing: copies a block of A or B into panels, so that a strip reads it in order, whatever its strides.
 *
 * A panel has room for `width` lines (rows of A or columns of B) side by side, k after k: element k of line l of panel q
 * is at `(q * depth + k) * width + l` in the workspace. Where a panel holds fewer lines, there is anything in their place:
 * whatever is computed from them is not stored.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { advance, locals, push, repeat, skip, vectors, whileAtLeast } from './emit.ts';
import { lineAddresses, loadLanes, loadLines, transpose } from './lines.ts';
import type { Precision } from './precision.ts';

/** Parameters of packing (i32; steps in bytes): lines, depth, source, steps from line to line and k to k, target. */
const [LINES, DEPTH, SOURCE, LINE_STEP, DEPTH_STEP, TARGET] = Array(6).keys();

/**
 * Packs all lines; see above for the layout and the parameters.
 *
 * @param held lines in a panel: as many as it is wide, or fewer
 */
export function buildPack(module: ModuleBuilder, p: Precision, held: number, width: number): FunctionBuilder {
  const copy = buildCopy(module, p, width);
  const gather = buildGather(module, p, width);
  const f = module.func(`pack_${p.name}_${held}_${width}`, Array(6).fill('i32'));
  const [panelBytes, lines, source, target] = locals(f, 4);
  f.get(DEPTH)
    .i32(width * p.bytes)
    .op('i32.mul')
    .set(panelBytes);

  const copyPanel = () => push(f, DEPTH, SOURCE, DEPTH_STEP, TARGET).call(copy);
  const gatherPanel = () => {
    f.get(LINES).set(lines).get(SOURCE).set(source).get(TARGET).set(target);
    for (let first = 0; first < held; first += p.lanes) {
      f.get(lines).i32(0).op('i32.gt_s');
      f.if(() => push(f, lines, DEPTH, source, LINE_STEP, DEPTH_STEP, target).call(gather));
      skip(f, lines, -p.lanes);
      advance(f, source, LINE_STEP, p.lanes);
      skip(f, target, 16);
    }
  };
  const panels = (panel: () => void, least: number) => {
    whileAtLeast(
      f,
      LINES,
      least,
      () => {
        panel();
        advance(f, SOURCE, LINE_STEP, held);
        advance(f, TARGET, panelBytes);
      },
      held,
    );
  };
  f.get(LINE_STEP).i32(p.bytes).op('i32.eq');
  // A copy reads the whole width, so there must be as many lines.
  f.if(() => panels(copyPanel, width));
  panels(gatherPanel, 1);
  return f;
}

/** One panel of lines that lie side by side. Parameters: depth, source, step from k to k, target. */
function buildCopy(module: ModuleBuilder, p: Precision, width: number): FunctionBuilder {
  const f = module.func(`copy_${p.name}_${width}`, Array(4).fill('i32'));
  const [depth, source, depthStep, target] = Array(4).keys();
  f.get(depth);
  repeat(f, depth, () => {
    for (let offset = 0; offset < width * p.bytes; offset += 16) {
      f.get(target).get(source).memory('v128.load', offset).memory('v128.store', offset);
    }
    advance(f, source, depthStep);
    skip(f, target, width * p.bytes);
  });
  return f;
}

/**
 * One vector's width of a panel, from as many lines, or fewer. Parameters: those of packing, where lines may be any
 * positive number.
 */
function buildGather(module: ModuleBuilder, p: Precision, width: number): FunctionBuilder {
  const f = module.func(`gather_${p.name}_${width}`, Array(6).fill('i32'));
  const lines = locals(f, p.lanes);
  const rows = vectors(f, p.lanes);
  const [count] = locals(f, 1);
  const bytes = width * p.bytes;
  lineAddresses(f, SOURCE, LINE_STEP, LINES, lines);

  // Lines in one run along k: turn square blocks.
  f.get(DEPTH_STEP).i32(p.bytes).op('i32.eq');
  f.if(() => {
    f.get(DEPTH).i32(p.lanes).op('i32.div_u');
    repeat(f, count, () => {
      loadLines(f, lines, rows);
      transpose(f, rows).forEach((vector, k) => {
        f.get(TARGET)
          .get(vector)
          .memory('v128.store', k * bytes);
      });
      skip(f, TARGET, p.lanes * bytes);
    });
    f.get(DEPTH).i32(p.lanes).op('i32.rem_u').set(DEPTH);
  });
  f.get(DEPTH);
  repeat(f, count, () => {
    loadLanes(f, p, lines, rows[0]);
    f.get(TARGET).get(rows[0]).memory('v128.store');
    for (const line of lines) advance(f, line, DEPTH_STEP);
    skip(f, TARGET, bytes);
  });
  return f;
}
