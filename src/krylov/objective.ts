/** A scalar function of the user's, compiled with its derivatives, as a function of lists of numbers. */
import { type Argument, hvp, valueAndGrad } from '../autodiff/index.ts';
import { compile, type Evaluated } from '../engine/index.ts';
import { isTensorLike, mapTree, Tensor, type TensorLike, tensor, Variable } from '../graph/index.ts';
import { norm } from './flat.ts';
import { checkFinite, layoutOf } from './vectors.ts';

/** A place, and what f is there. */
export interface Point {
  /** As f saw it: rounded to the dtypes of the start. */
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
  /** |gradient| */
  readonly gradientNorm: number;
}

export interface Objective<X> {
  readonly start: Point;
  /** The machine epsilon of f's values. */
  readonly epsilon: number;
  /** f and its gradient, by one program. */
  at(x: Float64Array): Point;
  /** The Hessian at x times v. */
  curvature(x: Float64Array, v: Float64Array): Float64Array;
  restore(x: Float64Array): Evaluated<X>;
  evaluations(): number;
  products(): number;
}

/** Compiles f for arguments like x0. @throws where f is not scalar, or x0 not finite floating-point numbers */
export function objectiveOf<X>(method: string, f: (x: X) => Variable, x0: Argument<X>): Objective<X> {
  const start = mapTree(x0, isTensorLike, numbersOf) as Evaluated<X>;
  const layout = layoutOf(method, 'x0', start);
  const both = compile<any, any>(valueAndGrad<any>(f)) as (x: unknown) => [Tensor, unknown];
  const product = compile<any, any>((x: any, v: any) => hvp(f, x, v)) as (x: unknown, v: unknown) => unknown;
  let evaluations = 0;
  let products = 0;
  const at = (x: Float64Array): Point => {
    evaluations++;
    const tree = layout.restore(x);
    const [value, slopes] = both(tree);
    const gradient = layout.flatten(slopes, 'the gradient');
    return { x: layout.flatten(tree, 'x'), value: value.item(), gradient, gradientNorm: norm(gradient) };
  };
  const numbers = layout.flatten(start, 'x0');
  checkFinite(method, 'x0', numbers);
  return {
    start: at(numbers),
    epsilon: layout.epsilon,
    at,
    curvature(x, v) {
      products++;
      return layout.flatten(product(layout.restore(x), layout.restore(v)), 'the product');
    },
    restore: layout.restore,
    evaluations: () => evaluations,
    products: () => products,
  };
}

/** A Variable stays as it is, to be reported with its path. */
function numbersOf(leaf: TensorLike): Tensor | Variable {
  return leaf instanceof Tensor || leaf instanceof Variable ? leaf : tensor(leaf);
}
