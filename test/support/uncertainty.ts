/**
 * How far a graph's results are off by rounding: each operation that rounds is put off by a unit or two in the last place at
 * random, several times, and the results are seen to spread (Vignes, "A stochastic arithmetic for reliable scientific
 * computation", 1993).
 */
import { runReference } from '../../src/backends/reference/run.ts';
import {
  allocate,
  applyOperation,
  constant,
  EPSILON,
  type FloatDType,
  isFloat,
  type Operation,
  rebuild,
  type ScalarLanguage,
  sizeOf,
  Tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { uniform } from './random.ts';

/** Evaluations. */
const TIMES = 4;

/** Functions of the scalar language whose results are exact. */
const EXACT = new Set(
  'neg abs floor ceil round min max eq ne lt le and or not select literal index cast'.split(' '),
);

/** Whether an operation rounds its results, or what it reads on the way to them. */
function rounds({ computation }: Operation): 'results' | 'operands' | undefined {
  switch (computation.kind) {
    case 'view':
    case 'assembly':
      return undefined;
    case 'elementwise': {
      let exact = true;
      const language = new Proxy({} as ScalarLanguage<null>, {
        get: (_, name) => () => {
          exact &&= EXACT.has(String(name));
          return null;
        },
      });
      computation.formula(language, [null, null, null], {});
      return exact ? undefined : 'results';
    }
    case 'reduction':
      return computation.monoid === 'sum' || computation.monoid === 'prod' ? 'operands' : undefined;
    default:
      return 'operands';
  }
}

/** A tensor put off by one or two units in the last place of each element. */
function putOff(variable: Variable, random: () => number): Variable {
  const { shape, dtype } = variable;
  const factors = allocate(dtype, sizeOf(shape)).map(
    () => 1 + EPSILON[dtype as FloatDType] * [-2, -1, 1, 2][Math.floor(4 * random())],
  );
  return registry.mul(variable, constant(new Tensor(shape, dtype, factors)));
}

/** For each element of each output, the largest difference that rounding made; infinite where it decides what is finite. */
export function uncertainty(outputs: readonly Variable[], feeds: Map<Variable, Tensor>): Float64Array[] {
  const expected = runReference(outputs, feeds);
  const spread = expected.map(({ data }) => new Float64Array(data.length));
  const random = uniform(5);
  const off = (variable: Variable): Variable =>
    isFloat(variable.dtype) ? putOff(variable, random) : variable;
  for (let time = 0; time < TIMES; time++) {
    const noisy = rebuild(outputs, new Map(), ({ operation, attributes }, inputs) => {
      const which = rounds(operation);
      if (which === undefined) return undefined;
      const made = applyOperation(operation, which === 'operands' ? inputs.map(off) : inputs, attributes);
      return made.map(off);
    });
    runReference(noisy, feeds).forEach(({ data }, i) => {
      data.forEach((value, k) => {
        const difference = Math.abs(value - expected[i].data[k]);
        if (value !== expected[i].data[k] && !(Number.isNaN(value) && Number.isNaN(expected[i].data[k])))
          spread[i][k] = Math.max(spread[i][k], Number.isNaN(difference) ? Infinity : difference);
      });
    });
  }
  return spread;
}
