/**
 * Between which numbers the elements of a tensor are known to lie, by interval arithmetic on how they are computed (Moore,
 * "Interval Analysis", 1966). NaN is no number, and may occur within any range.
 */
import { type DType, getOperation, type Operation, sizeOf, type Variable } from '../graph/index.ts';
import { type OperationName, registry } from '../operations/index.ts';
import { uniformValue } from '../operations/uniform.ts';

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** How many operations deep to look. */
const DEPTH = 8;

/** Tensors of more numbers are not looked through. */
const LARGEST = 2 ** 16;

const DTYPE_RANGES: Readonly<Record<DType, Range>> = {
  bool: { low: 0, high: 1 },
  uint8: { low: 0, high: 255 },
  int32: { low: -(2 ** 31), high: 2 ** 31 - 1 },
  float32: { low: -Infinity, high: Infinity },
  float64: { low: -Infinity, high: Infinity },
};

const unit: Range = { low: 0, high: 1 };
const signed: Range = { low: -1, high: 1 };

function hull(...values: readonly number[]): Range {
  return { low: Math.min(...values), high: Math.max(...values) };
}

function union(ranges: readonly Range[]): Range {
  return hull(...ranges.flatMap(({ low, high }) => [low, high]));
}

/** 0 times what is not bounded is 0, or NaN. */
const product = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);

function times(a: Range, b: Range): Range {
  return hull(product(a.low, b.low), product(a.low, b.high), product(a.high, b.low), product(a.high, b.high));
}

const scaled = (x: Range, count: number): Range => times(x, { low: count, high: count });
const plus = (a: Range, b: Range): Range => ({ low: a.low + b.low, high: a.high + b.high });
const negative = ({ low, high }: Range): Range => ({ low: -high, high: -low });
const larger = (a: Range, b: Range): Range => ({
  low: Math.max(a.low, b.low),
  high: Math.max(a.high, b.high),
});
const smaller = (a: Range, b: Range): Range => negative(larger(negative(a), negative(b)));
const magnitude = (x: Range): Range => larger({ low: 0, high: 0 }, larger(x, negative(x)));

interface At {
  readonly variable: Variable;
  readonly inputs: readonly Variable[];
  readonly attributes: any;
}

type Rule = (ranges: readonly Range[], at: At) => Range | undefined;

const same: Rule = ([x]) => x;
const within =
  (range: Range): Rule =>
  () =>
    range;
const extremeOrPlace: Rule = ([x], { variable, inputs, attributes }) =>
  variable.source.kind === 'output' && variable.source.index === 1
    ? { low: 0, high: inputs[0].shape[attributes.axes[0]] - 1 }
    : x;

const RULES: Partial<Record<OperationName, Rule>> = {
  sigmoid: within(unit),
  softmax: within(unit),
  tanh: within(signed),
  erf: within(signed),
  sin: within(signed),
  cos: within(signed),
  sign: within(signed),
  exp: ([x]) => ({ low: 0, high: x.high <= 0 ? 1 : Infinity }),
  logSoftmax: within({ low: -Infinity, high: 0 }),
  square: ([x]) => times(magnitude(x), magnitude(x)),
  abs: ([x]) => magnitude(x),
  relu: ([x]) => larger(x, { low: 0, high: 0 }),
  neg: ([x]) => negative(x),
  add: ([a, b]) => plus(a, b),
  sub: ([a, b]) => plus(a, negative(b)),
  mul: ([a, b]) => times(a, b),
  div: ([a, b]) => (b.low > 0 || b.high < 0 ? times(a, { low: 1 / b.high, high: 1 / b.low }) : undefined),
  maximum: ([a, b]) => larger(a, b),
  minimum: ([a, b]) => smaller(a, b),
  clip: ([x, low, high]) => smaller(larger(x, low), high),
  where: ([, a, b]) => union([a, b]),
  concat: (ranges) => union(ranges),
  pad: ([x], { attributes }) => union([x, { low: attributes.value, high: attributes.value }]),
  gather: same,
  max: same,
  min: same,
  maxWithIndex: extremeOrPlace,
  argmin: extremeOrPlace,
  sum: ([x], { variable, inputs }) =>
    scaled(x, sizeOf(inputs[0].shape) / Math.max(1, sizeOf(variable.shape))),
  prod: ([x]) => (magnitude(x).high <= 1 ? { low: x.low < 0 ? -1 : 0, high: 1 } : undefined),
  matmul: ([a, b], { inputs }) => scaled(times(a, b), inputs[0].shape[inputs[0].rank - 1]),
  iota: (_, { variable, attributes }) => ({ low: 0, high: Math.max(0, variable.shape[attributes.axis] - 1) }),
  cast: ([x], { variable: { dtype } }) => {
    if (dtype === 'bool' || dtype === 'float32' || dtype === 'float64')
      return dtype === 'bool' ? undefined : x;
    // To int32 it truncates and saturates; to uint8 it wraps, which shows below. NaN becomes 0.
    return union([
      { low: 0, high: 0 },
      { low: Math.trunc(x.low), high: Math.trunc(x.high) },
    ]);
  },
};

const rules = new Map<Operation, Rule>(
  Object.entries(RULES).map(([name, rule]) => [
    registry[name as OperationName].declaration.operation as Operation,
    rule,
  ]),
);

export interface RangeOptions {
  /** Also looks at the numbers of constant tensors: only where what follows from them cannot outlive the graph. */
  readonly numbers?: boolean;
}

/** The numbers that the elements of `variable` are known to be between. It looks a few operations deep, so it may recurse. */
export function rangeOf(variable: Variable, options: RangeOptions = {}, depth = DEPTH): Range {
  const any = DTYPE_RANGES[variable.dtype];
  const value = uniformValue(variable);
  if (value !== undefined) return Number.isNaN(value) ? any : { low: value, high: value };
  const { source } = variable;
  if (source.kind === 'constant') return options.numbers ? rangeOfNumbers(source.tensor.data, any) : any;
  const application = getOperation(variable);
  if (application === undefined || depth === 0) return any;
  const { operation, inputs, attributes } = application;
  const rule = operation.computation.kind === 'view' ? same : rules.get(operation);
  if (rule === undefined) return any;
  const ranges = inputs.map((each) => rangeOf(each, options, depth - 1));
  const found = rule(ranges, { variable, inputs, attributes });
  // Integers wrap where they leave the range of their type.
  const known = found !== undefined && found.low >= any.low && found.high <= any.high;
  return known ? found : any;
}

function rangeOfNumbers(numbers: ArrayLike<number>, any: Range): Range {
  if (numbers.length > LARGEST || numbers.length === 0) return any;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i] < low) low = numbers[i];
    if (numbers[i] > high) high = numbers[i];
  }
  return low <= high ? { low, high } : any;
}

/** The largest numbers of the floating-point types, with room for rounding. */
export const ROOM: Partial<Record<DType, number>> = { float32: 2 ** 127, float64: 2 ** 1023 };

/** Whether `count` elements of `variable` certainly add to a finite number, in any order and whatever their signs. */
export function addsUpFinite(variable: Variable, count: number, options?: RangeOptions): boolean {
  const { low, high } = rangeOf(variable, options);
  return Math.max(-low, high) * Math.max(1, count) <= (ROOM[variable.dtype] ?? -Infinity);
}
