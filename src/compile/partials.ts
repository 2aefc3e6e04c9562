/**
 * Large reductions to few elements in two steps: partial results of parts of the reduced axis, which threads share out, and then
 * those together. The parts depend on the program alone. Sums of float32 stay in float64 between the two.
 */
import { type DType, type Monoid, sizeOf, stridesOf } from '../graph/index.ts';
import { Expression, neededFor, withArguments } from './expression.ts';
import type { Access, Kernel, LoopKernel } from './program.ts';

/** Parts of a reduction; a number that many numbers of threads divide. */
const PARTS = 24;
/** A number of parts between these is taken instead if it leaves no rest. */
const FEWEST = 16;
const MOST = 32;

/** From so many elements on two steps pay. What is computed for each does not count: sums keep their order when it changes. */
const LARGE = 50_000;

/** Reductions to at most so many elements have partial results. */
const MOST_ELEMENTS = 16_384;

/**
 * Splits what is worth it among `kernels`.
 * @param add makes a buffer, and returns its number
 */
export function splitReductions(
  kernels: readonly Kernel[],
  add: (dtype: DType, length: number) => number,
): Kernel[] {
  return kernels.flatMap((kernel) =>
    kernel.kind === 'loop' && isWorthSplitting(kernel) ? split(kernel, add) : [kernel],
  );
}

function isWorthSplitting(loop: LoopKernel): boolean {
  const { extents, reduced, accesses, stores, nodes } = loop;
  const rank = extents.length - reduced;
  if (reduced === 0 || extents.includes(0) || extents[rank] < 2 * PARTS) return false;
  const kept = sizeOf(extents.slice(0, rank));
  const elements = sizeOf(extents);
  if (elements < LARGE || kept > MOST_ELEMENTS || kept * 4 * PARTS > elements) return false;
  // A body that depends on its coordinates would have to be told where each part begins.
  if (nodes.some(({ op }) => op === 'index')) return false;
  // Rows that lie one behind the other are shared out as they are.
  const stored = new Set(stores.map(({ access }) => access));
  const alongRows = accesses.every(
    ({ strides }, i) =>
      stored.has(i) || rank === 0 || Math.abs(strides[rank - 1]) >= Math.abs(strides[extents.length - 1]),
  );
  return kept < 2 * PARTS || !alongRows;
}

function split(loop: LoopKernel, add: (dtype: DType, length: number) => number): Kernel[] {
  const { extents, reduced, accumulators, nodes } = loop;
  const rank = extents.length - reduced;
  const kept = extents.slice(0, rank);
  const count = sizeOf(kept);
  const length = extents[rank];
  const parts = partsOf(length);
  const each = Math.floor(length / parts);
  const rest = length - parts * each;
  const rows = parts + Math.sign(rest);
  const partial = accumulators.map(({ monoid, node }): Partial => {
    const dtype = totalOf(monoid, nodes[node].dtype);
    return { monoid, dtype, buffer: add(dtype, rows * count) };
  });
  const kernels: Kernel[] = [];
  for (const part of [
    { first: 0, rows: parts, length: each },
    { first: parts, rows: 1, length: rest },
  ])
    if (part.length > 0) kernels.push(partialLoop(loop, partial, { ...part, step: each, count }));
  return [...kernels, finalLoop(loop, partial, rows, count)];
}

/** The results of one accumulator: a row for each part. */
interface Partial {
  readonly monoid: Monoid;
  readonly dtype: DType;
  readonly buffer: number;
}

/** The dtype in which a reduction is gathered. */
function totalOf(monoid: Monoid, dtype: DType): DType {
  return monoid === 'sum' && dtype === 'float32' ? 'float64' : dtype;
}

/** Into how many parts a length is cut. */
function partsOf(length: number): number {
  for (let parts = MOST; parts >= FEWEST; parts--) if (length % parts === 0) return parts;
  return PARTS;
}

/** The reductions of `rows` parts of `length`, `step` apart, from the part of number `first` on. */
function partialLoop(
  loop: LoopKernel,
  partial: readonly Partial[],
  {
    first,
    rows,
    length,
    step,
    count,
  }: { first: number; rows: number; length: number; step: number; count: number },
): LoopKernel {
  const { extents, reduced, accumulators } = loop;
  const rank = extents.length - reduced;
  const kept = extents.slice(0, rank);
  const accesses: Access[] = [];
  const body = new Expression();
  const numbers: number[] = [];
  const needed = neededFor(
    loop.nodes,
    accumulators.map(({ node }) => node),
  );
  loop.nodes.forEach((node, i) => {
    if (!needed.has(i)) return;
    if (node.op === 'load') {
      const { buffer, offset, strides } = loop.accesses[node.access];
      const along = strides[rank] * step;
      const access =
        accesses.push({ buffer, offset: offset + first * along, strides: [along, ...strides] }) - 1;
      numbers[i] = body.push({ ...node, access });
    } else numbers[i] = body.push(withArguments(node, numbers));
  });
  const inner = new Array<number>(reduced).fill(0);
  const gathered = accumulators.map(({ monoid, node }) => ({ monoid, node: numbers[node] }));
  const stores = gathered.map((_, i) => {
    const strides = [count, ...stridesOf(kept), ...inner];
    const access = accesses.push({ buffer: partial[i].buffer, offset: first * count, strides }) - 1;
    return { access, node: body.push({ op: 'accumulator', dtype: partial[i].dtype, index: i }) };
  });
  return {
    ...loop,
    extents: [rows, ...kept, length, ...extents.slice(rank + 1)],
    accesses,
    nodes: body.nodes,
    accumulators: gathered,
    stores,
  };
}

/** The parts together, and what follows the reduction. */
function finalLoop(loop: LoopKernel, partial: readonly Partial[], rows: number, count: number): LoopKernel {
  const { extents, reduced } = loop;
  const rank = extents.length - reduced;
  const kept = extents.slice(0, rank);
  const accesses: Access[] = [];
  const body = new Expression();
  const gathered = partial.map(({ monoid, dtype, buffer }) => {
    const access = accesses.push({ buffer, offset: 0, strides: [...stridesOf(kept), count] }) - 1;
    return { monoid, node: body.push({ op: 'load', dtype, access }) };
  });
  const outside = (access: Access): number =>
    accesses.push({ ...access, strides: [...access.strides.slice(0, rank), 0] }) - 1;
  const known = new Map<number, number>();
  const accessOf = (number: number): number => {
    const found = known.get(number) ?? outside(loop.accesses[number]);
    known.set(number, found);
    return found;
  };
  const numbers: number[] = [];
  const needed = neededFor(
    loop.nodes,
    loop.stores.map(({ node }) => node),
  );
  loop.nodes.forEach((node, i) => {
    if (!needed.has(i)) return;
    if (node.op === 'load') numbers[i] = body.push({ ...node, access: accessOf(node.access) });
    else if (node.op === 'accumulator') {
      const total = body.push({ ...node, dtype: partial[node.index].dtype });
      numbers[i] = body.cast(total, node.dtype);
    } else numbers[i] = body.push(withArguments(node, numbers));
  });
  return {
    ...loop,
    extents: [...kept, rows],
    reduced: 1,
    accesses,
    nodes: body.nodes,
    accumulators: gathered,
    stores: loop.stores.map(({ access, node }) => ({ access: accessOf(access), node: numbers[node] })),
  };
}
