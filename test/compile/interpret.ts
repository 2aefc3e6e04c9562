/** Programs by the book: every kernel as the obvious loops, on memory laid out as the program says. */
import type { LoopKernel, MatrixAccess, Program, ScalarNode } from '../../src/compile/program.ts';
import { allocate, type Operation, type TypedArray, viewBuffer } from '../../src/graph/index.ts';
import { convert, monoid, numberLanguage, store } from '../../src/operations/scalar.ts';

/** Visits all coordinates of `extents`, the last axis fastest; the array is reused. */
function forEachIndex(extents: readonly number[], visit: (index: readonly number[]) => void): void {
  const index = extents.map(() => 0);
  const walk = (axis: number): void => {
    if (axis === extents.length) return visit(index);
    for (index[axis] = 0; index[axis] < extents[axis]; index[axis]++) walk(axis + 1);
    index[axis] = 0;
  };
  walk(0);
}

function place(
  { offset, strides }: { offset: number; strides: readonly number[] },
  index: readonly number[],
): number {
  return strides.reduce((position, stride, axis) => position + stride * index[axis], offset);
}

/** The nodes that `roots` need, in order. */
function needed(kernel: LoopKernel, roots: readonly number[]): number[] {
  const found = new Set<number>(roots);
  for (let i = kernel.nodes.length - 1; i >= 0; i--) {
    const node = kernel.nodes[i];
    if (found.has(i) && 'args' in node) for (const arg of node.args) found.add(arg);
  }
  return [...found].sort((a, b) => a - b);
}

/**
 * Runs one loop kernel.
 * @param arrays the array behind each access
 */
export function interpretLoop(kernel: LoopKernel, arrays: readonly TypedArray[]): void {
  const rank = kernel.extents.length - kernel.reduced;
  const values = new Array<number>(kernel.nodes.length);
  let totals: number[] = [];
  const evaluate = (node: ScalarNode, index: readonly number[]): number => {
    switch (node.op) {
      case 'literal':
        return store(node.value, node.dtype);
      case 'load':
        return arrays[node.access][place(kernel.accesses[node.access], index)];
      case 'index':
        return place(node, index);
      case 'accumulator':
        return totals[node.index];
      case 'cast':
        return convert(values[node.args[0]], node.dtype);
      default: {
        const operands = node.args.map((arg) => values[arg]);
        const { dtype } = kernel.nodes[node.args[node.args.length - 1]];
        const functions = numberLanguage(dtype) as unknown as Record<string, (...args: number[]) => number>;
        return store(functions[node.op](...operands), node.dtype);
      }
    }
  };
  const bodies = kernel.accumulators.map(({ node }) => node);
  const body = needed(kernel, bodies);
  const results = kernel.stores.map(({ node }) => node);
  const epilogue = needed(kernel, results);
  const zeros = new Array<number>(kernel.reduced).fill(0);
  const monoids = kernel.accumulators.map(({ monoid: name, node }) => ({
    dtype: kernel.nodes[node].dtype,
    ...monoid(name, kernel.nodes[node].dtype),
  }));
  forEachIndex(kernel.extents.slice(0, rank), (outer) => {
    totals = monoids.map(({ neutral }) => neutral);
    forEachIndex(kernel.extents.slice(rank), (inner) => {
      if (kernel.reduced === 0) return;
      const index = [...outer, ...inner];
      for (const i of body) values[i] = evaluate(kernel.nodes[i], index);
      monoids.forEach(({ dtype, combine }, i) => {
        totals[i] = store(combine(totals[i], values[bodies[i]]), dtype);
      });
    });
    const index = [...outer, ...zeros];
    for (const i of epilogue) values[i] = evaluate(kernel.nodes[i], index);
    const stored = results.map((node) => values[node]);
    kernel.stores.forEach(({ access }, i) => {
      arrays[access][place(kernel.accesses[access], index)] = stored[i];
    });
  });
}

/**
 * Runs a whole program. Parameters are written where the program writes them.
 * @param inputs numbers of the program's inputs, in order
 * @param parameters numbers of the program's parameters, in order
 * @returns the outputs' numbers
 */
export function interpret(
  program: Program,
  inputs: readonly TypedArray[],
  parameters: readonly TypedArray[],
  routines: ReadonlyMap<string, Operation> = new Map(),
): TypedArray[] {
  // Memory starts as garbage: nothing may count on zeros.
  const arena = new Uint8Array(Math.ceil(program.arenaBytes / 8) * 8).fill(0xa5).buffer;
  const arrayOf = ({ dtype, length, place: where }: Program['buffers'][number]): TypedArray => {
    switch (where.kind) {
      case 'arena':
        return viewBuffer(dtype, arena, where.offset, length);
      case 'parameter':
        return parameters[where.index];
      case 'constant':
        return program.constants[where.index];
      case 'nowhere':
        return allocate(dtype, 0);
    }
  };
  const arrays = program.buffers.map(arrayOf);
  program.inputs.forEach((buffer, i) => {
    arrays[buffer].set(inputs[i]);
  });
  for (const kernel of program.kernels) {
    switch (kernel.kind) {
      case 'loop':
        interpretLoop(
          kernel,
          kernel.accesses.map(({ buffer }) => arrays[buffer]),
        );
        break;
      case 'product':
        forEachIndex(kernel.batch, (batch) => {
          const at = (matrix: MatrixAccess, row: number, column: number): number =>
            place(matrix, batch) + row * matrix.rows + column * matrix.columns;
          forEachIndex([kernel.n, kernel.m], ([row, column]) => {
            const target = at(kernel.c, row, column);
            let total = kernel.accumulate ? arrays[kernel.c.buffer][target] : 0;
            for (let q = 0; q < kernel.k; q++)
              total +=
                arrays[kernel.a.buffer][at(kernel.a, row, q)] *
                arrays[kernel.b.buffer][at(kernel.b, q, column)];
            arrays[kernel.c.buffer][target] = total;
          });
        });
        break;
      case 'routine': {
        const computation = routines.get(kernel.operation)?.computation;
        if (computation?.kind !== 'routine') throw new Error(`no routine ${kernel.operation}`);
        const block = ({ buffer, shape }: (typeof kernel.inputs)[number]) => ({
          shape,
          data: arrays[buffer],
        });
        computation.run(kernel.inputs.map(block), kernel.outputs.map(block), kernel.attributes);
      }
    }
  }
  return program.outputs.map(({ buffer }) => arrays[buffer].slice());
}
