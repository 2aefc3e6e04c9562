/** From the graph to kernels: each variable that has memory gets the loops that fill it. */
import {
  type Application,
  type Computation,
  type DType,
  isFloat,
  type Operation,
  type Shape,
  sizeOf,
  type Variable,
  type View,
} from '../graph/index.ts';
import { Expression } from './expression.ts';
import type { Access, Kernel, LoopKernel, MatrixAccess, RoutineKernel } from './program.ts';
import { contiguous, isContiguous, stretch, throughView } from './views.ts';

/** What lowering asks of the program being built. */
export interface BufferTable {
  /** The buffer of a leaf or of a variable with memory; undefined where the variable is to be inlined. */
  bufferOf(variable: Variable): number | undefined;
  /** Where the elements of a variable lie in its buffer. */
  viewOf(variable: Variable): View;
  /** The number a scalar constant stands for. */
  literalOf(variable: Variable): number | undefined;
  /** The name of a routine, its own to it among the program's. */
  routineName(operation: Operation): string;
  /** The number of an application, for what kernels say of their origins. */
  originOf(application: Application): number;
}

/** Thrown when a view of `variable` has no strides: it needs memory of its own. */
export class NeedsMemory extends Error {
  readonly variable: Variable;

  constructor(variable: Variable) {
    super(`${variable.toString()} needs memory`);
    this.variable = variable;
  }
}

/** An index map, from what an operation sees of its input to what the loop sees. */
type Transform = (view: View) => View;

/** Builds one loop's body, descending from its root to memory. */
class LoopBuilder {
  readonly expression = new Expression();
  readonly accesses: Access[] = [];
  /** The inlined applications that compute something. */
  readonly origins = new Set<number>();
  private readonly table: BufferTable;
  private readonly accessNumbers = new Map<string, number>();
  /** Nodes of the variables met so far, under each index map. */
  private readonly met = new Map<Transform, Map<Variable, number>>();

  constructor(table: BufferTable) {
    this.table = table;
  }

  access(buffer: number, view: View): number {
    const strides = view.strides.map((stride, axis) => (view.shape[axis] === 1 ? 0 : stride));
    const key = `${buffer} ${view.offset} ${strides.join()}`;
    let number = this.accessNumbers.get(key);
    if (number === undefined) {
      number = this.accesses.push({ buffer, offset: view.offset, strides }) - 1;
      this.accessNumbers.set(key, number);
    }
    return number;
  }

  /** The node that computes `variable` at the loop's current element, seen through `transform`. */
  value(variable: Variable, transform: Transform): number {
    let nodes = this.met.get(transform);
    if (nodes === undefined) {
      nodes = new Map();
      this.met.set(transform, nodes);
    }
    let node = nodes.get(variable);
    if (node === undefined) {
      node = this.compute(variable, transform);
      nodes.set(variable, node);
    }
    return node;
  }

  private compute(variable: Variable, transform: Transform): number {
    const literal = this.table.literalOf(variable);
    if (literal !== undefined) return this.expression.literal(literal, variable.dtype);
    const buffer = this.table.bufferOf(variable);
    if (buffer !== undefined) {
      const access = this.access(buffer, transform(this.table.viewOf(variable)));
      return this.expression.push({ op: 'load', dtype: variable.dtype, access });
    }
    return this.inline(variable, transform);
  }

  /** The formula of an inlined variable, or what lies beneath a view. */
  inline(variable: Variable, transform: Transform): number {
    if (variable.source.kind !== 'output') throw new Error(`${variable.toString()} has no memory`);
    const { application } = variable.source;
    const { operation, inputs, attributes } = application;
    if (operation.computation.kind === 'view') {
      const through: Transform = (view) => {
        const seen = throughView(application, view);
        if (seen === undefined) throw new NeedsMemory(inputs[0]);
        return transform(seen);
      };
      return this.value(inputs[0], through);
    }
    const { computation } = operation;
    if (computation.kind !== 'elementwise') throw new Error(`${operation.name} is not inlined`);
    this.origins.add(this.table.originOf(application));
    const operands = inputs.map((input) => {
      const same =
        input.shape.length === variable.shape.length && sizeOf(input.shape) === sizeOf(variable.shape);
      return same
        ? this.value(input, transform)
        : this.value(input, (view) => transform(stretch(view, variable.shape)));
    });
    const index = (axis: number): number => {
      const strides = variable.shape.map((_, i) => (i === axis ? 1 : 0));
      const seen = transform({ shape: variable.shape, strides, offset: 0 });
      const kept = seen.strides.map((stride, i) => (seen.shape[i] === 1 ? 0 : stride));
      return this.expression.push({ op: 'index', dtype: 'int32', offset: seen.offset, strides: kept });
    };
    return computation.formula(
      this.expression.language(inputs.at(-1)?.dtype ?? 'int32', index),
      operands,
      attributes,
    );
  }

