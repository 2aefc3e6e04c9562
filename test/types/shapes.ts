/**
 * What the compiler knows of shapes: this file is checked by `npx tsc`, never run. A line under `@ts-expect-error`
 * must not compile; everything else must, with the types that `expectType` states.
 */
import {
  abs,
  add,
  type Broadcast,
  broadcastTo,
  cast,
  concat,
  constant,
  exp,
  full,
  input,
  type MatmulShape,
  matmul,
  maximum,
  mul,
  parameter,
  relu,
  reshape,
  type Shape,
  sigmoid,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  type Variable,
  where,
} from '../examples/support.ts';

/** Whether two types are the same, and not merely assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if the argument's type is exactly `Expected`. */
function expectType<Expected>() {
  return <Actual>(_: Actual, ..._same: Same<Actual, Expected> extends true ? [] : [never]): void => {};
}

type V<S extends Shape> = Variable<S>;

declare const size: number;
declare const unknownRank: Variable;
declare const numbers: Tensor;

const scalar = input([]);
const vector = input([3]);
const m23 = input([2, 3]);
const m34 = input([3, 4]);
const m13 = input([1, 3]);
const m21 = input([2, 1]);
const open = input([size, 3]);

// Literal shapes are kept.
expectType<V<readonly []>>()(scalar);
expectType<V<readonly [3]>>()(vector);
expectType<V<readonly [2, 3]>>()(m23);
expectType<V<readonly [number, 3]>>()(open);
expectType<readonly [2, 3]>()(m23.shape);

// A known shape fits where a shape is unknown, and not the other way round.
const widened: Variable = m23;
const sameRank: Variable<readonly [number, number]> = m23;
// @ts-expect-error: the compiler does not know that it is [2, 3]
const narrowed: Variable<readonly [2, 3]> = unknownRank;
// @ts-expect-error: [2, 3] is not [3, 2]
const turned: Variable<readonly [3, 2]> = m23;
void [widened, sameRank, narrowed, turned];

// matmul: [N, K] x [K, M] is [N, M].
expectType<V<readonly [2, 4]>>()(matmul(m23, m34));
expectType<V<readonly [2, 4]>>()(m23.matmul(m34));
expectType<V<readonly [number, 4]>>()(matmul(open, m34));
// @ts-expect-error: inner sizes 3 and 2 differ
matmul(m23, m23);
// @ts-expect-error: inner sizes 4 and 3 differ
matmul(m34, m34);
// @ts-expect-error: inner sizes 3 and 2 differ
matmul(open, m23);
// An extent that the compiler does not know is left to run time.
matmul(m23, input([size, 4]));
matmul(input([2, size]), m34);
// So is an unknown rank, and what is not a Variable.
expectType<Variable<Shape>>()(matmul(unknownRank, m34));
matmul(m23, unknownRank);
matmul(numbers, m34);
matmul(m23, [[1], [2], [3]]);
m23.matmul(numbers);
m23.matmul(unknownRank);
unknownRank.matmul(m23);
// @ts-expect-error: inner sizes 3 and 2 differ
m23.matmul(m23);

// Elementwise operations broadcast.
expectType<V<readonly [2, 3]>>()(add(m23, m23));
expectType<V<readonly [2, 3]>>()(add(m23, vector));
expectType<V<readonly [2, 3]>>()(add(vector, m23));
expectType<V<readonly [2, 3]>>()(add(m13, m21));
expectType<V<readonly [2, 3]>>()(mul(m23, scalar));
expectType<V<readonly [2, 3]>>()(maximum(m21, vector));
expectType<V<readonly [2, 3]>>()(add(m23, 1));
expectType<V<readonly [2, 3]>>()(sub(1, m23));
expectType<V<readonly [2, 3]>>()(m23.mul(vector));
expectType<V<readonly [2, 3]>>()(m23.sub(0.5));
expectType<V<readonly [number, 3]>>()(add(open, vector));
expectType<Variable<Shape>>()(add(unknownRank, m23));
add(unknownRank, 1);
add(m23, numbers);
add([1, 2, 3], m23);
// @ts-expect-error: [2, 3] and [4] do not broadcast
add(m23, input([4]));
// @ts-expect-error: [2, 3] and [3, 4] do not broadcast
mul(m23, m34);
// @ts-expect-error: [2, 3] and [2] do not broadcast: shapes align at the last axis
sub(m23, input([2]));
// @ts-expect-error: [2, 3] and [4] do not broadcast
m23.add(input([4]));
// @ts-expect-error: a text is no operand
add(m23, 'one');
// @ts-expect-error: a text is no operand
m23.add('one');
unknownRank.add(m23).mul(2);
m23.add(unknownRank);
m23.add([1, 2, 3]).sub(numbers);

// Functions of one operand keep its shape, as functions and as methods.
expectType<V<readonly [2, 3]>>()(tanh(m23));
expectType<V<readonly [2, 3]>>()(relu(m23));
expectType<V<readonly [2, 3]>>()(m23.sigmoid());
expectType<V<readonly [3]>>()(vector.exp().abs());
expectType<Variable<Shape>>()(sigmoid(unknownRank));
exp(3);
abs([1, -2]);

