/** Products with second derivatives, which are never formed: all that Krylov methods need. */
import { at, DTypeError, isFloat, isVariable, ShapeError, type Variable } from '../graph/index.ts';
import { gradients } from './backprop.ts';
import type { Argument } from './grad.ts';
import { leavesLike, pullThrough, pushThrough, refill, traceFresh } from './products.ts';

/** What a scalar function returned, checked. @throws DTypeError, ShapeError */
export function scalarResult(operation: string, value: unknown): Variable {
  if (!isVariable(value)) {
    throw new DTypeError(`${operation}: the function must return a Variable, not ${typeof value}${at()}`);
  }
  if (!isFloat(value.dtype)) {
    throw new DTypeError(
      `${operation}: ${value.toString()} is not floating point, so nothing can be differentiated${at()}`,
    );
  }
  if (value.rank > 0) {
    throw new ShapeError(
      `${operation}: the function returned ${value.toString()}; second derivatives are those of a scalar: reduce it (sum, mean)${at()}`,
    );
  }
  return value;
}

/** J v of `outputs` for the Jacobian with respect to `inputs`, one part for each output. */
function pushAll(
  operation: string,
  outputs: readonly Variable[],
  inputs: readonly Variable[],
  tangents: readonly Variable[],
): Variable[] {
  return pushThrough(operation, outputs, inputs, new Map(inputs.map((each, i) => [each, tangents[i]])));
}

/**
 * The Hessian-vector product H v of a scalar function at x, by forward mode over reverse mode: the derivative of the
 * gradient along v. It costs a small multiple of f, whatever the size of x, and H is never formed.
 *
 * For many vectors at one point, `linearize(grad(f), [x])` traces f once.
 * @param f a scalar function of one argument
 * @param x where: a tensor, or nested arrays and objects of them
 * @param v as `x`, in structure and shapes
 * @returns H v, of the structure of `x`
 * @throws ShapeError where f is not scalar or v does not fit; UndefinedGradientError where a derivative does not exist
 * @see eq. 6.59; Pearlmutter, "Fast exact multiplication by the Hessian", 1994
 */
export function hvp<X>(f: (x: X) => Variable, x: Argument<X>, v: Argument<X>): X {
  const { args, inputs, value } = traceFresh<[X], Variable>(f, [x]);
  const gradient = gradients(scalarResult('hvp', value), inputs, { disconnected: 'zero' });
  return refill(args[0], pushAll('hvp', gradient, inputs, leavesLike('hvp', v, args[0])));
}

/**
 * The Gauss-Newton product J^T H_loss J v of `loss(model(x))`: the Hessian-vector product without the term that holds
 * the curvature of the model. Where `loss` is convex the product is positive semidefinite, unlike the Hessian's, and
 * where the model is linear the two are equal. For a squared error it is J^T J v times a constant.
 *
 * ```ts
 * gaussNewtonProduct((w: Weights) => predict(w, images), (y) => crossEntropy(y, labels), weights, v)
 * ```
 * @param model a function of one argument; returns a tensor, or nested arrays and objects of them
 * @param loss a scalar function of what `model` returns
 * @param x where: a tensor, or nested arrays and objects of them
 * @param v as `x`, in structure and shapes
 * @returns the product, of the structure of `x`
 * @throws ShapeError where `loss` is not scalar or v does not fit; UndefinedGradientError where a derivative does not exist
 * @see Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", 2002
 */
export function gaussNewtonProduct<X, Y>(
  model: (x: X) => Y,
  loss: (y: Y) => Variable,
  x: Argument<X>,
  v: Argument<X>,
): X {
  const name = 'gaussNewtonProduct';
  const { args, inputs, value, outputs } = traceFresh<[X], Y>(model, [x]);
  const moved = pushAll(name, outputs, inputs, leavesLike(name, v, args[0]));
  const curved = hvp(
    (y: Y) => scalarResult(name, loss(y)),
    value as Argument<Y>,
    refill(value, moved) as Argument<Y>,
  );
  const seeds = leavesLike(name, curved, value);
  return refill(args[0], pullThrough(name, outputs, inputs, seeds));
}
