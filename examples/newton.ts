/**
 * Newton's method without a Hessian: Rosenbrock's valley in ten dimensions.
 *
 *   f(x) = sum of 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2        minimum 0 where every x_i is 1
 *
 * The valley is curved and flat along its floor, steep across: steps down the gradient bounce from wall to wall. Newton's
 * step solves H p = -g, with H the matrix of second derivatives. Nobody forms H: conjugate gradients need only products
 * H v, and one is the derivative of the gradient along v, which costs a few times as much as f. A trust region says how
 * far the quadratic model may be believed.
 *
 * See Nocedal and Wright, "Numerical Optimization" (2006), algorithms 4.1 and 7.2; Goodfellow, Bengio and Courville, "Deep
 * Learning" (2016), eq. 6.59 for the product.
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { add, compile, hvp, mul, slice, square, sub, sum, tensor, type Variable } from 'chainrule';
import { lanczos, lbfgs, newtonCG } from 'chainrule/krylov';

const n = 10;

function rosenbrock(x: Variable): Variable {
  const here = slice(x, [0], [n - 1]);
  const next = slice(x, [1], [n]);
  return add(mul(100, sum(square(sub(next, square(here))))), sum(square(sub(1, here))));
}

export interface Outcome {
  /** The largest distance of an element from 1. */
  readonly error: number;
  readonly iterations: { readonly newtonCG: number; readonly lbfgs: number };
  /** The smallest and the largest eigenvalue of the Hessian at the minimum. */
  readonly eigenvalues: readonly number[];
}

export function main(print: (line: string) => void = console.log): Outcome {
  const start = tensor(
    Array.from({ length: n }, (_, i) => (i % 2 === 0 ? -1.2 : 1)),
    { dtype: 'float64' },
  );

  print('iteration  f          |gradient|  |step|');
  const found = newtonCG(rosenbrock, start, {
    tolerance: 1e-10,
    // Every tenth step of the way, and all of the end, where the exact digits double.
    callback: ({ iteration, value, gradientNorm, stepNorm }) => {
      if (iteration % 10 !== 0 && gradientNorm > 1) return;
      const numbers = [value, gradientNorm, stepNorm].map((each) => each.toExponential(2).padEnd(10));
      print(`${String(iteration).padStart(9)}  ${numbers.join(' ').trimEnd()}`);
    },
  });
  const error = Math.max(...Array.from(found.x.data, (each) => Math.abs(each - 1)));
  print('');
  print(
    `newtonCG: ${found.reason} after ${found.iterations} iterations, ${found.products} Hessian-vector products`,
  );

  const other = lbfgs(rosenbrock, start, { tolerance: 1e-10 });
  print(`lbfgs:    ${other.reason} after ${other.iterations} iterations, ${other.evaluations} gradients`);

  // How much steeper the walls are than the floor: the largest and the smallest curvature.
  const product = compile((v: Variable) => hvp(rosenbrock, found.x, v));
  const { values } = lanczos(product, { size: n });
  const [low, high] = values;
  print(`curvature at the minimum: from ${low.toFixed(3)} to ${high.toFixed(1)}`);
  return {
    error,
    iterations: { newtonCG: found.iterations, lbfgs: other.iterations },
    eigenvalues: values,
  };
}

if (argv[1] === fileURLToPath(import.meta.url)) main();
