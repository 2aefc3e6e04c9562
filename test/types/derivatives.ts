/** What the compiler knows of derivatives: checked by `npx tsc`, never run. */
import {
  grad,
  gradients,
  input,
  matmul,
  mul,
  type Parameter,
  parameter,
  type Shape,
  sum,
  type Tensor,
  tanh,
  tensor,
  type Variable,
  valueAndGrad,
} from '../examples/support.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_: Actual, ..._same: Same<Actual, Expected> extends true ? [] : [never]): void => {};
}

declare const loose: Variable[];
declare const weights: Parameter<readonly [3, 4]>;
declare const images: Tensor<readonly [2, 3]>;

const x = input([2, 3]);
const z = sum(tanh(matmul(x, weights)));

// Gradients have the shapes of their targets, one for one.
const [dx, dw] = gradients(z, [x, weights]);
expectType<Variable<readonly [2, 3]>>()(dx);
expectType<Variable<readonly [3, 4]>>()(dw);
expectType<[Variable<readonly [2, 3]>]>()(gradients(z, [x]));
expectType<Variable<Shape>[]>()(gradients(z, loose));
gradients(z, loose, { disconnected: 'zero' });
gradients(z, [x], { seed: z });
// @ts-expect-error: the second target does not exist in the answer
const [, missing] = gradients(z, [x]);
void missing;
// @ts-expect-error: targets are Variables
gradients(z, [images]);
// @ts-expect-error: there is no such option
gradients(z, [x], { disconnected: 'ignore' });
// @ts-expect-error: a target list, not a target
gradients(z, x);

// grad takes what operations take, and gives what its argument was.
const f = (a: Variable, b: Variable): Variable => sum(mul(a, b));
expectType<Variable>()(grad(f)(x, x));
grad(f)([1, 2], 3);
grad(f)(images, new Float32Array(3));
grad(f, { argument: 1 })(tensor([1]), x);
// What it gives is a function of Variables again, and its type follows the argument.
const cube = (a: Variable): Variable => mul(a, mul(a, a));
expectType<Variable>()(grad(grad(grad(cube)))(2));
expectType<Variable>()(grad(tanh)(2));
const scaled = (a: Variable, weights: { w: Variable }): Variable => sum(mul(a, weights.w));
expectType<{ w: Variable }>()(grad(scaled, { argument: 1 })(x, { w: 3 }));
// @ts-expect-error: f takes two arguments
grad(f)(x);
// @ts-expect-error: a text is no tensor
grad(f)(x, 'one');
// @ts-expect-error: the function must return a Variable
grad((a: Variable) => a.shape.length);

const typed = (a: Variable<readonly [2, 3]>): Variable => sum(a);
expectType<Variable<readonly [2, 3]>>()(grad(typed)(x));
expectType<[value: Variable, gradient: Variable<readonly [2, 3]>]>()(valueAndGrad(typed)(images));

// Nested arguments keep their structure.
interface Model {
  readonly layers: readonly { readonly weights: Variable; readonly bias: Variable }[];
  readonly scale: Variable;
}
const loss = ({ scale }: Model, data: Variable): Variable => sum(mul(scale, data));
const gradient = grad(loss)({ layers: [{ weights: [[1]], bias: parameter([0]) }], scale: 2 }, [1, 2, 3]);
expectType<Model>()(gradient);
expectType<Variable>()(gradient.layers[0].weights);
// @ts-expect-error: the model lacks its scale
grad(loss)({ layers: [] }, [1]);
// @ts-expect-error: the gradient has no such part
void gradient.offset;

// Derivatives nest.
const second = grad((a: Variable) => grad((b: Variable) => mul(mul(a, b), b))(a));
expectType<Variable>()(second(3));
