/** How far two results are apart. */
import { EPSILON, type FloatDType, isFloat, type Tensor } from '../graph/index.ts';

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
export interface Tolerance {
  /** Units in the last place by which an element may differ. */
  readonly ulps: number;
  /** Or: by this many epsilons times `magnitude`, where terms of that size may have cancelled. */
  readonly magnitude?: number;
  /** Whether the sign of a zero counts. */
  readonly signedZeros?: boolean;
}

/** A failure to show, or undefined where `found` agrees with `expected`. Integers and booleans agree exactly. */
export function disagreement(expected: Tensor, found: Tensor, tolerance: Tolerance): string | undefined {
  if (found.dtype !== expected.dtype) return `dtype ${found.dtype}, expected ${expected.dtype}`;
  if (found.shape.join() !== expected.shape.join())
    return `shape [${found.shape}], expected [${expected.shape}]`;
  const bad = expected.data.findIndex((value, i) => !agree(value, found.data[i], expected.dtype, tolerance));
  if (bad < 0) return undefined;
  return `element ${bad} is ${found.data[bad]}, expected ${expected.data[bad]} (${distance(expected, found, bad)})`;
}

function distance({ data, dtype }: Tensor, found: Tensor, i: number): string {
  if (!isFloat(dtype)) return 'integers must be equal';
  const scaled = Math.abs(data[i] - found.data[i]) / (EPSILON[dtype] * largest(data.filter(Number.isFinite)));
  return `${ulpDistance(data[i], found.data[i], dtype)} ulp, ${scaled.toPrecision(3)} epsilons of the largest`;
}

function agree(expected: number, found: number, dtype: Tensor['dtype'], tolerance: Tolerance): boolean {
  if (!isFloat(dtype)) return expected === found;
  const kind = classOf(expected);
  if (kind === 'NaN' || kind.endsWith('Infinity')) return classOf(found) === kind;
  if (kind.endsWith('zero') && found === 0) return tolerance.signedZeros !== true || classOf(found) === kind;
  return near(expected, found, dtype, tolerance);
}

/** Below the smallest normal number a formula's steps keep few digits: what a thousand such steps may lose. */
const UNDERFLOW: Record<FloatDType, number> = { float32: 2 ** -139, float64: 2 ** -1064 };

function near(
  expected: number,
  found: number,
  dtype: FloatDType,
  { ulps, magnitude = 0 }: Tolerance,
): boolean {
  if (!Number.isFinite(found)) return false;
  const slack = Math.max(UNDERFLOW[dtype], ulps * EPSILON[dtype] * magnitude);
  return Math.abs(expected - found) <= slack || ulpDistance(expected, found, dtype) <= ulps;
}
