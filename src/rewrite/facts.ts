/**
 * What is known of the numbers in a tensor from how it is computed. "Yes" is sure, "no" only means not known. Each looks a
 * few operations deep, so they may recurse.
 */
import { getOperation, type Operation, type Variable } from '../graph/index.ts';
import { registry } from '../operations/index.ts';
import { uniformValue } from '../operations/uniform.ts';

const DEPTH = 8;

function operations(...names: (keyof typeof registry)[]): ReadonlySet<Operation> {
  return new Set(names.map((name) => registry[name].declaration.operation as Operation));
}

/** Never below 0, whatever their operands (NaN aside). */
const NONNEGATIVE = operations(
  'exp',
  'sigmoid',
  'softmax',
  'softplus',
  'square',
  'abs',
  'relu',
  'norm',
  'sqrt',
  'rsqrt',
  'variance',
  'hypot',
  'cosh',
  'erfc',
);
/** Not below 0 if no operand is. */
const KEEP_NONNEGATIVE = operations(
  'add',
  'mul',
  'div',
  'maximum',
  'sum',
  'max',
  'min',
  'prod',
  'reciprocal',
  'reshape',
  'transpose',
  'broadcastTo',
  'slice',
  'concat',
  'flip',
  'gather',
  'minimum',
  'identity',
  'stopGradient',
  'pow',
  'log1p',
  'expm1',
  'cumsum',
  'cumprod',
  'matmul',
  'tanh',
  'erf',
);
/** Never beyond 1 in magnitude. */
const BOUNDED = operations('sigmoid', 'softmax', 'tanh', 'erf', 'sin', 'cos', 'sign');
/** Within 1 if all operands are. */
const KEEP_BOUNDED = operations(
  'mul',
  'maximum',
  'minimum',
  'max',
  'min',
  'prod',
  'reshape',
  'transpose',
  'broadcastTo',
  'slice',
  'concat',
  'flip',
  'gather',
  'identity',
  'stopGradient',
  'neg',
  'abs',
  'square',
  'relu',
);

const castOperation = registry.cast.declaration.operation;
const whereOperation = registry.where.declaration.operation;

/** Whether a fact holds that some operations give and others keep. */
function follows(
  variable: Variable,
  given: ReadonlySet<Operation>,
  kept: ReadonlySet<Operation>,
  ofNumber: (value: number) => boolean,
  depth = DEPTH,
): boolean {
  const value = uniformValue(variable);
  if (value !== undefined) return ofNumber(value);
  const application = getOperation(variable);
  if (application === undefined || depth === 0) return false;
  const { operation, inputs } = application;
  if (given.has(operation)) return true;
  if (operation === castOperation && inputs[0].dtype === 'bool') return true;
  const read = operation === whereOperation ? inputs.slice(1) : inputs;
  const keeps = kept.has(operation) || operation === castOperation || operation === whereOperation;
  return keeps && read.every((each) => follows(each, given, kept, ofNumber, depth - 1));
}

/** No element is below 0; each may be NaN. */
export function isNonnegative(variable: Variable): boolean {
  return follows(variable, NONNEGATIVE, KEEP_NONNEGATIVE, (value) => value >= 0);
}

/** All elements are within -1 and 1, or NaN. */
export function isBounded(variable: Variable): boolean {
  return follows(variable, BOUNDED, KEEP_BOUNDED, (value) => Math.abs(value) <= 1);
}

/** Whether `variable`, broadcast to a tensor of `rank` axes, is the same all along `axes` of that. */
export function isConstantAlong(variable: Variable, rank: number, axes: readonly number[]): boolean {
  const lead = rank - variable.rank;
  return axes.every((axis) => axis < lead || variable.shape[axis - lead] === 1);
}