  /** The finished map over `extents`. */
  map(extents: Shape, buffer: number, view: View, node: number): LoopKernel {
    const access = this.access(buffer, view);
    const { accesses, origins } = this;
    return {
      kind: 'loop',
      origins: [...origins],
      extents,
      reduced: 0,
      accesses,
      nodes: this.expression.nodes,
      accumulators: [],
      stores: [{ access, node }],
    };
  }
}

const identity: Transform = (view) => view;

/** The kernels that fill the memory of `variable`'s application (all its outputs). */
export function lower(variable: Variable, table: BufferTable): Kernel[] {
  return lowerApplication(variable, table).map((kernel) =>
    kernel.kind === 'loop' ? withoutUnitAxes(kernel) : kernel,
  );
}

/** The same loop without axes of extent 1, so that loops over the same elements look the same. */
function withoutUnitAxes(kernel: LoopKernel): LoopKernel {
  const squeezed = kernel.extents.includes(1) ? squeeze(kernel) : kernel;
  return squeezed.reduced === 0 && kernel.accumulators.length > 0 ? withoutReduction(squeezed) : squeezed;
}

function squeeze(kernel: LoopKernel): LoopKernel {
  const { extents } = kernel;
  const keep = <T>(list: readonly T[]): T[] => list.filter((_, axis) => extents[axis] !== 1);
  return {
    ...kernel,
    extents: keep(extents),
    reduced: extents.slice(extents.length - kernel.reduced).filter((extent) => extent !== 1).length,
    accesses: kernel.accesses.map((access) => ({ ...access, strides: keep(access.strides) })),
    nodes: kernel.nodes.map((node) =>
      node.op === 'index' ? { ...node, strides: keep(node.strides) } : node,
    ),
  };
}

/** A reduction of single elements is a map: the element itself stands for the accumulator. */
function withoutReduction(kernel: LoopKernel): LoopKernel {
  const body = (node: number): number => {
    const found = kernel.nodes[node];
    return found.op === 'accumulator' ? kernel.accumulators[found.index].node : node;
  };
  return {
    ...kernel,
    nodes: kernel.nodes.map((node, i) => (node.op === 'accumulator' ? kernel.nodes[body(i)] : node)),
    stores: kernel.stores.map(({ access, node }) => ({ access, node: body(node) })),
    accumulators: [],
  };
}

function lowerApplication(variable: Variable, table: BufferTable): Kernel[] {
  const { source } = variable;
  if (source.kind !== 'output') return [copyKernel(variable, table)];
  const { application } = source;
  const { computation } = application.operation;
  switch (computation.kind) {
    case 'elementwise':
    case 'view':
      return [mapKernel(variable, table)];
    case 'reduction':
      return [reductionKernel(application, computation.monoid, table)];
    case 'assembly':
      return assemblyKernels(application, computation, table);
    case 'product':
      return [productKernel(application, table)];
    case 'routine':
      return [routineKernel(application, table)];
    case 'composition':
      throw new Error(`${application.operation.name} should have been expanded`);
    case 'iteration':
    case 'choice':
      throw new Error(`${application.operation.name} takes blocks of its own`);
  }
}

function memoryOf(variable: Variable, table: BufferTable): number {
  const buffer = table.bufferOf(variable);
  if (buffer === undefined) throw new NeedsMemory(variable);
  return buffer;
}

function mapKernel(variable: Variable, table: BufferTable): LoopKernel {
  const loop = new LoopBuilder(table);
  const node = loop.inline(variable, identity);
  return loop.map(variable.shape, memoryOf(variable, table), contiguous(variable.shape), node);
}

/** Copies `variable` (anything that can be read) into `buffer`, contiguously, from element `offset` on. */
export function copyInto(buffer: number, variable: Variable, table: BufferTable, offset = 0): LoopKernel {
  const loop = new LoopBuilder(table);
  const place = { ...contiguous(variable.shape), offset };
  return withoutUnitAxes(loop.map(variable.shape, buffer, place, loop.value(variable, identity)));
}

function copyKernel(variable: Variable, table: BufferTable): LoopKernel {
  return copyInto(memoryOf(variable, table), variable, table);
}

function reductionKernel(
  { inputs: [x], outputs: [y], attributes }: Application,
  monoid: LoopKernel['accumulators'][number]['monoid'],
  table: BufferTable,
): LoopKernel {
  const { axes } = attributes as { axes: readonly number[] };
  const kept = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const order = [...kept, ...axes];
  const extents = order.map((axis) => x.shape[axis]);
  const loop = new LoopBuilder(table);
  const node = loop.value(x, (view) => ({
    shape: extents,
    strides: order.map((axis) => view.strides[axis]),
    offset: view.offset,
  }));
  const out = contiguous(kept.map((axis) => x.shape[axis]));
  const access = loop.access(memoryOf(y, table), {
    shape: extents,
    strides: [...out.strides, ...axes.map(() => 0)],
    offset: 0,
  });
  const result = loop.expression.push({ op: 'accumulator', dtype: y.dtype, index: 0 });
  return {
    kind: 'loop',
    origins: [...loop.origins],
    extents,
    reduced: axes.length,
    accesses: loop.accesses,
    nodes: loop.expression.nodes,
    accumulators: [{ monoid, node }],
    stores: [{ access, node: result }],
  };
}

