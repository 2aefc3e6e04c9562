/** What the compiler knows of Jacobians and Hessians: checked by `npx tsc`, never run. */
import {
  gaussNewtonProduct,
  hessian,
  hessianDiagonal,
  hvp,
  input,
  jacobian,
  jacobianCost,
  jacobianPattern,
  matmul,
  mul,
  type Shape,
  sparseHessian,
  sparseJacobian,
  spmv,
  square,
  sum,
  type Tensor,
  tanh,
  toDense,
  type Variable,
} from '../examples/support.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_: Actual, ..._same: Same<Actual, Expected> extends true ? [] : [never]): void => {};
}

declare const images: Tensor<readonly [2, 3]>;

const x = input([2, 3]);
const loose: Variable = x;

// Of a Variable, a Variable; of literal shapes, output before input.
const f = (a: Variable): Variable => tanh(a);
expectType<Variable<Shape>>()(jacobian(f)(x));
jacobian(f)([1, 2]);
jacobian(f, { mode: 'forward' })(images);
const layer = (a: Variable<readonly [2, 3]>) => matmul(a, input([3, 4]));
expectType<Variable<readonly [2, 4, 2, 3]>>()(jacobian(layer)(x));
expectType<Variable<readonly [2, 3, 2, 3]>>()(hessian((a: Variable<readonly [2, 3]>) => sum(a))(x));
// @ts-expect-error: a text is no tensor
jacobian(f)('one');
// @ts-expect-error: there is no such mode
jacobian(f, { mode: 'backward' });

// The argument that is chosen decides.
const g = (a: Variable<readonly [2]>, b: Variable<readonly [5]>) => square(a.shape.length > 1 ? b : b);
expectType<Variable<readonly [5, 5]>>()(jacobian(g, { argument: 1 })(input([2]), input([5])));
expectType<Variable<readonly [5, 2]>>()(jacobian(g)(input([2]), input([5])));

// Trees of trees.
interface Model {
  readonly layers: readonly { readonly weights: Variable; readonly bias: Variable<readonly [3]> }[];
  readonly scale: Variable<readonly []>;
}
declare const model: Model;
const outputs = (m: Model) => ({ value: sum(m.scale), parts: [m.scale, loose] as const });
const found = jacobian(outputs)(model);
expectType<Variable<Shape>>()(found.value.layers[0].weights);
expectType<Variable<readonly []>>()(found.parts[0].scale);
expectType<Variable<readonly [3]>>()(found.parts[0].layers[0].bias);
// @ts-expect-error: the output has no such part
void found.loss;
// @ts-expect-error: the argument has no such part
void found.value.offset;
const loss = (m: Model): Variable => sum(m.scale);
const second = hessian(loss)(model);
expectType<Variable<readonly []>>()(second.scale.scale);
expectType<Variable<readonly [3]>>()(second.layers[0].bias.scale);

// Products keep the structure of the argument.
expectType<Model>()(hvp(loss, model, model));
expectType<Model>()(gaussNewtonProduct(outputs, ({ value }) => value, model, model));
expectType<Variable>()(hessianDiagonal((a: Variable) => sum(a), [1, 2], { probes: 3 }));
hvp((a: Variable) => sum(a), [1, 2], [1, 0]);
// @ts-expect-error: the vector lacks a part
hvp(loss, model, { layers: [] });

// Derivatives nest.
expectType<Variable<Shape>>()(jacobian(jacobian(f))(x));
expectType<Variable<Shape>>()(jacobian(hessian((a: Variable) => sum(mul(a, a))))(x));
expectType<number>()(jacobianCost(f)(x).forward);

// Sparse ones are plain objects.
const sparse = sparseJacobian(f)(x);
expectType<Variable>()(sparse.values);
expectType<Int32Array>()(sparse.rowPointers);
expectType<'forward' | 'reverse'>()(sparse.mode);
expectType<Variable>()(toDense(sparseHessian((a: Variable) => sum(a))(x)));
expectType<Variable>()(spmv(sparse, [1, 2, 3]));
// @ts-expect-error: a pattern has no values
toDense(jacobianPattern(f)(x));
