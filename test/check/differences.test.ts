/** Numerical differentiation: how exact it is, and what it makes of points without a derivative. */
import { describe, expect, test } from 'vitest';
import { refinedSlope, sidesOf, slopesAlong } from '../../src/check/differences.ts';

describe('slopesAlong', () => {
  test('is exact to about 1e-11, for all numbers at once', () => {
    const { slopes, sizes, suspects } = slopesAlong((t) =>
      Float64Array.of(Math.exp(1 + t), Math.atan(0.5 + t), 3, (2 + t) ** 5),
    );
    [Math.E, 0.8, 0, 80].forEach((expected, i) => {
      expect(Math.abs(slopes[i] - expected)).toBeLessThanOrEqual(1e-11 * Math.max(1, expected));
    });
    expect(sizes[2]).toBe(3);
    expect(suspects).toEqual([false, false, false, false]);
  });

  test('suspects corners, jumps and what varies within the step, and nothing smooth', () => {
    const numbers = (t: number): number[] => [
      Math.abs(t),
      t + Math.max(0, t),
      Math.floor(t),
      Math.cbrt(t ** 2),
      1e9 + Math.abs(t),
      Math.abs(t + 1e-4),
      t ** 2,
      1e9 * Math.cos(t),
      Math.abs(t) ** 3,
    ];
    const { suspects } = slopesAlong((t) => Float64Array.from(numbers(t)));
    expect(suspects).toEqual([true, true, true, true, true, true, false, false, false]);
  });
});

describe('refinedSlope', () => {
  test('finds the slope of what varies on a small scale', () => {
    for (const scale of [1e-2, 1e-5, 1e-8, 1e-11]) {
      const { slope, error, doubt } = refinedSlope((t) => Math.tanh(0.5 + t / scale), 1);
      const expected = (1 - Math.tanh(0.5) ** 2) / scale;
      expect(Math.abs(slope - expected) * scale, String(scale)).toBeLessThan(1e-7);
      expect(Math.abs(slope - expected)).toBeLessThanOrEqual(error);
      expect(doubt * scale).toBeLessThan(1e-1);
    }
  });

  test('sees past a corner or a border nearby', () => {
    expect(refinedSlope((t) => Math.abs(t + 1e-5), 1).slope).toBeCloseTo(1, 9);
    expect(refinedSlope((t) => Math.log(1e-6 + t), 14).slope / 1e6).toBeCloseTo(1, 7);
  });

  test('has no slope without doubt at a corner, a jump, or where there are no values', () => {
    expect(refinedSlope(Math.abs, 1).doubt).toBeGreaterThan(1e-2);
    expect(refinedSlope((t) => Math.floor(t), 1).doubt).toBeGreaterThan(1e-2);
    expect(refinedSlope((t) => Math.sqrt(t), 1).doubt).toBe(Infinity);
    expect(refinedSlope(() => Number.NaN, 1)).toMatchObject({ slope: Number.NaN, doubt: Infinity });
  });
});

describe('sidesOf', () => {
  test('tells corners, jumps and borders apart', () => {
    expect(sidesOf((t) => Math.max(t, -2 * t), 1)).toMatchObject({ kind: 'corner' });
    const corner = sidesOf((t) => Math.max(t, -2 * t), 1)!;
    expect(corner.left).toBeCloseTo(-2, 6);
    expect(corner.right).toBeCloseTo(1, 6);
    expect(sidesOf((t) => Math.floor(t), 1)).toMatchObject({ kind: 'jump' });
    expect(sidesOf((t) => Math.cbrt(t), 1)).toMatchObject({ kind: 'jump' });
    expect(sidesOf((t) => Math.sqrt(t), 1)).toMatchObject({ kind: 'border' });
  });

  test('finds none where a function is smooth', () => {
    for (const f of [Math.sin, Math.exp, (t: number) => t ** 2, (t: number) => Math.cos(1e3 * t), () => 5]) {
      expect(sidesOf(f, 5)).toBeUndefined();
    }
  });
});
