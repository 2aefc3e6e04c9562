/** The functions that an expression may call: those operations that take nothing but tensors. */
import type { Variable } from '../graph/index.ts';
import { type OperationName, registry } from '../operations/index.ts';
import { UsageError } from './io.ts';
import { didYouMean } from './suggest.ts';

/** Names by the number of operands; options that these operations also have (an axis) keep their defaults. */
const FUNCTIONS = {
  1: [
    ...(['neg', 'abs', 'sign', 'square', 'sqrt', 'rsqrt', 'reciprocal', 'floor', 'ceil', 'round'] as const),
    ...(['exp', 'expm1', 'log', 'log1p', 'erf', 'sigmoid', 'softplus'] as const),
    ...(['sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh'] as const),
    ...(['relu', 'leakyRelu', 'elu', 'gelu', 'silu', 'softmax', 'logSoftmax'] as const),
    ...(['sum', 'mean', 'prod', 'max', 'min', 'logSumExp', 'variance', 'norm', 'cumsum'] as const),
    ...(['transpose', 'trace', 'identity', 'stopGradient', 'argmax', 'argmin'] as const),
    ...(['isNaN', 'logicalNot', 'any', 'all'] as const),
  ],
  2: [
    ...(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum'] as const),
    ...(['matmul', 'dot', 'outer', 'squaredError', 'crossEntropy'] as const),
    ...(['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'] as const),
    ...(['logicalAnd', 'logicalOr'] as const),
  ],
  3: ['where', 'clip'],
} as const satisfies Readonly<Record<number, readonly OperationName[]>>;

/** What people look for under another name. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  ln: 'log',
  arcsin: 'asin',
  arccos: 'acos',
  arctan: 'atan',
  logistic: 'sigmoid',
  inv: 'reciprocal',
  sgn: 'sign',
  var: 'variance',
  if: 'where',
  power: 'pow',
};

/** For the extremes of two operands there are functions of their own. */
const ELEMENTWISE: Readonly<Record<string, string>> = { max: 'maximum', min: 'minimum' };

const arities = new Map<string, number>(
  Object.entries(FUNCTIONS).flatMap(([arity, names]) => names.map((name) => [name, Number(arity)] as const)),
);

/** Every function's name. */
export const functionNames: readonly string[] = [...arities.keys()].sort();

export function isFunction(name: string): boolean {
  return arities.has(name);
}

/** Applies the function called `name`. @throws UsageError for an unknown name or a wrong number of operands */
export function callFunction(name: string, operands: readonly Variable[]): Variable {
  const arity = arities.get(name);
  if (arity === undefined) {
    const other = OTHER_NAMES[name.toLowerCase()];
    const hint = other === undefined ? didYouMean(name, functionNames) : `; did you mean ${other}?`;
    throw new UsageError(
      `unknown function ${name}${hint === '' ? '; chainrule grad --help lists the functions' : hint}`,
    );
  }
  if (operands.length !== arity) {
    const instead = operands.length === 2 ? ELEMENTWISE[name] : undefined;
    throw new UsageError(
      `${name} takes ${arity} operand${arity === 1 ? '' : 's'}, got ${operands.length}` +
        (instead === undefined ? '' : ` (of two operands, elementwise: ${instead})`),
    );
  }
  const call = registry[name as OperationName] as (...operands: Variable[]) => Variable;
  return call(...operands);
}
