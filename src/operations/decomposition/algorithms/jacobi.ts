/**
 * Jacobi's methods: eigenvalues of symmetric matrices and singular values, by rotations that make one pair of axes
 * orthogonal at a time. They are short and at least as accurate as any other method (Golub and Van Loan, Matrix
 * Computations, 4th ed., sections 8.5 and 8.6; Demmel and Veselic, "Jacobi's method is more accurate than QR", 1992).
 */
import {
  innerProduct,
  leadingSign,
  type Rotation,
  rotateRows,
  scaleOf,
  symmetricPart,
  transposed,
  unitColumns,
} from './matrix.ts';

/** Convergence is quadratic: ten sweeps are many. */
const MOST_SWEEPS = 60;

/** Calls `rotate` for all pairs p < q until it finds nothing more to do in a whole sweep. */
function sweep(n: number, rotate: (p: number, q: number) => boolean): void {
  for (let count = 0, busy = true; busy && count < MOST_SWEEPS; count++) {
    busy = false;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) busy = rotate(p, q) || busy;
  }
}

/** The rotation by the smaller angle whose tangent t solves t^2 + 2 zeta t = 1. */
function smallerRotation(zeta: number): Rotation & { tangent: number } {
  const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const cosine = 1 / Math.hypot(1, tangent);
  const sine = cosine * tangent;
  return { tangent, sine, half: sine / (1 + cosine) };
}

/** The order in which `values` ascend or descend. */
function orderOf(values: Float64Array, sign: 1 | -1): number[] {
  return Array.from(values, (_, i) => i).sort((i, j) => sign * (values[i] - values[j]));
}

/**
 * (A + A^T) / 2 = V diag(w) V^T with w ascending: the cyclic Jacobi method (section 8.5). In each column of V the
 * first large element is positive.
 */
export function symmetricEigen(a: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const scale = scaleOf(a);
  if (scale === undefined) {
    return {
      values: new Float64Array(n).fill(Number.NaN),
      vectors: new Float64Array(n * n).fill(Number.NaN),
    };
  }
  const s = symmetricPart(a, n).map((value) => value * scale);
  const axes = unitColumns(n, n);
  const negligible = Number.EPSILON ** 2 * Math.sqrt(innerProduct(s, 0, s, 0, n * n));
  sweep(n, (p, q) => {
    const off = s[p * n + q];
    const [first, second] = [s[p * n + p], s[q * n + q]];
    const relative = Number.EPSILON * Math.sqrt(Math.abs(first)) * Math.sqrt(Math.abs(second));
    if (Math.abs(off) <= Math.max(negligible, relative)) return false;
    const rotation = smallerRotation((second - first) / (2 * off));
    rotateRows(s, p, q, n, rotation);
    for (let k = 0; k < n; k++) {
      s[k * n + p] = s[p * n + k];
      s[k * n + q] = s[q * n + k];
    }
    // The 2 x 2 block was rotated from one side only: t off is what the rotation moves between its diagonal elements.
    const moved = rotation.tangent * off;
    s[p * n + p] = first - moved;
    s[q * n + q] = second + moved;
    s[p * n + q] = s[q * n + p] = 0;
    rotateRows(axes, p, q, n, rotation);
    return true;
  });
  const diagonal = new Float64Array(n).map((_, i) => s[i * n + i] / scale);
  const values = new Float64Array(n);
  const vectors = new Float64Array(n * n);
  orderOf(diagonal, 1).forEach((from, to) => {
    values[to] = diagonal[from];
    const sign = leadingSign(axes, from * n, n);
    for (let k = 0; k < n; k++) vectors[k * n + to] = sign * axes[from * n + k];
  });
  return { values, vectors };
}

export interface SingularValues {
  /** m x k, with orthonormal columns; k = min(m, n). */
  readonly u: Float64Array;
  /** Descending, none negative. */
  readonly s: Float64Array;
  /** n x k, with orthonormal columns. */
  readonly v: Float64Array;
}

/**
 * A = U diag(s) V^T for an m x n matrix: the one-sided Jacobi method (Hestenes 1958; section 8.6). In each column of
 * U the first large element is positive.
 */
