/** Programs by the book: every kernel as the obvious loops, on memory laid out as the program says. */
import type {
  Access,
  Block,
  Factor,
  LoopKernel,
  MatrixAccess,
  ProductKernel,
  Program,
  RowsKernel,
  ScalarNode,
} from '../../src/compile/program.ts';
import {
  allocate,
  BYTES,
  type Operation,
  sizeOf,
  type TypedArray,
  viewBuffer,
} from '../../src/graph/index.ts';
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
  const monoids = kernel.accumulators.map(({ monoid: name, node }, i) => {
    // A total may be wider than its terms.
    const total = kernel.nodes.find((each) => each.op === 'accumulator' && each.index === i);
    const { dtype } = total ?? kernel.nodes[node];
    return { dtype, ...monoid(name, dtype) };
  });
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

/** Numbers outside of the arena, and the operations that routines call. */
interface Surroundings {
  readonly parameters: readonly TypedArray[];
  readonly routines: ReadonlyMap<string, Operation>;
}

/** Part of a block of memory, in bytes. */
interface Memory {
  readonly buffer: ArrayBufferLike;
  readonly offset: number;
}

/** A buffer: its first element is `data[first]`. Views may reach before it, and over more than its own elements. */
interface Span {
  readonly data: TypedArray;
  readonly first: number;
}

const memoryOf = ({ data, first }: Span): Memory => ({
  buffer: data.buffer,
  offset: data.byteOffset + first * data.BYTES_PER_ELEMENT,
});

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
  const buffer = new Uint8Array(Math.ceil(program.arenaBytes / 8) * 8).fill(0xa5).buffer;
  const surroundings = { parameters, routines };
  const spans = spansOf(program, { buffer, offset: 0 }, [], surroundings, 0);
  program.inputs.forEach((input, i) => {
    spans[input].data.set(inputs[i]);
  });
  runKernels(program, spans, surroundings);
  return program.outputs.map((output) => spans[output.buffer].data.slice());
}

/** A loop over one chunk of its rows, from row `first` on. */
function partOf(
  loop: LoopKernel,
  first: number,
  { rows, chunk }: RowsKernel,
  isPrivate: (buffer: number) => boolean,
): LoopKernel {
  const on = <T extends { readonly offset: number; readonly strides: readonly number[] }>(each: T): T => ({
    ...each,
    offset: each.offset + first * each.strides[0],
  });
  return {
    ...loop,
    extents: [Math.min(chunk, rows - first), ...loop.extents.slice(1)],
    accesses: loop.accesses.map((access) => (isPrivate(access.buffer) ? access : on(access))),
    nodes: loop.nodes.map((node) => (node.op === 'index' ? on(node) : node)),
  };
}

/** The memory of a block's buffers, in round `round` of the kernel that runs it. */
function spansOf(
  block: Block,
  arena: Memory,
  operands: readonly Memory[],
  { parameters }: Surroundings,
  round: number,
): Span[] {
  return block.buffers.map(({ dtype, length, place: where }): Span => {
    switch (where.kind) {
      case 'arena':
        return { data: viewBuffer(dtype, arena.buffer, arena.offset + where.offset, length), first: 0 };
      case 'parameter':
        return { data: parameters[where.index], first: 0 };
      case 'constant':
        return { data: block.constants[where.index], first: 0 };
      case 'outer': {
        const { buffer, offset } = operands[where.operand];
        const data = viewBuffer(dtype, buffer, 0, Math.floor(buffer.byteLength / BYTES[dtype]));
        return { data, first: (offset + where.offset + round * where.step) / BYTES[dtype] };
      }
      case 'workspace':
        return { data: allocate(dtype, length), first: 0 };
      case 'nowhere':
        return { data: allocate(dtype, 0), first: 0 };
    }
  });
}

function runKernels(block: Block, spans: readonly Span[], surroundings: Surroundings): void {
  const settled = <A extends Access>(access: A): A => ({
    ...access,
    offset: access.offset + spans[access.buffer].first,
  });
  const runLoop = (loop: LoopKernel): void =>
    interpretLoop(
      { ...loop, accesses: loop.accesses.map(settled) },
      loop.accesses.map(({ buffer }) => spans[buffer].data),
    );
  for (const kernel of block.kernels) {
    switch (kernel.kind) {
      case 'loop':
        runLoop(kernel);
        break;
      case 'rows': {
        const isPrivate = (buffer: number): boolean => block.buffers[buffer].place.kind === 'workspace';
        // The last chunk first: their order must not matter.
        for (
          let first = kernel.rows - 1 - ((kernel.rows - 1) % kernel.chunk);
          first >= 0;
          first -= kernel.chunk
        )
          for (const loop of kernel.loops) runLoop(partOf(loop, first, kernel, isPrivate));
        break;
      }
      case 'product': {
        const { a, b, c } = kernel;
        interpretProduct({ ...kernel, a: settled(a), b: settled(b), c: settled(c) }, spans);
        break;
      }
      case 'routine': {
        const computation = surroundings.routines.get(kernel.operation)?.computation;
        if (computation?.kind !== 'routine') throw new Error(`no routine ${kernel.operation}`);
        const operand = ({ buffer, offset, shape }: (typeof kernel.inputs)[number]) => {
          const start = spans[buffer].first + offset;
          return { shape, data: spans[buffer].data.subarray(start, start + sizeOf(shape)) };
        };
        computation.run(kernel.inputs.map(operand), kernel.outputs.map(operand), kernel.attributes);
        break;
      }
      case 'repeat':
      case 'choose': {
        const operands = kernel.operands.map((operand) => memoryOf(spans[operand]));
        const arena = memoryOf(spans[kernel.workspace]);
        const holds = ({ buffer, offset }: Access): boolean =>
          spans[buffer].data[spans[buffer].first + offset] !== 0;
        const run = (inner: Block, round: number): void =>
          runKernels(inner, spansOf(inner, arena, operands, surroundings, round), surroundings);
        if (kernel.kind === 'choose') run(kernel.blocks[holds(kernel.condition) ? 0 : 1], 0);
        else {
          const { rounds = Number.POSITIVE_INFINITY, condition, block: inner } = kernel;
          for (let t = 0; t < rounds && (condition === undefined || holds(condition)); t++) run(inner, t);
        }
      }
    }
  }
}

function interpretProduct(kernel: ProductKernel, spans: readonly Span[]): void {
  const [a, b, c] = [kernel.a, kernel.b, kernel.c].map(({ buffer }) => spans[buffer].data);
  const valueOf = ({ scale, by }: Factor): number =>
    by === undefined || scale === 0
      ? scale
      : scale * spans[by.buffer].data[spans[by.buffer].first + by.offset];
  const [alpha, beta] = [valueOf(kernel.alpha), valueOf(kernel.beta)];
  forEachIndex(kernel.batch, (batch) => {
    const at = (matrix: MatrixAccess, row: number, column: number): number =>
      place(matrix, batch) + row * matrix.rows + column * matrix.columns;
    forEachIndex([kernel.n, kernel.m], ([row, column]) => {
      const target = at(kernel.c, row, column);
      let total = 0;
      for (let q = 0; q < kernel.k; q++) total += a[at(kernel.a, row, q)] * b[at(kernel.b, q, column)];
      c[target] = beta === 0 ? alpha * total : alpha * total + beta * c[target];
    });
  });
}
