/**
 * The thick-restart Lanczos method, in lists of numbers (Wu and Simon, "Thick-restart Lanczos method for large symmetric
 * eigenvalue problems", 2000), with full orthogonalisation.
 */
import { at, NumericalError } from '../graph/index.ts';
import { addScaled, divided, norm } from './flat.ts';
import { orthogonalize } from './orthogonalize.ts';
import { symmetricEigen } from './symmetricEigen.ts';

/** How many eigenvalues are wanted from either end. */
export interface Ends {
  readonly low: number;
  readonly high: number;
}

/** An approximate eigenvector of length 1, and its eigenvalue. */
export interface Pair {
  readonly value: number;
  readonly vector: Float64Array;
}

/** What the search needs to know of the operator and of the user's wishes. */
export interface Search {
  readonly size: number;
  /** The machine epsilon of the products. */
  readonly epsilon: number;
  /** How many vectors to hold at most. */
  readonly basisSize: number;
  multiply(v: Float64Array): Float64Array;
  /** The residual that a pair may have, where the largest eigenvalue in size seen so far is `largest`. */
  allowed(value: number, largest: number): number;
  /** Hears of every product: what is wanted, so far. Answers why to stop, or undefined to go on. */
  step(values: readonly number[], residuals: readonly number[]): 'maxIterations' | 'stopped' | undefined;
}

export interface Found {
  /** The wanted pairs, in rising order. */
  readonly pairs: Pair[];
  /**
   * `invariant`: the vectors met span an invariant subspace, to within rounding, and the pairs are exact; `complete`: and
   * there are no other vectors.
   */
  readonly end:
    | 'converged'
    | 'invariant'
    | 'complete'
    | 'maxIterations'
    | 'stagnated'
    | 'stopped'
    | 'notFinite';
  /** The largest eigenvalue in size seen. */
  readonly largest: number;
}

/** The places of the `low` first and the `high` last of `size` things in order. */
export function endsOf(size: number, { low, high }: Ends): number[] {
  const places = [...new Array(size).keys()];
  return low + high >= size ? places : [...places.slice(0, low), ...places.slice(size - high)];
}

/** The share of a basis of `size` to keep over a restart: what is wanted, and half of the rest, which speeds what follows. */
function kept({ low, high }: Ends, size: number): Ends {
  const wanted = low + high;
  const more = Math.floor((size - wanted) / 2);
  const moreLow = Math.round((more * low) / wanted);
  return { low: low + moreLow, high: high + more - moreLow };
}

/** An orthonormal basis, and A projected on it. */
interface Projection {
  readonly basis: Float64Array[];
  /** T = V^T A V, each row up to the diagonal. */
  readonly T: Float64Array[];
  /** What A times the next vector must have along the basis, because A is symmetric. */
  readonly expected: Float64Array;
}

/**
 * The eigenvalues at the ends of the spectrum, among vectors orthogonal to those `locked`, which must be eigenvectors.
 * One start vector shows a multiple eigenvalue once.
 * @throws NumericalError where the operator is not symmetric
 */
