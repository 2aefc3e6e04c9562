/**
 * Fluent methods: every operation whose first argument is a tensor is also a method of Variable, with the types of
 * the function. Importing this module installs them (it is the one module of the library with a side effect).
 */
import {
  type Axis,
  type Broadcast,
  type DType,
  type MatmulShape,
  type Shape,
  type ShapeMismatch,
  Variable,
} from '../graph/index.ts';
import type { KeepDims, Reduction } from './broadcasting.ts';
import type { Declared } from './declare.ts';
import type { Binary, Plain, Unary } from './elementwise.ts';
import type { Matmul } from './linearAlgebra.ts';
import type { LogSumExpOptions } from './logSumExp.ts';
import { type OperationName, registry } from './registry/index.ts';

/** Operations that do not start from a tensor. */
const FUNCTIONS_ONLY = [
  'concat',
  'stack',
  'einsum',
  'eye',
  'iota',
  'polygamma',
] as const satisfies OperationName[];

type MethodName = Exclude<OperationName, (typeof FUNCTIONS_ONLY)[number]>;

type UnaryMethod = <S extends Shape>(this: Variable<S>) => Variable<S>;

interface BinaryMethod {
  <S extends Shape>(this: Variable<S>, other: Variable<NoInfer<S>> | number): Variable<S>;
  <A extends Shape, B extends Shape>(
    this: Variable<A>,
    other: Variable<B> &
      ([Broadcast<A, B>] extends [never] ? ShapeMismatch<'these shapes do not broadcast', A, B> : unknown),
  ): Variable<Broadcast<A, B>>;
  (this: Variable, other: Plain): Variable;
}

interface MatmulMethod {
  <N extends number, K extends number, M extends number>(
    this: Variable<readonly [N, K]>,
    other: Variable<readonly [NoInfer<K>, M]>,
  ): Variable<readonly [N, M]>;
  <A extends Shape, B extends Shape>(
    this: Variable<A>,
    other: Variable<B> &
      ([MatmulShape<A, B>] extends [never] ? ShapeMismatch<'inner sizes differ', A, B> : unknown),
  ): Variable<MatmulShape<A, B>>;
  (this: Variable, other: Plain): Variable;
}

interface ReductionMethod {
  (): Variable<readonly []>;
  (axis?: Axis, options?: KeepDims): Variable;
}

/** Methods whose types do not follow from those of the function by dropping its first parameter. */
interface OwnMethods {
  transpose<N extends number, M extends number>(this: Variable<readonly [N, M]>): Variable<readonly [M, N]>;
  transpose(permutation?: readonly number[]): Variable;
  reshape<const S extends Shape>(shape: S): Variable<S>;
  broadcastTo<const S extends Shape>(shape: S): Variable<S>;
  cast<S extends Shape>(this: Variable<S>, dtype: DType): Variable<S>;
  logSumExp(): Variable<readonly []>;
  logSumExp(axis?: Axis, options?: LogSumExpOptions): Variable;
}

/** Whether two types are the same: a reduction may be called as a function of one operand, but it is not one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** The function with its first parameter as `this`. */
type Method<F> =
  Same<F, Declared<Unary>> extends true
    ? UnaryMethod
    : Same<F, Declared<Binary>> extends true
      ? BinaryMethod
      : Same<F, Declared<Matmul>> extends true
        ? MatmulMethod
        : Same<F, Declared<Reduction>> extends true
          ? ReductionMethod
          : F extends (first: any, ...rest: infer Rest) => infer Result
            ? (...rest: Rest) => Result
            : never;

export type Methods = OwnMethods & {
  [Name in Exclude<MethodName, keyof OwnMethods>]: Method<(typeof registry)[Name]>;
};

declare module '../graph/variable.ts' {
  interface Variable extends Methods {}
}

for (const [name, operation] of Object.entries(registry)) {
  if ((FUNCTIONS_ONLY as readonly string[]).includes(name)) continue;
  const call = operation as (...args: unknown[]) => unknown;
  Object.defineProperty(Variable.prototype, name, {
    value: function method(this: Variable, ...args: unknown[]): unknown {
      return call(this, ...args);
    },
    writable: true,
    configurable: true,
  });
}
