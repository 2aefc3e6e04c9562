/**
 * The helper behind every elementwise operation: a scalar formula and its partial derivatives give the shape and
 * dtype rules, bprop and kernels. The chain rule multiplies, so `mul` itself is declared here.
 */
import {
  apply,
  at,
  type Broadcast,
  broadcastShapes,
  ChainruleError,
  type DType,
  DTypeError,
  type Edge,
  type Gradient,
  isFloat,
  type Kink,
  type Operation,
  promote,
  type ScalarLanguage,
  type Shape,
  type ShapeMismatch,
  sameShape,
  scalar,
  type Tensor,
  type TensorData,
  type TensorLike,
  toFloat,
  toVariable,
  Variable,
  weakDType,
  zero,
} from '../graph/index.ts';
import { cast } from './conversion.ts';
import { type Declared, type Domain, declare, type Sample } from './declare.ts';
import { uniformValue } from './uniform.ts';

/** An operand that is not a Variable. */
export type Plain = Tensor | TensorData;

/** A function of one operand, of its shape. */
export interface Unary {
  <S extends Shape>(x: Variable<S>): Variable<S>;
  (x: TensorLike): Variable;
}

/** A function of two operands that broadcast. */
export interface Binary {
  <N extends number, M extends number>(
    a: Variable<readonly [N, M]>,
    b: Variable<readonly [NoInfer<M>]>,
  ): Variable<readonly [N, M]>;
  <S extends Shape>(a: Variable<S>, b: Variable<NoInfer<S>> | number): Variable<S>;
  <A extends Shape, B extends Shape>(
    a: Variable<A>,
    b: Variable<B> &
      ([Broadcast<A, B>] extends [never] ? ShapeMismatch<'these shapes do not broadcast', A, B> : unknown),
  ): Variable<Broadcast<A, B>>;
  <S extends Shape>(a: number, b: Variable<S>): Variable<S>;
  (a: Plain, b: TensorLike): Variable;
  (a: TensorLike, b: Plain): Variable;
}

/** The operands a (also x), b, c, and the output y. */
export interface Values {
  readonly x: Variable;
  readonly a: Variable;
  readonly b: Variable;
  readonly c: Variable;
  readonly y: Variable;
}

/** What a partial derivative is written in: operands and output, and the incoming gradient g. */
export interface Names extends Values {
  readonly g: Variable;
}

function valuesOf([a, b, c]: readonly Variable[], [y]: readonly Variable[]): Values {
  return { x: a, a, b, c, y };
}

/** `float` computes in floats (integers are converted), `number` keeps integers, `bool` reads truth values. */
export type Operands = 'float' | 'number' | 'bool' | 'any';

export interface Rules {
  doc: string;
  /** What the operands become. Default `float`. */
  operands?: Operands;
  /** Default: the operands' dtype. */
  result?: 'bool';
  /** Of two operands: the formula gives the same for both orders, to the last bit. */
  commutative?: true;
  /** Compute float32 in float64 and round once, at the end: for formulas that lose digits on the way. */
  inFloat64?: true;
  formula<T>(k: ScalarLanguage<T>, ...inputs: T[]): T;
  /** One per operand: the partial derivative, to be multiplied by g; use y where that is cheaper or stabler. */
  partials?: readonly ((names: Names) => Variable)[];
  /** One per operand: the whole vector-Jacobian product, for rules that route g rather than multiply it. */
  routes?: readonly ((names: Names) => Gradient)[];
  /** Where the partials hold by convention only. */
  kinks?(values: Values): readonly Kink[];
  notDifferentiable?: string;
  /** Where to test it; no samples if absent. */
  samples?: Domain | readonly Domain[];
  special?: readonly number[];
  /** The same in PyTorch, of x, y, z. */
  torch?: string;
}

/** Operands brought to one dtype by the promotion policy. */
export function unify(operands: readonly TensorLike[], kind: Operands): Variable[] {
  const given = operands.map((operand) => (typeof operand === 'number' ? operand : toVariable(operand)));
  const strong = given.filter((operand) => operand instanceof Variable).map((operand) => operand.dtype);
  const base = strong.length === 0 ? 'float32' : strong.reduce(promote);
  let dtype: DType = base;
  for (const operand of given)
    if (typeof operand === 'number') dtype = promote(dtype, weakDType(operand, base));
  if (kind === 'float') dtype = toFloat(dtype);
  if (kind === 'number' && dtype === 'bool') dtype = 'int32';
  if (kind === 'bool') dtype = 'bool';
  return given.map((operand) =>
    typeof operand === 'number' && dtype !== 'bool' ? scalar(operand, dtype) : cast(operand, dtype),
  );
}

/** g times a partial derivative; a g of ones (the start of back-propagation) adds no node. */
function chain(g: Variable, partial: Variable): Variable {
  return sameShape(g.shape, partial.shape) && uniformValue(g) === 1 ? partial : mul(g, partial);
}