function assemblyKernels(
  { inputs, outputs: [y], attributes }: Application,
  computation: Extract<Computation<unknown>, { kind: 'assembly' }>,
  table: BufferTable,
): LoopKernel[] {
  const buffer = memoryOf(y, table);
  const kernels: LoopKernel[] = [];
  const fill = computation.fill(attributes);
  if (fill !== undefined) {
    const loop = new LoopBuilder(table);
    kernels.push(loop.map(y.shape, buffer, contiguous(y.shape), loop.expression.literal(fill, y.dtype)));
  }
  const shapes = inputs.map((input) => input.shape);
  for (const { input, offset, strides } of computation.regions(shapes, y.shape, attributes)) {
    const x = inputs[input];
    const loop = new LoopBuilder(table);
    const node = loop.value(x, identity);
    kernels.push(loop.map(x.shape, buffer, { shape: x.shape, strides, offset }, node));
  }
  return kernels;
}

/** The memory beneath the views that make `variable`, and its elements' places there. */
export function memoryBeneath(variable: Variable, table: BufferTable): { buffer: number; view: View } {
  const views: Application[] = [];
  let v = variable;
  while (table.bufferOf(v) === undefined) {
    if (v.source.kind !== 'output' || v.source.application.operation.computation.kind !== 'view')
      throw new NeedsMemory(v);
    views.push(v.source.application);
    v = v.source.application.inputs[0];
  }
  let view = table.viewOf(v);
  for (let i = views.length - 1; i >= 0; i--) {
    const seen = throughView(views[i], view);
    if (seen === undefined) throw new NeedsMemory(views[i].inputs[0]);
    view = seen;
  }
  return { buffer: memoryOf(v, table), view };
}

function matrixAccess(buffer: number, { strides, offset }: View): MatrixAccess {
  const rank = strides.length;
  return {
    buffer,
    offset,
    strides: strides.slice(0, -2),
    rows: strides[rank - 2],
    columns: strides[rank - 1],
  };
}

function productKernel({ inputs: [a, b], outputs: [c] }: Application, table: BufferTable): Kernel {
  const batch = c.shape.slice(0, -2);
  const [n, k] = a.shape.slice(-2);
  const m = b.shape[b.rank - 1];
  const left = memoryBeneath(a, table);
  const right = memoryBeneath(b, table);
  const out = { buffer: memoryOf(c, table), view: contiguous(c.shape) };
  if (isFloat(c.dtype)) {
    return {
      kind: 'product',
      dtype: c.dtype,
      batch,
      n,
      m,
      k,
      a: matrixAccess(left.buffer, left.view),
      b: matrixAccess(right.buffer, right.view),
      c: matrixAccess(out.buffer, out.view),
      alpha: { scale: 1 },
      beta: { scale: 0 },
    };
  }
  // Integers: the product as a reduction over the inner axis.
  const loop = new LoopBuilder(table);
  const extents = [...batch, n, m, k];
  const load = (operand: { buffer: number; view: View }, strides: number[], dtype: DType): number => {
    const access = loop.access(operand.buffer, { shape: extents, strides, offset: operand.view.offset });
    return loop.expression.push({ op: 'load', dtype, access });
  };
  const rank = batch.length;
  const x = load(
    left,
    [...left.view.strides.slice(0, rank), left.view.strides[rank], 0, left.view.strides[rank + 1]],
    a.dtype,
  );
  const y = load(
    right,
    [...right.view.strides.slice(0, rank), 0, right.view.strides[rank + 1], right.view.strides[rank]],
    b.dtype,
  );
  const node = loop.expression.apply('mul', [x, y]);
  const access = loop.access(out.buffer, { shape: extents, strides: [...out.view.strides, 0], offset: 0 });
  const result = loop.expression.push({ op: 'accumulator', dtype: c.dtype, index: 0 });
  return {
    kind: 'loop',
    extents,
    reduced: 1,
    accesses: loop.accesses,
    nodes: loop.expression.nodes,
    accumulators: [{ monoid: 'sum', node }],
    stores: [{ access, node: result }],
  };
}

function routineKernel(
  { operation, attributes, inputs, outputs, site }: Application,
  table: BufferTable,
): RoutineKernel {
  const block = (variable: Variable) => {
    const { buffer, view } = memoryBeneath(variable, table);
    const { offset } = view;
    if (!isContiguous({ ...view, offset: 0 })) throw new NeedsMemory(variable);
    return { buffer, offset, shape: variable.shape };
  };
  return {
    kind: 'routine',
    site: site.toString(),
    operation: table.routineName(operation),
    attributes,
    inputs: inputs.map(block),
    outputs: outputs.map(block),
  };
}
