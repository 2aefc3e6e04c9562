/** Numbers that a graph's constants alone decide: masks, index tables, coefficients. */
import {
  type Application,
  allocate,
  ancestors,
  getInputs,
  getOperation,
  sizeOf,
  stridesOf,
  type TypedArray,
  type Variable,
} from '../../graph/index.ts';
import { numberLanguage, store } from '../../operations/scalar.ts';
import { broadcastStrides, positionsOf, type Tools } from './rows.ts';

/**
 * Finds known numbers, each once: constants, and what elementwise operations and views make of them.
 * @param open variables that count as unknown
 */
export function knowledge(open: readonly Variable[]): Tools['known'] {
  const decided = new Map<Variable, boolean>(open.map((each) => [each, false]));
  const values = new Map<Variable, TypedArray>();
  return (variable) => {
    if (!isDecided(variable, decided)) return undefined;
    const found = values.get(variable);
    if (found !== undefined) return found;
    const { applications, leaves } = ancestors([variable], (each) => values.has(each));
    for (const leaf of leaves) {
      if (leaf.source.kind === 'constant') values.set(leaf, leaf.source.tensor.data);
    }
    for (const application of applications) values.set(application.outputs[0], compute(application, values));
    return values.get(variable);
  };
}

/** Whether constants decide `variable`; the answers for all its ancestors are kept. */
function isDecided(variable: Variable, decided: Map<Variable, boolean>): boolean {
  const stack = [variable];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const open = decided.has(top) ? [] : getInputs(top).filter((each) => !decided.has(each));
    if (open.length > 0) {
      stack.push(...open);
      continue;
    }
    stack.pop();
    decided.set(top, isComputable(top) && getInputs(top).every((each) => decided.get(each)));
  }
  return decided.get(variable) === true;
}

function isComputable(variable: Variable): boolean {
  const operation = getOperation(variable)?.operation;
  if (operation === undefined) return variable.source.kind === 'constant';
  const { kind } = operation.computation;
  return operation.opaque !== true && (kind === 'elementwise' || kind === 'view');
}

function compute(application: Application, values: ReadonlyMap<Variable, TypedArray>): TypedArray {
  const { operation, inputs, outputs, attributes } = application;
  const { computation } = operation;
  const [{ shape, dtype }] = outputs;
  const read = inputs.map((each) => values.get(each) as TypedArray);
  const result = allocate(dtype, sizeOf(shape));
  if (computation.kind === 'view') {
    const [x] = inputs;
    const view = computation.view(
      { shape: x.shape, strides: stridesOf(x.shape), offset: 0 },
      shape,
      attributes,
    );
    if (view !== undefined)
      positionsOf(shape, view.strides, view.offset).forEach((from, to) => {
        result[to] = read[0][from];
      });
    return result;
  }
  const evaluate = elementEvaluator(application);
  const places = inputs.map((each) => positionsOf(shape, broadcastStrides(each.shape, shape)));
  for (let i = 0; i < result.length; i++) {
    result[i] = evaluate(
      i,
      read.map((data, k) => data[places[k][i]]),
    );
  }
  return result;
}

/** The formula of an elementwise application, for the element at a position and the numbers that it reads. */
export function elementEvaluator({
  operation,
  inputs,
  outputs,
  attributes,
}: Application): (position: number, operands: readonly number[]) => number {
  const { computation } = operation;
  if (computation.kind !== 'elementwise') throw new Error(`${operation.name} has no formula`);
  const [{ shape, dtype }] = outputs;
  const coordinates = new Array<number>(shape.length).fill(0);
  const k = numberLanguage(inputs.at(-1)?.dtype ?? 'int32', coordinates);
  return (position, operands) => {
    let rest = position;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      coordinates[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return store(computation.formula(k, operands, attributes), dtype);
  };
}
