/** Known numbers that meet while a graph is rewritten. */
import { type DType, isFloat } from '../graph/index.ts';
import { store } from '../operations/scalar.ts';

/** The least magnitudes that have all their digits. */
const SMALLEST_NORMAL = { float32: 2 ** -126, float64: 2 ** -1022 } as const;

/** Whether `value`, rounded to `dtype`, neither overflows nor loses digits below the normal numbers (as 0 has). */
export function isOrdinary(value: number, dtype: DType): boolean {
  if (!isFloat(dtype)) return true;
  const size = Math.abs(store(value, dtype));
  return size >= SMALLEST_NORMAL[dtype] && size < Infinity;
}

/** Whether `value` is a number of `dtype` as it stands. */
export function isRepresentable(value: number, dtype: DType): boolean {
  return Number.isFinite(value) && store(value, dtype) === value;
}

/** The product of two numbers of `dtype`, before it is rounded; of integers it wraps around. */
export function productOf(a: number, b: number, dtype: DType): number {
  return isFloat(dtype) ? a * b : Math.imul(a, b);
}

/**
 * Whether `dtype` holds a + b without rounding.
 *
 * The rounding error of a sum is itself a number, found by subtraction (Knuth, "The Art of Computer Programming", 4.2.2).
 */
export function isExactSum(a: number, b: number, dtype: DType): boolean {
  const sum = a + b;
  const added = sum - a;
  return isRepresentable(sum, dtype) && a - (sum - added) + (b - added) === 0;
}

/** Whether 1 / `value` is exact: the value is a power of two, and its reciprocal has all its digits. */
export function hasExactReciprocal(value: number, dtype: DType): boolean {
  const reciprocal = 1 / value;
  return isPowerOfTwo(value) && isOrdinary(reciprocal, dtype);
}

function isPowerOfTwo(value: number): boolean {
  if (!Number.isFinite(value) || value === 0) return false;
  const exponent = Math.round(Math.log2(Math.abs(value)));
  return 2 ** exponent === Math.abs(value);
}

/** Whether `dtype` holds a b without rounding: surely so where neither has more digits than float32 has. */
export function isExactProduct(a: number, b: number, dtype: DType): boolean {
  return Math.fround(a) === a && Math.fround(b) === b && isRepresentable(a * b, dtype);
}
