/** Conversions that lose nothing, and those that undo them. */
import { type Attributes, DTYPES, type DType, isFloat } from '../../graph/index.ts';
import { type Domain, real, registry, truth } from '../../operations/index.ts';
import { type Rule, type RuleExample, rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';

const { cast } = terms;
const x = unknown('x');
const inner = attributes('inner');
const outer = attributes('outer');

/** The dtypes that hold every number of a dtype. */
const HOLDS_ALL: Readonly<Record<DType, readonly DType[]>> = {
  bool: ['uint8', 'int32', 'float32', 'float64'],
  uint8: ['int32', 'float32', 'float64'],
  int32: ['float64'],
  float32: ['float64'],
  float64: [],
};

/** Whether going from one dtype to another by way of a third gives the same numbers as going directly. */
export function passesThrough(from: DType, by: DType, to: DType): boolean {
  if (HOLDS_ALL[from].includes(by)) return true;
  // An integer is rounded to float32, but never to 0.
  if (from === 'int32' && by === 'float32') return to === 'bool';
  // Floats become bytes as integers do, by wrapping around.
  return isFloat(from) && by === 'int32' && to === 'uint8';
}

const DOMAINS: Readonly<Record<DType, Domain>> = {
  bool: truth,
  uint8: { low: 0, high: 255, dtype: 'uint8' },
  int32: { low: -300, high: 300, dtype: 'int32' },
  float32: real(-300, 300),
  float64: real(-300, 300),
};

/** Conversions by way of a second dtype for which `suits` says yes; floats are drawn in both dtypes anyway. */
function examples(suits: (from: DType, by: DType, to: DType) => boolean): RuleExample[] {
  const found: RuleExample[] = [];
  for (const from of DTYPES) {
    for (const by of DTYPES) {
      for (const to of DTYPES) {
        if (from === by || by === to || from === 'float64' || !suits(from, by, to)) continue;
        found.push({
          inputs: [{ shape: [5], domain: DOMAINS[from] }],
          call: (x) => registry.cast(registry.cast(registry.cast(x, from), by), to),
        });
      }
    }
  }
  return found;
}

const dtypeOf = (each: Attributes): DType => each.dtype as DType;

export const castRules = (): readonly Rule[] => [
  rule({
    name: 'conversion there and back',
    class: 'exact',
    dtypes: 'any',
    pattern: cast(cast(x, inner), outer),
    where: ({ variables: { x }, attributes: { inner, outer } }) =>
      dtypeOf(outer) === x.dtype && passesThrough(x.dtype, dtypeOf(inner), x.dtype),
    replacement: x,
    examples: examples((from, by, to) => from === to && passesThrough(from, by, to)),
  }),
  rule({
    name: 'conversion on the way to another',
    class: 'exact',
    dtypes: 'any',
    pattern: cast(cast(x, inner), outer),
    where: ({ variables: { x }, attributes: { inner, outer } }) =>
      dtypeOf(outer) !== x.dtype && passesThrough(x.dtype, dtypeOf(inner), dtypeOf(outer)),
    replacement: cast(x, outer),
    examples: examples((from, by, to) => from !== to && passesThrough(from, by, to)),
  }),
];