// Reductions and movement.
expectType<V<readonly []>>()(sum(m23));
expectType<V<readonly []>>()(m23.sum());
expectType<V<readonly []>>()(m23.mean());
expectType<Variable<Shape>>()(sum(m23, 0));
expectType<Variable<Shape>>()(m23.max(-1, { keepDims: true }));
expectType<Variable<Shape>>()(m23.softmax());
expectType<V<readonly [3, 2]>>()(transpose(m23));
expectType<V<readonly [3, 2]>>()(m23.transpose());
expectType<Variable<Shape>>()(m23.transpose([1, 0]));
expectType<V<readonly [6]>>()(reshape(m23, [6]));
expectType<V<readonly [3, 2]>>()(m23.reshape([3, 2]));
expectType<V<readonly [5, 2, 3]>>()(broadcastTo(m23, [5, 2, 3]));
expectType<V<readonly [5, 2, 3]>>()(m23.broadcastTo([5, 2, 3]));
expectType<V<readonly [2, 3]>>()(cast(m23, 'float64'));
expectType<V<readonly [2, 3]>>()(m23.cast('float64'));
expectType<V<readonly [2, 2]>>()(full([2, 2], 0));
expectType<Variable<Shape>>()(concat([m23, m13]));
expectType<[value: Variable, index: Variable]>()(m23.maxWithIndex(1));
expectType<V<readonly [2, 3]>>()(where(input([2, 3], { dtype: 'bool' }), m23, 0));
// @ts-expect-error: there is no such dtype
cast(m23, 'float16');
// @ts-expect-error: there is no such dtype
m23.cast('float16');
// @ts-expect-error: an axis is a number
sum(m23, 'rows');
// @ts-expect-error: an axis is a number
m23.sum('rows');
// @ts-expect-error: lists of tensors have no methods
m23.concat([m23]);

// Leaves.
declare const image: Tensor<readonly [28, 28]>;
expectType<V<readonly [28, 28]>>()(constant(image));
const weights = parameter(image);
expectType<readonly [28, 28]>()(weights.shape);
expectType<Tensor<readonly [28, 28]>>()(weights.value);
expectType<Variable<Shape>>()(constant([1, 2]));
tensor(
  [
    [1, 2],
    [3, 4],
  ],
  { dtype: 'int32' },
);
// @ts-expect-error: there is no such dtype
tensor([1, 2], { dtype: 'int8' });
// @ts-expect-error: a text is no tensor
tensor('one');

// Generic layers: extents are type parameters, and are unified. NoInfer says which operand decides; without it the
// compiler would settle two extents that differ as `784 | 748`, and leave the error to run time.
function layer<N extends number, I extends number, O extends number>(
  x: Variable<readonly [N, I]>,
  w: Variable<readonly [NoInfer<I>, O]>,
  b: Variable<readonly [NoInfer<O>]>,
): Variable<readonly [N, O]> {
  return relu(add(matmul(x, w), broadcastTo(b, [x.shape[0], w.shape[1]])));
}

const images = input([32, 784]);
const hidden = layer(images, input([784, 128]), input([128]));
expectType<V<readonly [32, 128]>>()(hidden);
expectType<V<readonly [32, 10]>>()(layer(hidden, input([128, 10]), input([10])));
expectType<V<readonly [number, 10]>>()(layer(input([size, 128]), input([128, 10]), input([10])));
// @ts-expect-error: 784 inputs do not meet 748 rows of weights
layer(images, input([748, 128]), input([128]));
// @ts-expect-error: the bias has another size than the weights
layer(images, input([784, 128]), input([127]));

// The same within the body of a generic function, without a known extent.
function product<N extends number, I extends number, O extends number>(
  x: Variable<readonly [N, I]>,
  w: Variable<readonly [I, O]>,
): Variable<readonly [N, O]> {
  return matmul(x, w);
}
expectType<V<readonly [2, 4]>>()(product(m23, m34));

function residual<S extends Shape>(x: Variable<S>): Variable<S> {
  return add(x, tanh(x));
}
expectType<V<readonly [2, 3]>>()(residual(m23));

// The type functions themselves.
type Is<A, B> = Same<A, B> extends true ? true : never;
const shapes: [
  Is<Broadcast<readonly [2, 1], readonly [3]>, readonly [2, 3]>,
  Is<Broadcast<readonly [], readonly [3]>, readonly [3]>,
  Is<Broadcast<readonly [2], readonly [3]>, never>,
  Is<Broadcast<readonly [number], readonly [3]>, readonly [3]>,
  Is<Broadcast<readonly [number], readonly [1]>, readonly [number]>,
  Is<Broadcast<Shape, readonly [3]>, Shape>,
  Is<MatmulShape<readonly [2, 3], readonly [3, 4]>, readonly [2, 4]>,
  Is<MatmulShape<readonly [2, 3], readonly [4, 4]>, never>,
  Is<MatmulShape<readonly [2, number], readonly [4, 5]>, readonly [2, 5]>,
  Is<MatmulShape<Shape, readonly [4, 5]>, Shape>,
  Is<MatmulShape<readonly [7, 2, 3], readonly [3, 4]>, Shape>,
] = [true, true, true, true, true, true, true, true, true, true, true];
void shapes;
