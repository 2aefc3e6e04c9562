/** Element types, their storage, and the promotion policy. */

/** The element types, in promotion order. */
export const DTYPES = ['bool', 'uint8', 'int32', 'float32', 'float64'] as const;

export type DType = (typeof DTYPES)[number];
export type FloatDType = 'float32' | 'float64';

/** The array that stores elements of each dtype; a bool is one byte, 0 or 1. */
export interface TypedArrayOf {
  bool: Uint8Array;
  uint8: Uint8Array;
  int32: Int32Array;
  float32: Float32Array;
  float64: Float64Array;
}

export type TypedArray = TypedArrayOf[DType];

const CONSTRUCTORS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** Bytes per element. */
export const BYTES: Record<DType, number> = { bool: 1, uint8: 1, int32: 4, float32: 4, float64: 8 };

/** A zero-filled array of `length` elements. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new CONSTRUCTORS[dtype](length);
}

/** A window of `length` elements on `buffer`, from byte `offset`. */
export function viewBuffer(
  dtype: DType,
  buffer: ArrayBufferLike,
  offset: number,
  length: number,
): TypedArray {
  return new CONSTRUCTORS[dtype](buffer as ArrayBuffer, offset, length);
}

/** Floating-point types have a tangent space; integers and booleans have none (they carry no derivative). */
export function isFloat(dtype: DType): dtype is FloatDType {
  return dtype === 'float32' || dtype === 'float64';
}

/**
 * The promotion policy, whole: the dtype in which two operands of these dtypes meet.
 *
 * |         | bool    | uint8   | int32   | float32 | float64 |
 * |---------|---------|---------|---------|---------|---------|
 * | bool    | bool    | uint8   | int32   | float32 | float64 |
 * | uint8   | uint8   | uint8   | int32   | float32 | float64 |
 * | int32   | int32   | int32   | int32   | float32 | float64 |
 * | float32 | float32 | float32 | float32 | float32 | float64 |
 * | float64 | float64 | float64 | float64 | float64 | float64 |
 *
 * It is the maximum in the order of {@link DTYPES}. A plain JavaScript number is weak: it takes the dtype of the
 * other operand, except that a fraction meeting an integer makes float32, an integer beyond int32 float64, and an integer meeting a bool int32
 * (see {@link weakDType}).
 */
export function promote(a: DType, b: DType): DType {
  return DTYPES[Math.max(DTYPES.indexOf(a), DTYPES.indexOf(b))];
}

/** The dtype a plain number takes beside an operand of dtype `other`. */
export function weakDType(value: number, other: DType): DType {
  if (isFloat(other)) return other;
  if (!Number.isInteger(value)) return 'float32';
  if (other === 'uint8' && value >= 0 && value <= 255) return 'uint8';
  return value >= -(2 ** 31) && value < 2 ** 31 ? 'int32' : 'float64';
}

/** The floating-point dtype in which a function of real numbers (exp, div, mean) computes. */
export function toFloat(dtype: DType): FloatDType {
  return dtype === 'float64' ? 'float64' : 'float32';
}

/** The dtype of a sum of elements: booleans and bytes are counted in int32. */
export function toSum(dtype: DType): DType {
  return isFloat(dtype) ? dtype : 'int32';
}

/** Machine epsilon: the distance from 1 to the next number. */
export const EPSILON: Record<FloatDType, number> = { float32: 2 ** -23, float64: 2 ** -52 };