/** Declares the Operation of an elementwise formula. */
export function elementwiseOperation(name: string, rules: Rules): Operation<Record<string, never>> {
  return {
    name,
    infer(inputs) {
      const dtype = inputs[inputs.length - 1].dtype;
      for (const each of inputs) {
        if (each.dtype !== dtype && name !== 'where') {
          throw new DTypeError(
            `${name}: operands of ${inputs.map((i) => i.dtype).join(' and ')}; cast them to one dtype${at()}`,
          );
        }
      }
      return [
        { shape: broadcastShapes(name, ...inputs.map((each) => each.shape)), dtype: rules.result ?? dtype },
      ];
    },
    bprop({ inputs, outputs, index, g }: Edge<unknown>): Gradient {
      if (!isFloat(outputs[0].dtype)) return zero;
      const names = { ...valuesOf(inputs, outputs), g };
      const route = rules.routes?.[index];
      if (route !== undefined) return route(names);
      const partial = rules.partials?.[index];
      return partial === undefined ? zero : chain(g, partial(names));
    },
    kinks: ({ inputs, outputs }) => rules.kinks?.(valuesOf(inputs, outputs)) ?? [],
    commutative: rules.commutative,
    computation: { kind: 'elementwise', formula: (k, inputs) => rules.formula(k, ...inputs) },
  };
}

/** Applies an operation to floats of one dtype, in float64, and rounds the result to that dtype. */
export function applyInFloat64<A>(
  operation: Operation<A>,
  operands: readonly Variable[],
  attributes: A,
): Variable {
  const wide = operands.map((operand) => cast(operand, 'float64'));
  return cast(apply(operation, wide, attributes), operands[0].dtype);
}

/** Shapes that exercise broadcasting, for each number of operands. */
const SHAPES: Record<number, readonly (readonly number[])[][]> = {
  1: [[[3, 4]], [[]], [[0, 2]], [[17]]],
  2: [
    [
      [3, 4],
      [3, 4],
    ],
    [[3, 4], [4]],
    [
      [3, 1],
      [1, 4],
    ],
    [[], [2, 3]],
    [
      [2, 1, 5],
      [4, 1],
    ],
    [[0, 3], [3]],
  ],
  3: [
    [
      [3, 4],
      [3, 4],
      [3, 4],
    ],
    [[3, 1], [4], [3, 4]],
    [[5], [], []],
    [[], [2, 3], [3]],
  ],
};

/** Sample calls of `call` over every broadcast pattern. */
export function elementwiseSamples(
  call: (...inputs: Variable[]) => Variable,
  domains: readonly Domain[],
  torch: string | undefined,
): Sample[] {
  return SHAPES[domains.length].map((shapes) => ({
    inputs: shapes.map((shape, i) => ({ shape, domain: domains[i] })),
    call,
    torch,
  }));
}

/** An elementwise function of `arity` operands. */
export function elementwise<F extends (...args: any[]) => Variable>(
  name: string,
  arity: number,
  rules: Rules,
): Declared<F> {
  const operation = elementwiseOperation(name, rules);
  const operands = rules.operands ?? 'float';
  const { samples } = rules;
  const domains = Array.isArray(samples)
    ? (samples as Domain[])
    : new Array<Domain>(arity).fill(samples as Domain);
  const call = (...args: TensorLike[]): Variable => {
    const given = args.slice(0, arity);
    if (given.length < arity || given.some((arg) => arg === undefined)) {
      throw new ChainruleError(
        `${name}: takes ${arity} operand${arity > 1 ? 's' : ''}, one is missing${at()}`,
      );
    }
    const applied = rules.inFloat64 === true ? applyInFloat64 : apply;
    return applied(operation, unify(given, operands), {});
  };
  return declare(call as unknown as F)({
    name,
    doc: rules.doc,
    dtypes: rules.result === 'bool' ? `${operands} -> bool` : operands,
    operation,
    samples: samples === undefined ? [] : elementwiseSamples(call, domains, rules.torch),
    special: rules.special,
    notDifferentiable: rules.notDifferentiable,
  });
}

/** An elementwise function of one operand. */
export function unary(name: string, rules: Rules): Declared<Unary> {
  return elementwise<Unary>(name, 1, rules);
}

/** An elementwise function of two operands. */
export function binary(name: string, rules: Rules): Declared<Binary> {
  return elementwise<Binary>(name, 2, rules);
}

/** An elementwise function of three operands. */
export function ternary<F extends (...args: any[]) => Variable>(name: string, rules: Rules): Declared<F> {
  return elementwise<F>(name, 3, rules);
}

export const mul: Declared<Binary> = binary('mul', {
  doc: 'Product: y = a b. Both inputs count as distinct: mul(x, x) has two terms.',
  operands: 'number',
  commutative: true,
  formula: (k, a, b) => k.mul(a, b),
  partials: [({ b }) => b, ({ a }) => a],
  samples: { low: -3, high: 3 },
  special: [0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-40, 3e38],
  torch: 'x * y',
});
