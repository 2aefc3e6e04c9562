/** The memory plan: buffers whose lifetimes do not meet share addresses; a map may write over what it reads last. */
import { liveRanges } from './lifetimes.ts';
import { placeRanges } from './placement.ts';
import type { Buffer, Kernel } from './program.ts';

/**
 * Places every buffer that has no place yet into the arena.
 * @param inputs buffers that are filled before the first kernel
 * @param results buffers that must survive the last one
 * @returns the arena's size in bytes
 */
export function planMemory(
  buffers: readonly Buffer[],
  kernels: readonly Kernel[],
  inputs: readonly number[],
  results: ReadonlySet<number>,
): number {
  const ranges = liveRanges(buffers, kernels, inputs, results);
  const { offsets, bytes } = placeRanges(ranges);
  ranges.forEach((range, i) => {
    for (const buffer of range.buffers) buffers[buffer].place = { kind: 'arena', offset: offsets[i] };
  });
  return bytes;
}
