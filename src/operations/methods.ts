/**
 * Fluent methods: every operation whose first argument is a tensor is also a method of Variable, with the types of
 * the function. Importing this module installs them (it is the one module of the library with a side effect).
 */
import { type Broadcast, type Shape, type TensorLike, Variable } from '../graph/index.ts';
import type { Binary, Plain, Unary } from './elementwise.ts';
import type { Matmul } from './linearAlgebra.ts';
import { type OperationName, registry } from './registry.ts';

/** Operations that do not start from a tensor. */
const FUNCTIONS_ONLY = ['concat', 'stack', 'einsum', 'iota'] as const satisfies OperationName[];

type MethodName = Exclude<OperationName, (typeof FUNCTIONS_ONLY)[number]>;

type UnaryMethod = <S extends Shape>(this: Variable<S>) => Variable<S>;

interface BinaryMethod {
  <S extends Shape>(this: Variable<S>, other: number): Variable<S>;
  <A extends Shape, B extends Shape>(this: Variable<A>, other: Variable<B>): Variable<Broadcast<A, B>>;
  (this: Variable, other: Plain): Variable;
}

interface MatmulMethod {
  <N extends number, K extends number, M extends number>(
    this: Variable<readonly [N, K]>,
    other: Variable<readonly [NoInfer<K>, M]>,
  ): Variable<readonly [N, M]>;
  (this: Variable, other: TensorLike): Variable;
}

/** The function with its first parameter as `this`. */
type Method<F> = F extends Unary
  ? UnaryMethod
  : F extends Matmul
    ? MatmulMethod
    : F extends Binary
      ? BinaryMethod
      : F extends (first: any, ...rest: infer Rest) => infer Result
        ? (...rest: Rest) => Result
        : never;

export type Methods = { [Name in MethodName]: Method<(typeof registry)[Name]> };

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
