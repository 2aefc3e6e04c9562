/** Unit tensors: the seeds that give every column or row of a Jacobian, and what they make of the products they meet. */
import {
  type Application,
  applyOperation,
  prune,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
  type Variable,
  withSite,
} from '../graph/index.ts';
import { add } from '../operations/arithmetic.ts';
import { broadcastTo } from '../operations/broadcasting.ts';
import { cast } from '../operations/conversion.ts';
import { mul } from '../operations/elementwise.ts';
import { full, iota } from '../operations/generators.ts';
import { equal, where } from '../operations/logic.ts';
import { reshape, transpose } from '../operations/movement.ts';
import { uniformValue } from '../operations/uniform.ts';

/** bool [size, ...shape]: whether the element is the one that the leading axis counts. */
function unitMask(shape: Shape): Variable {
  const whole = [sizeOf(shape), ...shape];
  const strides = stridesOf(shape);
  const position = shape
    .map((_, axis) => {
      const coordinate = iota(whole, axis + 1);
      return strides[axis] === 1 ? coordinate : mul(coordinate, strides[axis]);
    })
    .reduce((total, each) => add(total, each));
  return equal(iota(whole, 0), position);
}

/**
 * What a graph makes of all unit tensors, as far as that is known without running it for each of them.
 *
 * Through elementwise operations all units together stay a diagonal matrix, of which this follows the diagonal: what the
 * graph makes of a seed of ones. And a diagonal matrix times another scales its rows. So the elementwise start of a
 * Jacobian costs n operations instead of n^2, and a chain of n matrix products takes n - 1 of them; none is by an
 * identity matrix.
 * @param seed an open seed
 * @param products what depends on it
 * @returns the variables where this ends, with their values for all units along a leading axis: every path from the
 * seed to the products passes through one of them
 */
export function unitValues(seed: Variable, products: readonly Variable[]): Map<Variable, Variable> {
  const diagonals = new Map([[seed, full(seed.shape, 1, seed.dtype)]]);
  const values = new Map<Variable, Variable>();
  const ends = new Set(products);
  const { applications, reached } = prune(products, [seed]);
  for (const application of applications) {
    const { operation, inputs, outputs, attributes, site } = application;
    const moving = inputs.filter((each) => reached.has(each));
    const [first, ...others] = moving.map((each) => diagonals.get(each));
    if (first !== undefined && !others.includes(undefined) && staysDiagonal(application, moving)) {
      const ones = inputs.map((each) => diagonals.get(each) ?? each);
      diagonals.set(
        outputs[0],
        withSite(site, () => applyOperation(operation, ones, attributes)[0]),
      );
    } else if (first !== undefined && operation.computation.kind === 'product' && scalesMatrix(moving)) {
      const [a, b] = inputs;
      const made = withSite(site, () => (moving[0] === a ? timesMatrix(first, b) : matrixTimes(a, first)));
      values.set(outputs[0], made);
    } else for (const each of moving) ends.add(each);
  }
  for (const end of ends) {
    const diagonal = diagonals.get(end);
    if (diagonal !== undefined) values.set(end, diagonalMatrix(diagonal));
  }
  return values;
}

/** Whether one factor of a product moves, and the factors are single matrices. */
function scalesMatrix(moving: readonly Variable[]): boolean {
  return moving.length === 1 && moving[0].rank === 2;
}

/** A matrix by its diagonal, with its columns of the shape of the diagonal: [size, ...shape]. */
function diagonalMatrix(diagonal: Variable): Variable {
  const mask = unitMask(diagonal.shape);
  return uniformValue(diagonal) === 1 ? cast(mask, diagonal.dtype) : where(mask, diagonal, 0);
}

/** Whether each element of the output depends on one element of the moving inputs: the one in the same place. */
function staysDiagonal(
  { operation, inputs, outputs, attributes }: Application,
  moving: readonly Variable[],
): boolean {
  const { computation, opaque } = operation;
  const [{ shape }] = outputs;
  if (opaque === true) return false;
  if (computation.kind === 'elementwise') return moving.every((each) => sameShape(each.shape, shape));
  // A view shows its first input; others it only waits for.
  if (computation.kind !== 'view' || moving.length > 1 || moving[0] !== inputs[0]) return false;
  if (sizeOf(inputs[0].shape) !== sizeOf(shape)) return false;
  const own = stridesOf(shape);
  const whole = { shape: inputs[0].shape, strides: stridesOf(inputs[0].shape), offset: 0 };
  const view = computation.view(whole, shape, attributes);
  return (
    view?.offset === 0 && shape.every((extent, axis) => extent === 1 || view.strides[axis] === own[axis])
  );
}

/** The products of `matrix` [k, m] with each unit of [n, k], weighted by `diagonal` [n, k]: shape [n k, n, m]. */
function timesMatrix(diagonal: Variable, matrix: Variable): Variable {
  const [n, k] = diagonal.shape;
  const m = matrix.shape[1];
  const rows = scaled(matrix, reshape(diagonal, [n, k, 1]));
  if (n === 1) return reshape(rows, [k, 1, m]);
  const own = reshape(unitMask([n]), [n, 1, n, 1]);
  return reshape(where(own, reshape(rows, [n, k, 1, m]), 0), [n * k, n, m]);
}

/** The products of each unit of [k, m], weighted by `diagonal` [k, m], with `matrix` [n, k]: shape [k m, n, m]. */
function matrixTimes(matrix: Variable, diagonal: Variable): Variable {
  const [k, m] = diagonal.shape;
  const n = matrix.shape[0];
  const columns = scaled(reshape(transpose(matrix), [k, 1, n]), reshape(diagonal, [k, m, 1]));
  if (m === 1) return reshape(columns, [k, n, 1]);
  const own = reshape(unitMask([m]), [1, m, 1, m]);
  return reshape(where(own, reshape(columns, [k, m, n, 1]), 0), [k * m, n, m]);
}

/** `x` times factors that broadcast with it; ones take no multiplication. */
function scaled(x: Variable, factors: Variable): Variable {
  if (uniformValue(factors) !== 1) return mul(factors, x);
  const lead = factors.shape.slice(0, -1);
  return broadcastTo(x, [...lead, x.shape[x.rank - 1]]);
}
