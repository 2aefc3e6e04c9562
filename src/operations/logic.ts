/** Comparisons, truth values, and the choice between two values. */
import {
  apply,
  broadcastShapes,
  isFloat,
  type Operation,
  type Shape,
  type TensorLike,
  toVariable,
  type Variable,
  zero,
} from '../graph/index.ts';
import { cast } from './conversion.ts';
import { declare, real, truth } from './declare.ts';
import { binary, elementwiseSamples, unary, unify } from './elementwise.ts';

const special = [0, -0, 1, -1, Infinity, -Infinity, NaN];
const close = { low: -2, high: 2, dtype: 'int32' } as const;
const notDifferentiable = 'its output is a truth value';
const comparison = {
  operands: 'number',
  result: 'bool',
  samples: close,
  special,
  notDifferentiable,
} as const;
const logical = { operands: 'bool', result: 'bool', samples: truth, notDifferentiable } as const;

export const equal = binary('equal', {
  ...comparison,
  doc: 'Whether a = b.',
  commutative: true,
  formula: (k, a, b) => k.eq(a, b),
  torch: 'x == y',
});

export const notEqual = binary('notEqual', {
  ...comparison,
  doc: 'Whether a differs from b; true where either is NaN.',
  commutative: true,
  formula: (k, a, b) => k.ne(a, b),
  torch: 'x != y',
});

export const less = binary('less', {
  ...comparison,
  doc: 'Whether a < b.',
  formula: (k, a, b) => k.lt(a, b),
  torch: 'x < y',
});

export const lessEqual = binary('lessEqual', {
  ...comparison,
  doc: 'Whether a <= b.',
  formula: (k, a, b) => k.le(a, b),
  torch: 'x <= y',
});

export const greater = binary('greater', {
  ...comparison,
  doc: 'Whether a > b.',
  formula: (k, a, b) => k.lt(b, a),
  torch: 'x > y',
});

export const greaterEqual = binary('greaterEqual', {
  ...comparison,
  doc: 'Whether a >= b.',
  formula: (k, a, b) => k.le(b, a),
  torch: 'x >= y',
});

export const logicalAnd = binary('logicalAnd', {
  ...logical,
  doc: 'Whether both hold; numbers count as true unless they are 0.',
  commutative: true,
  formula: (k, a, b) => k.and(a, b),
  torch: 'torch.logical_and(x, y)',
});

export const logicalOr = binary('logicalOr', {
  ...logical,
  doc: 'Whether either holds; numbers count as true unless they are 0.',
  commutative: true,
  formula: (k, a, b) => k.or(a, b),
  torch: 'torch.logical_or(x, y)',
});

export const logicalNot = unary('logicalNot', {
  ...logical,
  doc: 'Whether x does not hold; a number holds unless it is 0.',
  formula: (k, x) => k.not(x),
  torch: 'torch.logical_not(x)',
});

export const isNaN = unary('isNaN', {
  operands: 'float',
  result: 'bool',
  doc: 'Whether x is not a number.',
  formula: (k, x) => k.ne(x, x),
  samples: real(-1, 1),
  special,
  notDifferentiable,
  torch: 'torch.isnan(x)',
});

const whereOperation: Operation<Record<string, never>> = {
  name: 'where',
  infer: ([condition, a, b]) => [
    { shape: broadcastShapes('where', condition.shape, a.shape, b.shape), dtype: a.dtype },
  ],
  bprop({ inputs: [condition, a], index, g }) {
    if (index === 0 || !isFloat(a.dtype)) return zero;
    return index === 1 ? where(condition, g, 0) : where(condition, 0, g);
  },
  jvp: ({ inputs: [condition], tangents: [, da, db] }) => [where(condition, da ?? 0, db ?? 0)],
  computation: { kind: 'elementwise', formula: (k, [condition, a, b]) => k.select(condition, a, b) },
};

function choose<S extends Shape>(
  condition: Variable<S>,
  a: Variable<NoInfer<S>> | number,
  b: Variable<NoInfer<S>> | number,
): Variable<S>;
function choose(condition: TensorLike, a: TensorLike, b: TensorLike): Variable;
function choose(condition: TensorLike, a: TensorLike, b: TensorLike): Variable {
  return apply(whereOperation, [cast(toVariable(condition), 'bool'), ...unify([a, b], 'any')], {});
}

/**
 * `a` where `condition` holds, else `b`; all three broadcast. The gradient is routed, never multiplied by a mask,
 * so an infinity in the branch not taken cannot turn into NaN here.
 */
export const where = declare(choose)({
  name: 'where',
  doc: 'Chooses elementwise: y = a where the condition holds, else b.',
  dtypes: 'bool, any, any -> any',
  operation: whereOperation,
  samples: elementwiseSamples(choose, [truth, real(-2, 2), real(-2, 2)], 'torch.where(x, y, z)'),
  special: undefined,
});
