/** What the compiler knows of Krylov methods and minimisers: checked by `npx tsc`, never run. */
import { conjugateGradient, gmres, lanczos, lbfgs, minres, newtonCG } from '../../src/krylov/index.ts';
import { compile, hvp, square, sum, type Tensor, tensor, type Variable } from '../examples/support.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_: Actual, ..._same: Same<Actual, Expected> extends true ? [] : [never]): void => {};
}

type Weights = { W: Variable; rest: readonly [Variable, Variable] };
type Numbers = { W: Tensor; rest: readonly [Tensor, Tensor] };

declare const x: Tensor;
declare const b: Tensor<readonly [3]>;
declare const weights: Numbers;
declare const loss: (weights: Weights) => Variable;

// Products are compiled functions, or any other of Tensors; the right-hand side says what vectors are.
const f = (v: Variable): Variable => sum(square(v));
const product = compile((v: Variable) => hvp(f, x, v));
expectType<Tensor>()(conjugateGradient(product, x).x);
expectType<Tensor<readonly [3]>>()(minres(product, b).x);
expectType<Tensor<readonly [3]>>()(gmres((v) => tensor(v.data), b, { x0: b, restart: 5 }).x);
const overWeights = compile((v: Weights) => hvp(loss, weights, v));
const solution = conjugateGradient(overWeights, weights, {
  preconditioner: ({ W, rest: [one, other] }) => ({ W, rest: [one, other] }),
  callback: ({ x }) => expectType<Tensor>()(x.W),
});
expectType<Numbers>()(solution.x);
expectType<Numbers | undefined>()(solution.direction);
if (solution.reason === 'negativeCurvature') expectType<number | undefined>()(solution.curvature);
// @ts-expect-error: this reason is another method's
solution.reason === 'leastSquares';
// @ts-expect-error: a product gives vectors of the same structure
conjugateGradient((v) => v.W, weights);
// @ts-expect-error: x0 is a vector like b
minres(product, x, { x0: weights });
// @ts-expect-error: there is no such option
gmres(product, x, { restarts: 3 });

// The space of an eigenvalue problem is a size, or that of a vector.
expectType<readonly Tensor[]>()(lanczos(product, { size: 3 }).vectors);
expectType<readonly Numbers[]>()(lanczos(overWeights, { like: weights }).vectors);
expectType<readonly Numbers[]>()(
  lanczos(overWeights, { start: weights, which: 'largest', count: 2 }).vectors,
);
// @ts-expect-error: one of size, like and start
lanczos(product, { size: 3, like: x });
// @ts-expect-error: one of size, like and start
lanczos(product, {});
// @ts-expect-error: no such end
lanczos(product, { size: 3, which: 'LA' });

// Minimisers give numbers where f takes Variables.
expectType<Tensor>()(newtonCG(f, x).x);
expectType<Numbers>()(lbfgs(loss, weights).x as Numbers);
expectType<Tensor>()(lbfgs(loss, weights).x.rest[1]);
newtonCG(f, [1, 2, 3], { radius: 2, callback: ({ x, gradientNorm }) => x.size > 0 && gradientNorm > 1 });
// @ts-expect-error: an option of the other minimiser
newtonCG(f, x, { memory: 3 });
// @ts-expect-error: x0 has the structure of f's argument
lbfgs(loss, { W: x });
// @ts-expect-error: f returns a Variable
lbfgs((v: Variable) => [v], x);
