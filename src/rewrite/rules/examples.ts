/** Examples that many rules have in common. */
import { type Shape, toSum, type Variable } from '../../graph/index.ts';
import { cast } from '../../operations/conversion.ts';
import { type Domain, real, whole } from '../../operations/declare.ts';
import type { RuleDTypes, RuleExample } from '../rule.ts';

type Call = (...inputs: Variable[]) => Variable;

/** A call on inputs of these shapes, in all dtypes that the rule is for. */
export function exampleOf(shapes: readonly Shape[], call: Call): RuleExample {
  return { inputs: shapes.map((shape) => ({ shape, domain: real(-2, 2) })), call };
}

/** The same, with whole numbers besides where the rule is for integers. */
export function examplesOf(
  dtypes: Exclude<RuleDTypes, 'any'>,
  shapes: readonly Shape[],
  call: Call,
): RuleExample[] {
  const domains: Domain[] = [real(-2, 2), whole(-5, 5)];
  const fitting = dtypes === 'number' ? domains : dtypes === 'float' ? domains.slice(0, 1) : domains.slice(1);
  return fitting.map((domain) => ({ inputs: shapes.map((shape) => ({ shape, domain })), call }));
}

/** Shapes of the operands of an elementwise operation: all alike; then some that only broadcasting joins. */
const SHAPES: readonly ((place: number) => Shape)[] = [() => [3, 4], (place) => [[3, 1], [4], []][place % 3]];

/** A call on operands from these domains (one real number, if none are given), which broadcast in one of the examples. */
export function elementwiseExamples(call: Call, ...domains: readonly Domain[]): RuleExample[] {
  const given = domains.length > 0 ? domains : [real(-3, 3)];
  return SHAPES.map((shapeOf) => ({
    inputs: given.map((domain, i) => ({ shape: shapeOf(i), domain })),
    call,
  }));
}

/** In the dtype in which `sum` counts, which would else convert what it is given itself. */
export function counted(v: Variable): Variable {
  return cast(v, toSum(v.dtype));
}
