/** Results of two backends, held against each other. */
import { type FloatDType, isFloat, type Tensor } from '../../src/graph/index.ts';
import { classOf, EPSILON, largest, ulpDistance } from './numeric.ts';

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
