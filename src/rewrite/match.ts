/** Where a pattern fits a graph, and what a replacement makes of it there. */
import {
  type Application,
  type Attributes,
  apply,
  attributeKey,
  type DType,
  getOperation,
  isFloat,
  sameShape,
  scalar,
  type Variable,
} from '../graph/index.ts';
import { where } from '../operations/logic.ts';
import { store } from '../operations/scalar.ts';
import { uniformValue } from '../operations/uniform.ts';
import type { Applied, Bindings, NumberTerm, Term } from './term.ts';

const whereOperation = where.declaration.operation;

/** Bindings while they are being found. */
interface Search {
  readonly variables: Record<string, Variable>;
  readonly attributes: Record<string, Attributes>;
  readonly numbers: Record<string, number>;
}

/** What the unknowns of `pattern` stand for if it describes `application`; undefined where it does not. */
export function match(
  pattern: Applied,
  application: Application,
  accept: (found: Bindings) => boolean = () => true,
): Bindings | undefined {
  if (!hasOperands(pattern, application)) return undefined;
  const found: Search = { variables: {}, attributes: {}, numbers: {} };
  return matchApplication(pattern, application, found, () => accept(found)) ? found : undefined;
}

/** Whether the operations that a pattern has for operands are there at all: most rules fail here, at little cost. */
function hasOperands({ operands }: Applied, { inputs }: Application): boolean {
  return operands.every(
    (operand) =>
      operand.kind !== 'applied' ||
      inputs.some((input) => getOperation(input)?.operation === operand.operation),
  );
}

/** Binds what it can and calls `next`; where that says no, unbinds it again and looks for another way. */
function matchTerm(term: Term, variable: Variable, found: Search, next: () => boolean): boolean {
  switch (term.kind) {
    case 'number':
      return isNumber(term.value, variable) && next();
    case 'unknown': {
      const value = term.known ? uniformValue(variable) : 0;
      if (value === undefined) return false;
      const bound = found.variables[term.name];
      if (bound !== undefined) return isSame(bound, variable) && next();
      found.variables[term.name] = variable;
      if (term.known) found.numbers[term.name] = value;
      if (next()) return true;
      delete found.variables[term.name];
      delete found.numbers[term.name];
      return false;
    }
    case 'applied': {
      const application = getOperation(variable);
      return application !== undefined && matchApplication(term, application, found, next);
    }
  }
}

function matchApplication(
  { operation, operands, attributes }: Applied,
  application: Application,
  found: Search,
  next: () => boolean,
): boolean {
  if (application.operation !== operation || application.inputs.length !== operands.length) return false;
  const name = attributes?.value;
  if (typeof name === 'string') {
    const bound = found.attributes[name];
    if (bound === undefined) {
      found.attributes[name] = application.attributes;
      if (matchOperands(operands, application, found, next)) return true;
      delete found.attributes[name];
      return false;
    }
    if (attributeKey(bound) !== attributeKey(application.attributes)) return false;
  }
  return matchOperands(operands, application, found, next);
}

function matchOperands(
  operands: readonly Term[],
  { operation, inputs }: Application,
  found: Search,
  next: () => boolean,
): boolean {
  const inOrder = (order: readonly Variable[], i = 0): boolean =>
    i === operands.length ? next() : matchTerm(operands[i], order[i], found, () => inOrder(order, i + 1));
  if (inOrder(inputs)) return true;
  return operation.commutative === true && inOrder([inputs[1], inputs[0]]);
}

/** Whether a variable holds this number everywhere, as its dtype rounds it. */
function isNumber(value: NumberTerm['value'], variable: Variable): boolean {
  const found = uniformValue(variable);
  if (found === undefined || typeof value !== 'number') return false;
  return found === (isFloat(variable.dtype) ? store(value, variable.dtype) : value);
}

/** One variable, or one number everywhere in the same type. */
function isSame(a: Variable, b: Variable): boolean {
  if (a === b) return true;
  const value = uniformValue(a);
  return (
    value !== undefined &&
    Object.is(value, uniformValue(b)) &&
    a.dtype === b.dtype &&
    sameShape(a.shape, b.shape)
  );
}

/** The graph that `term` describes, numbers being of `dtype` where no operand beside them says otherwise. */
export function instantiate(term: Term, found: Bindings, dtype: DType): Variable {
  switch (term.kind) {
    case 'unknown':
      return found.variables[term.name];
    case 'number': {
      const value = typeof term.value === 'number' ? term.value : term.value(found);
      return scalar(store(value, dtype), dtype);
    }
    case 'applied': {
      const { operation, operands } = term;
      const named = term.attributes?.value;
      const attributes = typeof named === 'string' ? found.attributes[named] : (named?.(found) ?? {});
      const built = operands.map((each) =>
        each.kind === 'number' ? undefined : instantiate(each, found, dtype),
      );
      const values = operation === whereOperation ? built.slice(1) : built;
      const common = values.findLast((each) => each !== undefined)?.dtype ?? dtype;
      return apply(
        operation,
        operands.map((each, i) => built[i] ?? instantiate(each, found, common)),
        attributes,
      );
    }
  }
}
