/** Extreme eigenvalues of symmetric operators. */
import { Random } from '../data/random.ts';
import {
  aFunction,
  anything,
  at,
  atLeastZero,
  ChainruleError,
  checkOptions,
  limit,
  oneOf,
  positiveInteger,
  Tensor,
  wholeNumber,
} from '../graph/index.ts';
import { divided, dot, norm, plus } from './flat.ts';
import { type Ends, endsOf, explore, type Pair, type Search } from './thickRestart.ts';
import { checkFinite, type Layout, layoutOf, type Product, type Vector } from './vectors.ts';

/** Where a search for eigenvalues stands after a product. */
export interface LanczosProgress {
  /** 1 after the first product. */
  readonly iteration: number;
  /** The wanted eigenvalues, as far as they are known, in rising order. */
  readonly values: readonly number[];
  /** |A y - value y| for each, as the method follows it. */
  readonly residualNorms: readonly number[];
}

export interface LanczosSettings {
  /** Which eigenvalues: the `largest`, the `smallest` (most negative), or `both`. Default `both`. */
  which?: 'largest' | 'smallest' | 'both';
  /** How many of them: from each end, for `both`. Default 1. */
  count?: number;
  /**
   * A pair is accepted where |A y - value y| <= tolerance |value|, and no sooner than rounding lets it be smaller. The
   * error of the eigenvalue is at most that, and once it stands apart from the others about its square. Default the square
   * root of the machine epsilon: 1.5e-8 in float64, 3.5e-4 in float32.
   */
  tolerance?: number;
  /** The largest number of products. Default ten times the size of a vector. */
  maxIterations?: number;
  /** How many vectors to hold at most; more of them need fewer products. Default 20, or twice what is wanted and ten more. */
  basisSize?: number;
  /** Of the random start. Default 0. */
  seed?: number;
  /** Called after every product; it stops the search by returning false. */
  callback?: (progress: LanczosProgress) => unknown;
}

/** What the operator works on: float64 vectors of a size, vectors like one that is given, or a start vector. */
export type Space<V> =
  | {
      /** Vectors are float64 Tensors of shape [size]. */
      size: number;
      like?: undefined;
      start?: undefined;
    }
  | {
      /** Vectors have the structure, shapes and dtypes of this one. Its numbers do not matter. */
      like: V;
      size?: undefined;
      start?: undefined;
    }
  | {
      /** A guess of a wanted eigenvector, as from an earlier search. A tenth of it is made random, for it might miss another. */
      start: V;
      size?: undefined;
      like?: undefined;
    };

export type LanczosOptions<V> = LanczosSettings & Space<V>;

/**
 * Why {@link lanczos} stopped:
 *
 * - `converged`: all residuals, measured, are within the tolerance
 * - `maxIterations`: they are not, after as many products as were allowed
 * - `stagnated`: they fall no more: the products are less exact than the tolerance asks for, or change from call to call
 * - `notFinite`: the product gave NaN or infinity
 * - `stopped`: the callback asked for it
 */
export type LanczosReason = 'converged' | 'maxIterations' | 'stagnated' | 'notFinite' | 'stopped';

export interface Spectrum<V> {
  /** Eigenvalues in rising order: the smallest is first, the largest last. */
  readonly values: readonly number[];
  /** Eigenvectors of length 1, one for each value. */
  readonly vectors: readonly V[];
  /** |A y - value y| of each pair, measured at the end. */
  readonly residualNorms: readonly number[];
  /** Whether all of them are within the tolerance: the same as `reason === 'converged'`. */
  readonly converged: boolean;
  readonly reason: LanczosReason;
  /** Products that the search took. */
  readonly iterations: number;
  /** How often the product was asked for: a few more, to measure the residuals. */
  readonly products: number;
}

/**
 * Finds the largest or smallest eigenvalues, with eigenvectors, of a symmetric operator that is known by its products only,
 * such as the Hessian of a network.
 *
 * ```ts
 * const product = compile((v: Weights) => hvp(loss, weights, v));
 * const { values } = lanczos(product, { like: weights, which: 'both' });
 * const [smallest, largest] = values;
 * ```
 *
 * A vector that starts the search is random, so that no eigenvector is orthogonal to it. An eigenvalue of higher
 * multiplicity is surely found more than once only where there are few different ones. Where a space has fewer dimensions
 * than eigenvalues are asked for, the answer has them all.
 * @param product v -> A v, symmetric
 * @throws NumericalError where the product is not symmetric; ShapeError, DTypeError where it gives other vectors than it takes
 * @see Lanczos, 1950; Wu and Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", 2000
 */