export function singularValues(a: Float64Array, m: number, n: number): SingularValues {
  const k = Math.min(m, n);
  const scale = scaleOf(a);
  if (scale === undefined) {
    const unknown = (size: number): Float64Array => new Float64Array(size).fill(Number.NaN);
    return { u: unknown(m * k), s: unknown(k), v: unknown(n * k) };
  }
  const scaled = a.map((value) => value * scale);
  const wide = m < n;
  // Rows of `rows` are the columns of A, or of A^T where A is wide.
  const long = Math.max(m, n);
  const rows = wide ? scaled : transposed(scaled, m, n);
  const axes = unitColumns(k, k);
  orthogonalize(rows, axes, k, long);

  const lengths = new Float64Array(k).map((_, j) =>
    Math.sqrt(innerProduct(rows, j * long, rows, j * long, long)),
  );
  const order = orderOf(lengths, -1);
  const left = directions(rows, lengths, order, long);
  const right = new Float64Array(k * k);
  order.forEach((from, to) => right.set(axes.subarray(from * k, (from + 1) * k), to * k));
  const [uRows, vRows] = wide ? [right, left] : [left, right];
  for (let j = 0; j < k; j++) {
    if (leadingSign(uRows, j * m, m) > 0) continue;
    for (let i = 0; i < m; i++) uRows[j * m + i] = -uRows[j * m + i];
    for (let i = 0; i < n; i++) vRows[j * n + i] = -vRows[j * n + i];
  }
  return {
    u: transposed(uRows, k, m),
    s: Float64Array.from(order, (from) => lengths[from] / scale),
    v: transposed(vRows, k, n),
  };
}

/** Rotates rows among themselves until they are orthogonal to working precision; `axes` follows. */
function orthogonalize(rows: Float64Array, axes: Float64Array, k: number, length: number): void {
  const tolerance = Number.EPSILON * Math.sqrt(length);
  sweep(k, (p, q) => {
    const alpha = innerProduct(rows, p * length, rows, p * length, length);
    const beta = innerProduct(rows, q * length, rows, q * length, length);
    const gamma = innerProduct(rows, p * length, rows, q * length, length);
    if (Math.abs(gamma) <= tolerance * Math.sqrt(alpha) * Math.sqrt(beta)) return false;
    const rotation = smallerRotation((beta - alpha) / (2 * gamma));
    rotateRows(rows, p, q, length, rotation);
    rotateRows(axes, p, q, k, rotation);
    return true;
  });
}

/**
 * The orthogonal rows, in order, brought to length 1. A row that is zero, or rounding noise that does not stand
 * orthogonal to the rows before it, has no direction: it gets one orthogonal to them.
 */
function directions(
  rows: Float64Array,
  lengths: Float64Array,
  order: readonly number[],
  length: number,
): Float64Array {
  const made = new Float64Array(order.length * length);
  order.forEach((from, to) => {
    const row = made.subarray(to * length, (to + 1) * length);
    for (let i = 0; i < length; i++) row[i] = rows[from * length + i] / lengths[from];
    if (lengths[from] > 0 && removeComponents(made, to, length) > 0.5) return;
    // Some unit vector keeps at least 1 - to / length of its square outside the span of `to` orthonormal vectors.
    const enough = Math.sqrt(1 - to / length) / 2;
    for (let axis = 0; axis < length; axis++) {
      row.fill(0);
      row[axis] = 1;
      if (removeComponents(made, to, length) >= enough) return;
    }
  });
  return made;
}

/** Makes row `to` orthogonal to the rows before it and of length 1; returns the length that was left. */
function removeComponents(rows: Float64Array, to: number, length: number): number {
  const at = to * length;
  let left = 0;
  // Twice is enough (Parlett, The Symmetric Eigenvalue Problem, section 6.9).
  for (let round = 0; round < 2; round++) {
    for (let k = 0; k < to; k++) {
      const component = innerProduct(rows, at, rows, k * length, length);
      for (let i = 0; i < length; i++) rows[at + i] -= component * rows[k * length + i];
    }
    const remaining = Math.sqrt(innerProduct(rows, at, rows, at, length));
    for (let i = 0; i < length; i++) rows[at + i] /= remaining;
    if (round === 0) left = remaining;
  }
  return left;
}
