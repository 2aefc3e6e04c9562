/** Whole Hessians, and their diagonals. */
import {
  anything,
  at,
  ChainruleError,
  checkOptions,
  constant,
  type DType,
  type Shape,
  sizeOf,
  Tensor,
  type Variable,
} from '../graph/index.ts';
import { sub } from '../operations/arithmetic.ts';
import { cast } from '../operations/conversion.ts';
import { mul } from '../operations/elementwise.ts';
import { diagonal } from '../operations/linearAlgebra.ts';
import { reshape } from '../operations/movement.ts';
import { mean } from '../operations/reduction.ts';
import type { Argument, Arguments } from './grad.ts';
import { type JacobianOf, jacobianOfTraced } from './jacobian.ts';
import { refill } from './products.ts';
import { batchSweep, forwardSweep } from './sweeps.ts';
import { traceGradient } from './traceArgument.ts';
import { atUnits, unitSweeps } from './unitSweeps.ts';

export interface HessianOptions<A extends number = number> {
  /** Which argument to differentiate with respect to. Default 0. */
  argument?: A;
}

/**
 * The Hessian of a scalar function: `hessian(f)(x, ...)` has shape [...x, ...x]; for nested objects and arrays it has the
 * structure of x, and in each place of a tensor the structure of x again.
 *
 * Forward mode over reverse mode, all columns as one batch: the work of as many Hessian-vector products as x has
 * elements. Where most second derivatives are known to be zero, `sparseHessian` takes far fewer.
 * @throws ShapeError where f is not scalar; UndefinedGradientError where a derivative does not exist
 */
export function hessian<Args extends readonly any[], const A extends number = 0>(
  f: (...args: Args) => Variable,
  options: HessianOptions<A> = {},
): (...args: Arguments<Args>) => JacobianOf<Args[A], Args[A]> {
  checkOptions('hessian', options, { argument: anything });
  const { argument = 0 } = options;
  return (...args) => {
    const gradient = traceGradient('hessian', f, args, argument);
    return jacobianOfTraced('hessian', gradient, 'forward') as JacobianOf<Args[A], Args[A]>;
  };
}

export interface HessianDiagonalOptions {
  /** Estimate from this many random Hessian-vector products. Absent: the exact diagonal. */
  probes?: number;
  /** The seed of the random probes. Default 0. */
  seed?: number;
}

/**
 * The diagonal of the Hessian of a scalar function at x, of the structure of `x`.
 *
 * Exact by default, from as many Hessian-vector products as x has elements. With `probes`, an unbiased estimate from
 * that many: the mean of v * (H v) over random vectors v of signs, whose element i has the variance
 * sum over j other than i of H_ij^2, divided by `probes`. It is exact where H is diagonal.
 * @param x where: a tensor, or nested arrays and objects of them
 * @throws ShapeError where f is not scalar; UndefinedGradientError where a derivative does not exist
 * @see Bekas, Kokiopoulou and Saad, "An estimator for the diagonal of a matrix", 2007
 */
export function hessianDiagonal<X>(
  f: (x: X) => Variable,
  x: Argument<X>,
  { probes, seed = 0 }: HessianDiagonalOptions = {},
): X {
  const name = 'hessianDiagonal';
  if (probes !== undefined && !(Number.isInteger(probes) && probes > 0))
    throw new ChainruleError(`${name}: ${probes} probes; use a whole number of at least 1${at()}`);
  const { argument, inputs, outputs } = traceGradient(name, f, [x], 0);
  if (probes === undefined) {
    const exact = inputs.map((each, i) => {
      const [sweep] = unitSweeps(name, 'forward', [each], [outputs[i]]);
      const [rows] = atUnits(sweep);
      const size = sizeOf(each.shape);
      return reshape(diagonal(reshape(rows, [size, size])), each.shape);
    });
    return refill(argument, exact) as X;
  }
  const vectors = inputs.map((each, i) => signs([probes, ...each.shape], each.dtype, hash(seed) + i));
  const products = batchSweep(forwardSweep(name, outputs, inputs), vectors, probes);
  return refill(
    argument,
    products.map((product, i) => mean(mul(vectors[i], product), 0)),
  ) as X;
}

/** MurmurHash3's finaliser: a bijection of 32-bit words in which every input bit moves about half of the output. */
function hash(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** -1 or 1 in every place, as a seed has it: bits of hashed counters, stored as truth values. */
function signs(shape: Shape, dtype: DType, seed: number): Variable {
  const start = hash(seed + 0x9e3779b9);
  const bits = Uint8Array.from({ length: sizeOf(shape) }, (_, i) => hash(start + i) >>> 31);
  return sub(mul(2, cast(constant(new Tensor(shape, 'bool', bits)), dtype)), 1);
}
