/**
 * What is known of the numbers in a tensor from how it is computed. "Yes" is sure, "no" only means not known. Each looks a
 * few operations deep, so they may recurse.
 */
import {
  type Application,
  type DType,
  getOperation,
  isFloat,
  type Operation,
  type Variable,
} from '../graph/index.ts';
import { registry } from '../operations/index.ts';
import { uniformValue } from '../operations/uniform.ts';

const DEPTH = 8;

function operations(...names: (keyof typeof registry)[]): ReadonlySet<Operation> {
  return new Set(names.map((name) => registry[name].declaration.operation as Operation));
}

/** Operations that only choose among the numbers they are given, or place them elsewhere. */
const CHOOSING = operations(
  'reshape',
  'transpose',
  'broadcastTo',
  'slice',
  'concat',
  'flip',
  'gather',
  'identity',
  'stopGradient',
  'maximum',
  'minimum',
  'max',
  'min',
  'where',
);

/** Something that may be known of each element of a tensor, NaN aside. */
interface Fact {
  /** It holds of the results of these, whatever their operands. */
  readonly given: ReadonlySet<Operation>;
  /** Of the results of these, beside those of {@link CHOOSING}, if it does of all operands. */
  readonly kept: ReadonlySet<Operation>;
  /** Of the results of these if it does of one operand and `weaker` of all. */
  readonly gained?: ReadonlySet<Operation>;
  readonly weaker?: Fact;
  ofNumber(value: number): boolean;
  /** Of all numbers of these dtypes. */
  readonly ofTypes: readonly DType[];
}

const NONNEGATIVE: Fact = {
  given: operations(
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
  ),
  kept: operations(
    'add',
    'mul',
    'div',
    'sum',
    'prod',
    'reciprocal',
    'pow',
    'log1p',
    'expm1',
    'cumsum',
    'cumprod',
    'matmul',
    'tanh',
    'erf',
    'cast',
  ),
  ofNumber: (value) => value >= 0,
  ofTypes: ['bool', 'uint8'],
};

const POSITIVE: Fact = {
  given: operations('exp', 'sigmoid', 'softmax', 'softplus', 'cosh', 'erfc'),
  kept: operations('mul', 'sum', 'prod', 'cumsum', 'cumprod', 'matmul', 'cast'),
  gained: operations('add', 'maximum'),
  weaker: NONNEGATIVE,
  ofNumber: (value) => value > 0,
  ofTypes: [],
};

const BOUNDED: Fact = {
  given: operations('sigmoid', 'softmax', 'tanh', 'erf', 'sin', 'cos', 'sign'),
  kept: operations('mul', 'prod', 'neg', 'abs', 'square', 'relu', 'cast'),
  ofNumber: (value) => Math.abs(value) <= 1,
  ofTypes: ['bool'],
};

const whereOperation = registry.where.declaration.operation;
const gatherOperation = registry.gather.declaration.operation;

/** The operands whose numbers, and not only their truth or their use as places, come into the result. */
function valuesIn({ operation, inputs }: Application): readonly Variable[] {
  if (operation === whereOperation) return inputs.slice(1);
  return operation === gatherOperation ? inputs.slice(0, 1) : inputs;
}

function holds(fact: Fact, variable: Variable, depth = DEPTH): boolean {
  const value = uniformValue(variable);
  if (value !== undefined) return fact.ofNumber(value);
  if (fact.ofTypes.includes(variable.dtype)) return true;
  const application = getOperation(variable);
  if (application === undefined || depth === 0) return false;
  const { operation } = application;
  const operands = valuesIn(application);
  // The sum of nothing is 0.
  if (operands.some(({ shape }) => shape.includes(0))) return false;
  const all = (each: Fact): boolean => operands.every((operand) => holds(each, operand, depth - 1));
  if (CHOOSING.has(operation)) return all(fact) || gains(fact, operation, operands, depth);
  // Integers wrap around: the square of a large one may be negative.
  if (!isFloat(variable.dtype)) return false;
  if (fact.given.has(operation)) return true;
  return fact.kept.has(operation) ? all(fact) : gains(fact, operation, operands, depth);
}

function gains(fact: Fact, operation: Operation, operands: readonly Variable[], depth: number): boolean {
  const { gained, weaker } = fact;
  if (gained === undefined || weaker === undefined || !gained.has(operation)) return false;
  return (
    operands.some((operand) => holds(fact, operand, depth - 1)) &&
    operands.every((operand) => holds(weaker, operand, depth - 1))
  );
}

/** No element is below 0; each may be NaN. (A zero counts as 0 whatever its sign: 1 / sqrt(-0) is passed over.) */
export function isNonnegative(variable: Variable): boolean {
  return holds(NONNEGATIVE, variable);
}

/** Each element is above 0, if only by what underflows, or NaN. */
export function isPositive(variable: Variable): boolean {
  return holds(POSITIVE, variable);
}

/** All elements are within -1 and 1, or NaN. */
export function isBounded(variable: Variable): boolean {
  return holds(BOUNDED, variable);
}

/** Whether `variable`, broadcast to a tensor of `rank` axes, is the same all along `axes` of that. */
export function isConstantAlong(variable: Variable, rank: number, axes: readonly number[]): boolean {
  const lead = rank - variable.rank;
  return axes.every((axis) => axis < lead || variable.shape[axis - lead] === 1);
}
