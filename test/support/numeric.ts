/** Numerical differentiation, and measures of how far two results are apart. */
import type { FloatDType, TypedArray } from '../../src/graph/index.ts';

/** Machine epsilon: the distance from 1 to the next number. */
export const EPSILON: Record<FloatDType, number> = { float32: 2 ** -23, float64: 2 ** -52 };

/**
 * df/dx by central differences with steps h, h/2 and h/4, extrapolated twice (Richardson): the error is of order
 * h^6, so a step large enough to keep rounding small can be taken.
 */
export function derivative(f: (x: number) => number, x: number, h = 0.006): number {
  const central = (step: number): number => (f(x + step) - f(x - step)) / (2 * step);
  const [coarse, middle, fine] = [h, h / 2, h / 4].map(central);
  const first = (4 * middle - coarse) / 3;
  const second = (4 * fine - middle) / 3;
  return (16 * second - first) / 15;
}

/** The partial derivatives of f, by {@link derivative} along each element of `at` (which is left as it was). */
export function numericalGradient(f: () => number, at: TypedArray, h?: number): Float64Array {
  return Float64Array.from(at, (value, i) => {
    const slope = derivative(
      (moved) => {
        at[i] = moved;
        return f();
      },
      value,
      h,
    );
    at[i] = value;
    return slope;
  });
}

export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

/** The largest difference, relative to the largest element of either; below `floor` it counts as absolute. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>, floor = 1e-3): number {
  if (a.length !== b.length) return Infinity;
  const difference = largest(Float64Array.from(a, (value, i) => value - b[i]));
  return difference / Math.max(floor, largest(a), largest(b));
}

const bits = new DataView(new ArrayBuffer(8));

/** Floats as integers in the same order: neighbours differ by 1, and both zeros are 0. */
function ordered(value: number, dtype: FloatDType): bigint {
  if (dtype === 'float32') {
    bits.setFloat32(0, value);
    const pattern = bits.getInt32(0);
    return BigInt(pattern < 0 ? -2147483648 - pattern : pattern);
  }
  bits.setFloat64(0, value);
  const pattern = bits.getBigInt64(0);
  return pattern < 0n ? -(2n ** 63n) - pattern : pattern;
}

/** How many representable numbers of `dtype` lie from a to b; two NaNs are 0 apart, a NaN and a number infinitely. */
export function ulpDistance(a: number, b: number, dtype: FloatDType): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) === Number.isNaN(b) ? 0 : Infinity;
  const distance = ordered(a, dtype) - ordered(b, dtype);
  return Number(distance < 0n ? -distance : distance);
}

/** `zero`, `-zero`, `Infinity`, `-Infinity`, `NaN` or `finite`. */
export function classOf(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === 0) return Object.is(value, -0) ? '-zero' : 'zero';
  return Number.isFinite(value) ? 'finite' : String(value);
}
