import { describe, expect, test } from 'vitest';
import { lineSearch, type Sample } from '../../src/krylov/lineSearch.ts';

interface Line {
  readonly value: (a: number) => number;
  readonly slope: (a: number) => number;
}

/** The test functions 1 to 3 of Moré and Thuente, "Line search algorithms with guaranteed sufficient decrease", 1994, and others. */
const lines: Record<string, Line> = {
  'Moré-Thuente 1': {
    value: (a) => -a / (a * a + 2),
    slope: (a) => (a * a - 2) / (a * a + 2) ** 2,
  },
  'Moré-Thuente 2': {
    value: (a) => (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4,
    slope: (a) => 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3,
  },
  'a parabola': { value: (a) => (a - 3) ** 2, slope: (a) => 2 * (a - 3) },
  'a wall behind the minimum': {
    value: (a) => (a < 1.5 ? (a - 1) ** 2 : Number.NaN),
    slope: (a) => (a < 1.5 ? 2 * (a - 1) : Number.NaN),
  },
  'a logarithm that ends': { value: (a) => -Math.log(1 - a) - 4 * a, slope: (a) => 1 / (1 - a) - 4 },
  'many valleys': {
    value: (a) => -a / 10 + Math.cos(7 * a) / 30,
    slope: (a) => -0.1 - (7 * Math.sin(7 * a)) / 30,
  },
  'the exponential': { value: (a) => Math.exp(a - 5) - a, slope: (a) => Math.exp(a - 5) - 1 },
};

function searchOn(
  { value, slope }: Line,
  first: number,
): { found: Sample | undefined; start: Sample; trials: number } {
  let trials = 0;
  const sample = (alpha: number): Sample => {
    trials++;
    return { alpha, value: value(alpha), slope: slope(alpha) };
  };
  const start = sample(0);
  return { found: lineSearch(sample, start, first, 0), start, trials: trials - 1 };
}

describe.each(Object.entries(lines))('%s', (name, line) => {
  test.each([1e-3, 0.1, 1, 10, 1e3])('from a first step of %d', (first) => {
    const { found, start, trials } = searchOn(line, first);
    expect(found).toBeDefined();
    const { alpha, value, slope } = found!;
    expect(alpha).toBeGreaterThan(0);
    expect(value).toBeLessThanOrEqual(start.value + 1e-4 * alpha * start.slope);
    // The last of these turns so often that the steps allowed are narrow.
    expect(Math.abs(slope)).toBeLessThanOrEqual(0.9 * Math.abs(start.slope));
    expect(trials, name).toBeLessThanOrEqual(25);
  });
});

describe('where no step satisfies both conditions', () => {
  test('one with sufficient decrease is better than none: a kink', () => {
    const { found } = searchOn({ value: (a) => Math.abs(a - 1), slope: (a) => (a < 1 ? -1 : 1) }, 0.3);
    expect(found!.value).toBeLessThan(1e-6);
  });

  test('a line without end is followed far', () => {
    const { found, trials } = searchOn({ value: (a) => -a, slope: () => -1 }, 1);
    expect(found!.alpha).toBeGreaterThan(1e9);
    expect(trials).toBeLessThanOrEqual(40);
  });

  test('none: the slope is not that of the values', () => {
    expect(searchOn({ value: (a) => a, slope: () => -1 }, 1).found).toBeUndefined();
    expect(searchOn({ value: (a) => (a === 0 ? 0 : Number.NaN), slope: () => -1 }, 1).found).toBeUndefined();
  });
});

test('values that differ by rounding only do not count: the slope decides', () => {
  // Near its minimum at 1e-9, 1 + a (a - 2e-9) is 1 in float64.
  const sample = (alpha: number): Sample => ({
    alpha,
    value: 1 + alpha * (alpha - 2e-9),
    slope: 2 * (alpha - 1e-9),
  });
  const found = lineSearch(sample, sample(0), 0.5e-9, 10 * 2 ** -52);
  expect(found!.alpha).toBe(0.5e-9);
});
