import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LiveRange, mostAlive } from '../../src/compile/lifetimes.ts';
import { placeRanges } from '../../src/compile/placement.ts';
import { AddressSet } from '../../src/compile/takenAddresses.ts';
import { uniform } from '../support/random.ts';

const range = (first: number, last: number, bytes: number): LiveRange => ({
  buffers: [],
  first,
  last,
  bytes,
});

/** The first two ranges that lie on common addresses at a common time, or the one beyond the end. */
function clash(ranges: readonly LiveRange[]): string | undefined {
  const { offsets, bytes } = placeRanges(ranges);
  for (const [i, a] of ranges.entries()) {
    if (offsets[i] < 0 || offsets[i] + a.bytes > bytes) return `${i} lies outside`;
    for (const [k, b] of ranges.slice(0, i).entries()) {
      const together = a.first <= b.last && b.first <= a.last;
      if (together && offsets[i] < offsets[k] + b.bytes && offsets[k] < offsets[i] + a.bytes)
        return `${k} and ${i} overlap`;
    }
  }
  return undefined;
}

/** The most bytes that are alive in one step, step by step. */
function mostByTheBook(ranges: readonly LiveRange[]): number {
  const steps = Math.max(0, ...ranges.map(({ last }) => last + 1));
  const alive = Array.from({ length: steps }, (_, step) =>
    ranges.reduce((sum, { first, last, bytes }) => sum + (first <= step && step <= last ? bytes : 0), 0),
  );
  return Math.max(0, ...alive);
}

/** Ranges that start anywhere and last for short and long times alike. */
const anyRanges = (sizes: fc.Arbitrary<number>): fc.Arbitrary<LiveRange[]> =>
  fc.array(
    fc
      .tuple(fc.nat(60), fc.oneof(fc.nat(4), fc.nat(60)), sizes)
      .map(([first, time, bytes]) => range(first, first + time, bytes)),
    { maxLength: 60 },
  );

describe('ranges', () => {
  test('that are alive together never overlap, and take at least the bound', () => {
    fc.assert(
      fc.property(anyRanges(fc.integer({ min: 1, max: 50 })), (ranges) => {
        expect(clash(ranges)).toBeUndefined();
        expect(mostAlive(ranges)).toBe(mostByTheBook(ranges));
        expect(placeRanges(ranges).bytes).toBeGreaterThanOrEqual(mostAlive(ranges));
        expect(placeRanges(ranges)).toEqual(placeRanges(ranges));
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test('of one size take the bound', () => {
    fc.assert(
      fc.property(anyRanges(fc.constant(64)), (ranges) => {
        expect(placeRanges(ranges).bytes).toBe(mostAlive(ranges));
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test('of many sizes hardly take more', () => {
    const random = uniform(3);
    for (let program = 0; program < 20; program++) {
      const ranges = Array.from({ length: 100 }, () => {
        const first = Math.floor(100 * random());
        const time = Math.floor(Math.exp(Math.log(50) * random()));
        return range(first, first + time, 64 * Math.ceil(Math.exp(6 * random())));
      });
      expect(placeRanges(ranges).bytes).toBeLessThanOrEqual(1.1 * mostAlive(ranges));
    }
  });

  test('that come and go like values of a deep network take the bound, 20,000 of them', () => {
    // Layer i is alive from step i until it is differentiated, with some work of its own in either step.
    const depth = 10_000;
    const ranges = Array.from({ length: depth }, (_, i) => [
      range(i, 2 * depth - i, 64 * (1 + ((7 * i) % 5))),
      range(i, i, 640),
      range(2 * depth - i, 2 * depth - i, 640),
    ]).flat();
    expect(placeRanges(ranges).bytes).toBeLessThanOrEqual(1.001 * mostAlive(ranges));
  });

  test('make room for later ones, which first come, first served does not', () => {
    // The second must not lie right above the first: it would be in the way of the third.
    const ranges = [range(0, 1, 1), range(1, 3, 1), range(2, 3, 2)];
    expect(placeRanges(ranges).bytes).toBe(3);
    const late = [range(0, 2, 2), range(1, 5, 1), range(3, 5, 3), range(0, 0, 2)];
    expect(placeRanges(late).bytes).toBe(4);
  });

  test('there may be none of', () => {
    expect(placeRanges([])).toEqual({ offsets: [], bytes: 0 });
    expect(mostAlive([])).toBe(0);
  });
});

test('a set of addresses is what was added and not removed', () => {
  const step = fc.record({ from: fc.nat(30), size: fc.integer({ min: 1, max: 8 }), adds: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 8 }), (steps, bytes) => {
      const set = new AddressSet();
      const members = new Array<boolean>(60).fill(false);
      for (const { from, size, adds } of steps) {
        const all = members.slice(from, from + size).every((each) => each);
        if (!adds && !all) continue;
        if (adds) set.add(from, from + size);
        else set.remove(from, from + size);
        members.fill(adds, from, from + size);
      }
      const expected = members.map((_, i) => set.starts.some((start, k) => start <= i && i < set.ends[k]));
      expect(expected).toEqual(members);
      set.starts.slice(1).forEach((start, k) => {
        expect(start).toBeGreaterThan(set.ends[k]);
      });
      const free = members.findIndex((_, i) => !members.slice(i, i + bytes).includes(true));
      expect(set.firstFree(bytes)).toBe(free);
    }),
    { numRuns: 300, seed: 1 },
  );
});
