import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Heap } from '../../../src/backends/wasm/memory.ts';
import { ChainruleError } from '../../../src/graph/index.ts';

const PAGE = 65536;
const sizeOf = (heap: Heap): number => heap.memory.buffer.byteLength;

describe('blocks', () => {
  test('start at multiples of 64, never at 0', () => {
    const heap = new Heap();
    const addresses = [0, 1, 63, 64, 65, 1000].map((bytes) => heap.allocate(bytes));
    for (const address of addresses) {
      expect(address % 64).toBe(0);
      expect(address).toBeGreaterThan(0);
    }
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  test('are used again after their release', () => {
    const heap = new Heap();
    const first = heap.allocate(1000);
    heap.allocate(64);
    heap.release(first);
    expect(heap.allocate(1000)).toBe(first);
  });

  test('that are released twice, or were never handed out, change nothing', () => {
    const heap = new Heap();
    const first = heap.allocate(128);
    heap.release(first);
    heap.release(first);
    heap.release(first + 64);
    expect(heap.bytesInUse).toBe(0);
    expect(heap.allocate(64)).not.toBe(heap.allocate(64));
  });

  test.each([
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ])('released in the order %i, %i, %i melt into one', (...order) => {
    const heap = new Heap();
    const blocks = [heap.allocate(640), heap.allocate(640), heap.allocate(640)];
    heap.allocate(64);
    for (const i of order) heap.release(blocks[i]);
    expect(heap.allocate(3 * 640)).toBe(blocks[0]);
  });

  test('split what they do not fill', () => {
    const heap = new Heap();
    const whole = heap.allocate(256);
    heap.allocate(64);
    heap.release(whole);
    expect(heap.allocate(64)).toBe(whole);
    expect(heap.allocate(192)).toBe(whole + 64);
  });
});

test('bytesInUse counts what is handed out', () => {
  const heap = new Heap();
  expect(heap.bytesInUse).toBe(0);
  const first = heap.allocate(100);
  heap.allocate(1);
  expect(heap.bytesInUse).toBe(128 + 64);
  heap.release(first);
  expect(heap.bytesInUse).toBe(64);
});

describe('growth', () => {
  test('keeps what was written, and leaves room behind the last block for a vector', () => {
    const heap = new Heap();
    const address = heap.allocate(16);
    new Float64Array(heap.memory.buffer, address, 2).set([1.5, -2.5]);
    const large = heap.allocate(5_000_000);
    expect(large + 5_000_000 + 16).toBeLessThanOrEqual(sizeOf(heap));
    expect([...new Float64Array(heap.memory.buffer, address, 2)]).toEqual([1.5, -2.5]);
  });

  test('is by leaps: many small blocks grow the memory a few times', () => {
    const heap = new Heap();
    const sizes = new Set<number>();
    for (let i = 0; i < 20_000; i++) {
      heap.allocate(1024);
      sizes.add(sizeOf(heap));
    }
    expect(sizes.size).toBeLessThan(12);
  });

  test('is not needed where released memory fits', () => {
    const heap = new Heap();
    heap.release(heap.allocate(3_000_000));
    const before = sizeOf(heap);
    for (let i = 0; i < 100; i++) heap.release(heap.allocate(3_000_000 - 64 * i));
    expect(sizeOf(heap)).toBe(before);
  });

  test('stops at 4 GiB with an error that says so, and the heap stays usable', () => {
    const heap = new Heap();
    expect(() => heap.allocate(5 * 2 ** 30)).toThrow(ChainruleError);
    expect(() => heap.allocate(5 * 2 ** 30)).toThrow('4 GiB');
    expect(heap.bytesInUse).toBe(0);
    const address = heap.allocate(64);
    expect(address + 64).toBeLessThan(16 * PAGE);
  });
});

test('blocks never overlap, and all memory comes back', () => {
  const step = fc.record({ bytes: fc.nat(5000), release: fc.boolean(), which: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const heap = new Heap();
      const live = new Map<number, number>();
      let highest = 0;
      for (const { bytes, release, which } of steps) {
        if (release && live.size > 0) {
          const address = [...live.keys()][which % live.size];
          live.delete(address);
          heap.release(address);
          continue;
        }
        const address = heap.allocate(bytes);
        for (const [other, length] of live)
          expect(address + bytes <= other || other + length <= address).toBe(true);
        live.set(address, Math.max(1, bytes));
        highest = Math.max(highest, address + Math.ceil(Math.max(1, bytes) / 64) * 64);
      }
      for (const address of live.keys()) heap.release(address);
      expect(heap.bytesInUse).toBe(0);
      // One block of everything that was ever used fits where it all began.
      if (highest > 0) expect(heap.allocate(highest - 1024)).toBe(1024);
    }),
    { numRuns: 100, seed: 1 },
  );
});
