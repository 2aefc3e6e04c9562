/** The fluent form of an operation builds the graph that the function builds. */
import { describe, expect, test } from 'vitest';
import { input, print, Variable } from '../../src/graph/index.ts';
import { type Declaration, registry } from '../../src/operations/index.ts';
import { drawInputs } from '../support/draw.ts';

const FUNCTIONS_ONLY = ['concat', 'stack', 'einsum', 'eye', 'iota', 'polygamma'];

/** Arguments that follow the tensors, where an operation does not go without. */
const MORE_ARGUMENTS: Record<string, readonly unknown[]> = {
  avgPool: [2],
  broadcastTo: [[2, 4]],
  cast: ['int32'],
  expandDims: [1],
  flip: [0],
  maxPool: [2],
  oneHot: [5],
  quantile: [0.3],
  pad: [
    [1, 0],
    [0, 2],
  ],
  reshape: [[2, -1]],
  slice: [[1], [3]],
  split: [3],
  sum: [0, { keepDims: true }],
  topK: [2],
  windows: [2],
};

type Call = (...args: unknown[]) => Variable | Variable[];

describe.each(Object.entries(registry))('%s', (name, operation) => {
  const method = (Variable.prototype as unknown as Record<string, Call | undefined>)[name];
  if (FUNCTIONS_ONLY.includes(name)) {
    test('is no method', () => expect(method).toBeUndefined());
    return;
  }
  test('is a method that builds the same graph', () => {
    const { samples } = (operation as unknown as { declaration: Declaration }).declaration;
    const tensors = drawInputs(samples[0], 'float32', 1);
    const operands = tensors.map(({ shape, dtype }) => input(shape, { dtype }));
    if (name === 'broadcastTo') operands[0] = input([1, 4]);
    const [first, ...rest] = [...operands, ...(MORE_ARGUMENTS[name] ?? [])];
    const called = (operation as unknown as Call)(first, ...rest);
    const chained = method!.call(first, ...rest);
    expect(print(chained)).toBe(print(called));
    expect(print(called)).toMatch(/[(\s]%0[,)]/); // the operand is read
  });
});