export function explore(
  search: Search,
  start: Float64Array,
  locked: readonly Float64Array[],
  ends: Ends,
): Found {
  const { size, epsilon } = search;
  const room = size - locked.length;
  const capacity = Math.min(room, search.basisSize);
  const isIdle = idleness();
  let projection: Projection = { basis: [], T: [], expected: new Float64Array(0) };
  let largest = 0;
  const outside = start.slice();
  orthogonalize(outside, locked);
  let next = divided(outside, norm(outside));
  for (;;) {
    const w = search.multiply(next);
    const length = norm(w);
    if (!Number.isFinite(length)) return { pairs: [], end: 'notFinite', largest };
    largest = Math.max(largest, length);
    extend(projection, next, w, locked, Math.sqrt(epsilon) * largest);

    // What is left of w is the direction of A y - value y for every eigenvector of T: `coupling` says how much of it.
    const { basis, T } = projection;
    const rest = norm(w);
    const { values, vectors } = symmetricEigen(T);
    const couplings = vectors.map((vector) => rest * vector[vector.length - 1]);
    const places = endsOf(values.length, ends);
    const wanted: readonly Wanted[] = places.map((i) => ({
      value: values[i],
      residual: Math.abs(couplings[i]),
      allowed: search.allowed(values[i], largest),
    }));
    const stop = search.step(
      wanted.map(({ value }) => value),
      wanted.map(({ residual }) => residual),
    );
    let end: Found['end'] | undefined = stop;
    const isFull = basis.length === capacity;
    if (isFull && isIdle(wanted)) end ??= 'stagnated';
    const isEnough = places.length === Math.min(room, ends.low + ends.high);
    if (isEnough && wanted.every(({ residual, allowed }) => residual <= allowed / 2)) end = 'converged';
    if (rest <= 64 * epsilon * largest) end = stop ?? 'invariant';
    if (basis.length === room) end = 'complete';
    if (end !== undefined) {
      const pairs = places.map((i) => ({ value: values[i], vector: combine(basis, vectors[i]) }));
      return { pairs, end, largest };
    }

    next = divided(w, rest);
    if (isFull) {
      const keep = endsOf(values.length, kept(ends, capacity));
      projection = restarted(
        basis,
        keep.map((i) => ({ value: values[i], vector: vectors[i], coupling: couplings[i] })),
      );
    } else {
      const expected = new Float64Array(basis.length);
      expected[basis.length - 1] = rest;
      projection = { basis, T, expected };
    }
  }
}

/**
 * Adds `next` to the basis, and takes from w = A next, in place, what lies in it.
 * @throws NumericalError where that is not what a symmetric A gives, to within `allowed`
 */
function extend(
  { basis, T, expected }: Projection,
  next: Float64Array,
  w: Float64Array,
  locked: readonly Float64Array[],
  allowed: number,
): void {
  basis.push(next);
  const alongLocked = orthogonalize(w, locked);
  const row = orthogonalize(w, basis);
  T.push(row);
  checkSymmetric([...alongLocked, ...expected.map((each, i) => row[i] - each)], allowed);
}

/** Eigenvectors of T take the place of the basis. A times each of them has a part along the next vector. */
function restarted(
  basis: readonly Float64Array[],
  kept: readonly { value: number; vector: Float64Array; coupling: number }[],
): Projection {
  return {
    basis: kept.map(({ vector }) => combine(basis, vector)),
    T: kept.map(({ value }, i) => Float64Array.from({ length: i + 1 }, (_, j) => (j === i ? value : 0))),
    expected: Float64Array.from(kept, ({ coupling }) => coupling),
  };
}

/** After so many restarts that lower no residual, what is left is rounding. */
const PATIENCE = 20;

export interface Wanted {
  readonly value: number;
  readonly residual: number;
  /** The residual that it may have. */
  readonly allowed: number;
}

/** Asked at every restart, tells whether the search has stopped getting anywhere. */
export function idleness(): (wanted: readonly Wanted[]) => boolean {
  let before: readonly Wanted[] = [];
  let least: number[] = [];
  let idle = 0;
  return (wanted) => {
    // A value that leaps has found an eigenvalue that was hidden, and its residual starts anew.
    const leaps = wanted.map(({ value }, i) => Math.abs(value - before[i]?.value) > 10 * before[i]?.residual);
    least = wanted.map((_, i) => (leaps[i] ? Infinity : (least[i] ?? Infinity)));
    const falls = wanted.some(
      ({ residual, allowed }, i) => residual > allowed / 2 && residual < 0.999 * least[i],
    );
    idle = falls ? 0 : idle + 1;
    least = wanted.map(({ residual }, i) => Math.min(residual, least[i]));
    before = wanted;
    return idle >= PATIENCE;
  };
}

/** The sum of the basis vectors, times `weights`. */
function combine(basis: readonly Float64Array[], weights: Float64Array): Float64Array {
  const sum = new Float64Array(basis[0].length);
  basis.forEach((each, i) => {
    addScaled(sum, weights[i], each);
  });
  return sum;
}

function checkSymmetric(differences: readonly number[], allowed: number): void {
  const worst = Math.max(0, ...differences.map(Math.abs));
  if (worst > allowed) {
    throw new NumericalError(
      `lanczos: the product is not symmetric: u . A v and v . A u differ by ${worst.toPrecision(3)}; ` +
        `for singular values of any matrix give v -> A^T (A v)${at()}`,
    );
  }
}
