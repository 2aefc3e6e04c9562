/**
 * Where eigenvectors, singular vectors and QR factors have no derivative: equal eigenvalues, equal or zero singular
 * values, dependent columns. Equal means: so near that rounding hides the difference.
 *
 * The derivative of vectors divides by such differences. There a function of the vectors may still have a derivative,
 * but the numbers that a derivative rule sees do not tell it: for V diag(w) V^T and for the projection on the span of
 * the equal ones they are the same 0 / 0, with different answers.
 */
import { EPSILON, type FloatDType, type Variable } from '../../graph/index.ts';
import { abs, add, reciprocal, sub } from '../arithmetic.ts';
import { mul } from '../elementwise.ts';
import { full } from '../generators.ts';
import { lessEqual, logicalAnd, logicalNot, logicalOr, where } from '../logic.ts';
import { expandDims } from '../movement.ts';
import { any, max } from '../reduction.ts';
import { slice } from '../slicing.ts';
import { diagonalOf, onDiagonal } from './matrices.ts';

export interface DegenerateOptions {
  /**
   * What stands for the derivative of vectors where it does not exist. `nan` (default): NaN, so that no number is
   * wrong. `zero`: the part that does not exist is left out. That is right for functions which the vectors of equal
   * values do not enter (the leading eigenvectors of a matrix of low rank), or enter only through their span (a
   * projection on it, the orthogonal factor U V^T). It is wrong, for example, for a matrix function V f(w) V^T.
   */
  degenerate?: 'nan' | 'zero';
}

export type DegenerateAttributes = Required<DegenerateOptions>;

/** The same in words, for reports of where a derivative does not exist. */
export const conventionOf = ({ degenerate }: DegenerateAttributes): string =>
  degenerate === 'nan' ? 'NaN, for the vectors' : 'without the part that does not exist';

/**
 * What rounding may hide, relative to the largest of n numbers: a matrix that was computed from others is off by some
 * sqrt(n) epsilons, and its eigenvalues with it.
 */
function roundingOf(n: number, { dtype }: Variable): number {
  return 10 * Math.sqrt(n) * EPSILON[dtype as FloatDType];
}

/** The difference of `values` (the last axis) that rounding may hide. */
function resolution(values: Variable): Variable {
  const n = values.shape[values.rank - 1];
  if (n === 0) return full([], 0, values.dtype);
  return mul(roundingOf(n, values), max(abs(values), -1, { keepDims: true }));
}

/** For each pair, whether its two values are equal; the diagonal is true. */
function equalPairs(values: Variable): Variable {
  return lessEqual(abs(differences(values)), expandDims(resolution(values), -1));
}

/** v_j - v_i at place (i, j). */
function differences(values: Variable): Variable {
  return sub(expandDims(values, -2), expandDims(values, -1));
}

/** Whether each value is 0. */
export function zeros(values: Variable): Variable {
  return lessEqual(abs(values), resolution(values));
}

/** 1 / x, and where `degenerate` holds what stands for it. */
function guarded(x: Variable, degenerate: Variable, { degenerate: word }: DegenerateAttributes): Variable {
  return where(degenerate, word === 'nan' ? Number.NaN : 0, reciprocal(where(degenerate, 1, x)));
}

/** 1 / (v_j - v_i) at place (i, j), 0 on the diagonal. */
export function inverseDifferences(values: Variable, attributes: DegenerateAttributes): Variable {
  const inverse = guarded(differences(values), equalPairs(values), attributes);
  return where(onDiagonal(values.shape[values.rank - 1]), 0, inverse);
}

/** 1 / (v_j + v_i) at place (i, j) for values that are not negative, 0 on the diagonal. */
export function inverseSums(values: Variable, attributes: DegenerateAttributes): Variable {
  const nil = zeros(values);
  const sums = add(expandDims(values, -2), expandDims(values, -1));
  const inverse = guarded(sums, logicalAnd(expandDims(nil, -2), expandDims(nil, -1)), attributes);
  return where(onDiagonal(values.shape[values.rank - 1]), 0, inverse);
}

/** 1 / v. */
export function inverses(values: Variable, attributes: DegenerateAttributes): Variable {
  return guarded(values, zeros(values), attributes);
}

/**
 * Which eigenvalues are equal to another one: for w [..., n] from `eigh`, bool [..., n]. There single eigenvalues have
 * kinks and eigenvectors no derivative; symmetric functions of the eigenvalues are smooth.
 */
export function repeatedEigenvalues(w: Variable): Variable {
  const others = logicalAnd(equalPairs(w), logicalNot(onDiagonal(w.shape[w.rank - 1])));
  return any(others, -1);
}

/**
 * Which singular values are equal to another one, or 0: for s [..., k] from `svd`, bool [..., k]. There single singular
 * values have kinks (at 0 that of |x|), and singular vectors no derivative.
 */
export function degenerateSingularValues(s: Variable): Variable {
  return logicalOr(repeatedEigenvalues(s), zeros(s));
}

/**
 * Which of the first k = min(m, n) columns depends on those before it: for R [..., k, n] from `qr`, bool [..., k].
 * There QR factors have no derivative.
 */
export function dependentColumns(r: Variable): Variable {
  const k = r.shape[r.rank - 2];
  if (k === 0) return any(r, -1);
  const whole = r.shape.slice(0, -1);
  const leadingPart = slice(r, whole.map(() => 0).concat(0), [...whole, k]);
  const size = max(abs(leadingPart), -2);
  return lessEqual(abs(diagonalOf(r)), mul(roundingOf(k, r), size));
}

/** R with NaN for the diagonal elements of dependent columns, by which derivatives divide. */
export function independent(r: Variable): Variable {
  const bad = logicalAnd(onDiagonal(r.shape[r.rank - 1]), expandDims(dependentColumns(r), -1));
  return where(bad, Number.NaN, r);
}
