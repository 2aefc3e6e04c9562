import { describe, expect, it } from 'vitest';
import { Random } from '../../src/data/index.ts';

const draws = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => random.uniform());

describe('Random', () => {
  it('is xoshiro128**: the numbers of the reference C code from state 1, 2, 3, 4', () => {
    const random = Random.from([1, 2, 3, 4]);
    expect(Array.from({ length: 10 }, () => random.bits())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it('repeats itself from the same seed, and only from the same', () => {
    const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, -(2 ** 33), Number.MAX_SAFE_INTEGER];
    const firsts = seeds.map((seed) => draws(new Random(seed), 3).join());
    expect(new Set(firsts).size).toBe(seeds.length);
    expect(seeds.map((seed) => draws(new Random(seed), 3).join())).toEqual(firsts);
  });

  it('keeps its numbers from release to release', () => {
    const random = new Random(42);
    expect([random.bits(), random.bits(), random.bits()]).toMatchInlineSnapshot(`
      [
        3570593148,
        1103818667,
        994644733,
      ]
    `);
  });

  it('continues from a saved state', () => {
    const random = new Random(5);
    draws(random, 7);
    const copy = Random.from(random.state);
    expect(draws(copy, 5)).toEqual(draws(random, 5));
  });

  it('forks streams that depend on the key and leave the parent alone', () => {
    const random = new Random(5);
    const before = random.state;
    const forks = Array.from({ length: 50 }, (_, key) => draws(random.fork(key), 2).join());
    expect(new Set(forks).size).toBe(50);
    expect(random.state).toEqual(before);
    expect(draws(random.fork(3), 2).join()).toBe(forks[3]);
  });

  it('draws uniform numbers with the right moments', () => {
    const values = draws(new Random(1), 100_000);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    // Five standard errors.
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / values.length));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / values.length));
    expect(values.every((each) => each >= 0 && each < 1)).toBe(true);
    const random = new Random(2);
    expect(
      Array.from({ length: 1000 }, () => random.uniform(-3, -2)).every((each) => each >= -3 && each < -2),
    ).toBe(true);
  });

  it('draws normal numbers with the right moments and tails', () => {
    const random = new Random(3);
    const values = Array.from({ length: 100_000 }, () => random.normal());
    const moment = (k: number): number => values.reduce((a, b) => a + b ** k, 0) / values.length;
    const error = (variance: number): number => 5 * Math.sqrt(variance / values.length);
    expect(Math.abs(moment(1))).toBeLessThan(error(1));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(error(2));
    expect(Math.abs(moment(3))).toBeLessThan(error(15));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(error(96));
    const beyondTwo = values.filter((each) => Math.abs(each) > 2).length / values.length;
    expect(beyondTwo).toBeCloseTo(0.0455, 2);
    expect(new Random(4).normal(10, 0)).toBe(10);
  });

  it('draws whole numbers evenly', () => {
    const random = new Random(9);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.integer(7)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    expect(() => random.integer(0)).toThrow('integer(0)');
  });

  it('shuffles evenly, in place', () => {
    const random = new Random(10);
    const seen = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const key = random.shuffle([1, 2, 3, 4]).join('');
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(24);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(160);
    const array = Uint8Array.of(1, 2, 3);
    expect(random.shuffle(array)).toBe(array);
    expect([...random.permutation(100)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it('refuses seeds and states that are none', () => {
    expect(() => new Random(1.5)).toThrow('seed 1.5 is not a whole number');
    expect(() => new Random(Number.NaN)).toThrow('seed NaN');
    expect(() => Random.from([0, 0, 0, 0])).toThrow('four zeros');
  });
});