export function lanczos(
  product: (v: Tensor) => Tensor,
  options: LanczosSettings & { size: number },
): Spectrum<Tensor>;
export function lanczos<V extends Vector>(
  product: NoInfer<Product<V>>,
  options: LanczosOptions<V>,
): Spectrum<V>;
export function lanczos<V>(product: Product<V>, options: LanczosOptions<V>): Spectrum<V> {
  checkOptions('lanczos', options, {
    size: wholeNumber,
    like: anything,
    start: anything,
    which: oneOf('largest', 'smallest', 'both'),
    count: positiveInteger,
    tolerance: atLeastZero,
    maxIterations: limit,
    basisSize: positiveInteger,
    seed: anything,
    callback: aFunction,
  });
  const { layout, start } = spaceOf<V>(options);
  const { size, epsilon } = layout;
  const { which = 'both', count = 1, seed = 0, callback } = options;
  const { tolerance = Math.sqrt(epsilon), maxIterations = 10 * size } = options;
  const ends: Ends = { low: which === 'largest' ? 0 : count, high: which === 'smallest' ? 0 : count };
  const wanted = ends.low + ends.high;

  let products = 0;
  let iterations = 0;
  const search: Search = {
    size,
    epsilon,
    basisSize: Math.max(options.basisSize ?? Math.max(20, 2 * wanted + 10), wanted + 2),
    multiply(v) {
      products++;
      return layout.flatten(product(layout.restore(v)), 'the product');
    },
    allowed: (value, largest) => Math.max(tolerance * Math.abs(value), 64 * epsilon * largest),
    step(values, residualNorms) {
      iterations++;
      if (callback?.({ iteration: iterations, values, residualNorms }) === false) return 'stopped';
      return iterations >= maxIterations ? 'maxIterations' : undefined;
    },
  };
  const { pairs, largest, end } =
    size === 0 || maxIterations === 0
      ? { pairs: [], largest: 0, end: size === 0 ? ('converged' as const) : ('maxIterations' as const) }
      : searchEnds(search, ends, start, new Random(seed));

  const measured = pairs.map((pair) => measure(search, pair)).sort((a, b) => a.value - b.value);
  const exact = measured.every(({ value, residual }) => residual <= search.allowed(value, largest));
  const reason = end === 'converged' && !exact ? 'stagnated' : end;
  return {
    values: measured.map(({ value }) => value),
    vectors: measured.map(({ vector }) => layout.restore(vector)),
    residualNorms: measured.map(({ residual }) => residual),
    converged: reason === 'converged',
    reason,
    iterations,
    products,
  };
}

/** The layout of the vectors, and the start that is given. */
function spaceOf<V>({ size, like, start }: Space<V>): {
  layout: Layout<V>;
  start: Float64Array | undefined;
} {
  if ([size, like, start].filter((each) => each !== undefined).length !== 1) {
    throw new ChainruleError(
      `lanczos: give one of size (vectors are float64 Tensors), like (a vector) and start (a vector to begin with)${at()}`,
    );
  }
  if (start !== undefined) {
    const layout = layoutOf('lanczos', 'start', start);
    const numbers = layout.flatten(start, 'start');
    checkFinite('lanczos', 'start', numbers);
    return { layout, start: numbers };
  }
  const vector = like ?? (new Tensor([size!], 'float64', new Float64Array(size!)) as unknown as V);
  return { layout: layoutOf('lanczos', 'like', vector), start: undefined };
}

/**
 * One search, and where it ends in an invariant subspace, which then may lack copies of multiple eigenvalues, another
 * among what is orthogonal to the eigenvectors found, until that changes nothing. Each search shows every eigenvalue that is
 * left once, so no copy of a wanted one is missed.
 */
function searchEnds(
  search: Search,
  ends: Ends,
  guess: Float64Array | undefined,
  random: Random,
): { pairs: readonly Pair[]; largest: number; end: LanczosReason } {
  let pairs: readonly Pair[] = [];
  let largest = 0;
  for (let round = 0; ; round++) {
    // Normally distributed elements prefer no direction.
    let start: Float64Array = Float64Array.from({ length: search.size }, () => random.normal());
    const size = norm(guess ?? start);
    if (round === 0 && guess !== undefined && size > 0)
      start = plus(divided(guess, size), 0.1 / norm(start), start);
    const found = explore(
      search,
      start,
      pairs.map(({ vector }) => vector),
      ends,
    );
    largest = Math.max(largest, found.largest);
    const both = [...pairs, ...found.pairs].sort((a, b) => a.value - b.value);
    const merged = endsOf(both.length, ends).map((i) => both[i]);
    const same = ({ value }: Pair, i: number): boolean =>
      i < pairs.length && Math.abs(value - pairs[i].value) <= search.allowed(value, largest);
    const isNew = !(merged.length === pairs.length && merged.every(same));
    if (isNew) pairs = merged;
    const { end } = found;
    if (end === 'invariant' || (end === 'converged' && round > 0)) {
      if (isNew && pairs.length < search.size) continue;
      return { pairs, largest, end: 'converged' };
    }
    return { pairs, largest, end: end === 'complete' ? 'converged' : end };
  }
}

/** The pair with its eigenvalue as the Rayleigh quotient y . A y / y . y, and the residual, both measured. */
function measure({ multiply }: Search, { vector }: Pair): Pair & { residual: number } {
  const image = multiply(vector);
  const value = dot(vector, image) / dot(vector, vector);
  return { value, vector, residual: norm(plus(image, -value, vector)) };
}
