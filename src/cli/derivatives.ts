/** What `grad` and `graph` share: an expression, its variables as inputs, and its gradients as graphs. */
import { gradients } from '../autodiff/index.ts';
import {
  type FloatDType,
  formatShape,
  input,
  isFloat,
  type Shape,
  type Variable,
  withSite,
} from '../graph/index.ts';
import { simplify } from '../rewrite/simplify.ts';
import { type Expression, parseExpression } from './expression.ts';
import { UsageError } from './io.ts';
import { didYouMean } from './suggest.ts';

/** An expression as a graph. */
export interface Built {
  readonly expression: Expression;
  readonly inputs: ReadonlyMap<string, Variable>;
  readonly z: Variable;
}

const NOWHERE = { location: () => undefined, toString: () => '' };

/** Builds the graph of `text`; variables without a stated shape are scalars. */
export function buildExpression(text: string, known: ReadonlyMap<string, Shape>, dtype: FloatDType): Built {
  const expression = parseExpression(text);
  const inputs = new Map(
    expression.variables.map((name): [string, Variable] => [
      name,
      withSite(NOWHERE, () => input(known.get(name) ?? [], { dtype, name })),
    ]),
  );
  return { expression, inputs, z: expression.build(inputs, dtype) };
}

/** @throws UsageError where `given` names a variable that the expression does not have */
export function checkNames(option: string, given: Iterable<string>, expression: Expression): void {
  for (const name of given) {
    if (expression.variables.includes(name)) continue;
    const hint = didYouMean(name, expression.variables);
    throw new UsageError(`${option}: ${name} does not appear in ${expression.text}${hint}`);
  }
}

/** dz/dx for every variable, by name. @throws UsageError for an expression that is no scalar */
export function gradientsByName({ expression, inputs, z }: Built): Record<string, Variable> {
  if (!isFloat(z.dtype)) {
    throw new UsageError(`${expression.text} is ${z.type}, not a real number: it has no gradient`);
  }
  if (z.rank > 0) {
    throw new UsageError(
      `${expression.text} has shape ${formatShape(z.shape)}, and a gradient needs a scalar: wrap it in sum(...) or mean(...)`,
    );
  }
  const targets = [...inputs.values()];
  const found = withSite(NOWHERE, () => gradients(z, targets, { disconnected: 'zero' }));
  return Object.fromEntries([...inputs.keys()].map((name, i) => [`dz/d${name}`, found[i]]));
}

/** z and its first `order` derivatives with respect to its only variable, by name. */
export function derivativesByName(built: Built, order: number): Record<string, Variable> {
  const [[name, x], ...others] = [...built.inputs];
  if (others.length > 0 || x.rank > 0) {
    const what =
      others.length > 0 ? `${built.inputs.size} variables` : `a ${name} of shape ${formatShape(x.shape)}`;
    throw new UsageError(`--order ${order} is for expressions of one scalar variable; this one has ${what}`);
  }
  const found: Record<string, Variable> = {};
  let last = gradientsByName(built)[`dz/d${name}`];
  found[`dz/d${name}`] = last;
  for (let n = 2; n <= order; n++) {
    last = withSite(NOWHERE, () => gradients(last, [x], { disconnected: 'zero' }))[0];
    found[`d${n}z/d${name}${n}`] = last;
  }
  return found;
}

/** The same results rewritten as they will run: shorter to read. */
export function simplifyAll(results: Readonly<Record<string, Variable>>): Record<string, Variable> {
  const simplified = simplify(Object.values(results));
  return Object.fromEntries(Object.keys(results).map((name, i) => [name, simplified[i]]));
}
