/** Long sums of float32 are right to the last digit, whichever axis the lanes lie along. */
import { describe, expect, test } from 'vitest';
import { evaluate, mean, sum, tensor, type Variable, variance } from '../../../src/index.ts';

const LENGTH = 1_000_003;

/** Float32 values around 1/10, and their sum in float64, column by column. */
function columns(count: number): { data: Float32Array; sums: number[] } {
  const data = Float32Array.from({ length: LENGTH * count }, (_, i) => 0.1 + ((i * 7919) % 1009) * 1e-5);
  const sums = new Array<number>(count).fill(0);
  data.forEach((value, i) => {
    sums[i % count] += value;
  });
  return { data, sums };
}

const numbers = (z: Variable): number[] => Array.from(evaluate(z).data);

describe('a sum of a million terms', () => {
  test('along contiguous elements', () => {
    const { data, sums } = columns(1);
    expect(numbers(sum(tensor(data)))).toEqual([Math.fround(sums[0])]);
  });

  test.each([1, 2, 3, 4, 5, 9])('down %i columns', (count) => {
    const { data, sums } = columns(count);
    expect(numbers(sum(tensor(data, { shape: [LENGTH, count] }), 0))).toEqual(sums.map(Math.fround));
  });

  test('of several statistics at once', () => {
    const { data, sums } = columns(1);
    const x = tensor(data);
    const average = sums[0] / LENGTH;
    let squares = 0;
    for (const value of data) squares += (value - average) ** 2;
    const [m] = numbers(mean(x));
    const [v] = numbers(variance(x));
    expect(Math.abs(m - average)).toBeLessThan(2 ** -24 * average * 2);
    expect(Math.abs(v / (squares / LENGTH) - 1)).toBeLessThan(1e-6);
  });
});
