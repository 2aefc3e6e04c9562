/**
 * Reading several lines (rows or columns of a matrix) side by side: one line in each lane.
 */
import type { FunctionBuilder } from '../encoder.ts';
import { skip } from './emit.ts';
import type { Precision } from './precision.ts';

/** Sets locals to the addresses of lines `step` apart; from number `count` (a local) on, the last line is repeated. */
export function lineAddresses(
  f: FunctionBuilder,
  first: number,
  step: number,
  count: number,
  lines: readonly number[],
): void {
  f.get(first).set(lines[0]);
  for (let l = 1; l < lines.length; l++) {
    f.get(lines[l - 1]);
    f.get(step).i32(0).get(count).i32(l).op('i32.gt_s', 'select', 'i32.add').set(lines[l]);
  }
}

/** Loads the next vector of each line, and goes on. */
export function loadLines(f: FunctionBuilder, lines: readonly number[], rows: readonly number[]): void {
  lines.forEach((line, l) => {
    f.get(line).memory('v128.load').set(rows[l]);
    skip(f, line, 16);
  });
}

/** Loads one element of each line into its lane. */
export function loadLanes(f: FunctionBuilder, p: Precision, lines: readonly number[], vector: number): void {
  f.get(lines[0]).memory(p.loadFirst).set(vector);
  for (let l = 1; l < p.lanes; l++) f.get(lines[l]).get(vector).memory(p.loadLane, 0, l).set(vector);
}

/** Bytes of a shuffle that takes `size`-byte units by number: units of the first operand, then of the second. */
const units = (size: number, picks: readonly number[]): number[] =>
  picks.flatMap((unit) => Array.from({ length: size }, (_, byte) => unit * size + byte));

/** Turns a square block: as many vectors as they have lanes (4 or 2). Returns locals with the columns. */
export function transpose(f: FunctionBuilder, rows: readonly number[]): number[] {
  const shuffle = (x: number, y: number, size: number, picks: readonly number[]): number => {
    const result = f.local('v128');
    f.get(x).get(y).shuffle(units(size, picks)).set(result);
    return result;
  };
  const pairs = (x: number, y: number) => [shuffle(x, y, 8, [0, 2]), shuffle(x, y, 8, [1, 3])];
  if (rows.length === 2) return pairs(rows[0], rows[1]);
  const [x, y, z, w] = rows;
  const low = [0, 4, 1, 5];
  const high = [2, 6, 3, 7];
  return [
    ...pairs(shuffle(x, y, 4, low), shuffle(z, w, 4, low)),
    ...pairs(shuffle(x, y, 4, high), shuffle(z, w, 4, high)),
  ];
}
