/**
 * Matrix products that add into memory: C = alpha A B + beta C. A loop that only scales a product, or adds it to something
 * else, is left to the product itself: `w - rate * (A B)` becomes a product onto the weight's own memory, without memory for
 * the gradient and without a pass over both; a sum of products is gathered in one place.
 */
import type { Buffers } from './buffers.ts';
import { factorOf } from './factors.ts';
import { sameNumbers, withoutDeadCode } from './merge.ts';
import {
  type Access,
  buffersOf,
  type Kernel,
  type LoopKernel,
  type ProductKernel,
  renameBuffers,
  type ScalarNode,
} from './program.ts';
import { isHarmless, isPrivate, sumsOf, type Term } from './sums.ts';
import { Order, type Update } from './updates.ts';

/**
 * Lets products take over what loops do with their results, as far as nobody else reads these.
 * @param kernels in a valid order
 * @param kept buffers that must survive the last kernel
 * @param updates new values that may take the place of old ones; a product that adds to an old one must
 * @returns the kernels in a valid order; a product that adds to an old value names the new value's buffer
 */
export function accumulateProducts(
  kernels: readonly Kernel[],
  kept: ReadonlySet<number>,
  updates: readonly Update[],
  table: Buffers,
): readonly Kernel[] {
  if (!kernels.some(({ kind }) => kind === 'product')) return kernels;
  const accumulation = new Accumulation(kernels, kept, updates, table);
  kernels.forEach((_, position) => {
    while (accumulation.relieve(position)) {}
  });
  return accumulation.finish();
}

/** A product in a loop: one term of a sum, and the kernel that computes it. */
interface Part {
  readonly term: Term;
  readonly position: number;
  readonly product: ProductKernel;
}

/** What a product is to do instead of a loop. */
interface Plan {
  /** The loop's position, and the loop itself without what products do. */
  readonly position: number;
  readonly rest: LoopKernel;
  /** Where the sum is to lie: how the loop sees it. */
  readonly target: Access;
  /** In the order in which they add up. */
  readonly parts: readonly Part[];
  /** What they are added to. */
  readonly old?: { readonly term: Term; readonly buffer: number; readonly isParameter: boolean };
  /** What the products have to wait for because the loop did. */
  readonly waits: readonly number[];
}

class Accumulation {
  private readonly given: readonly Kernel[];
  /** What becomes of each of them. */
  private readonly kernels: (Kernel | undefined)[];
  private readonly order: Order;
  private readonly kept: ReadonlySet<number>;
  private readonly table: Buffers;
  /** The parameter that each new value is for. */
  private readonly parameters: ReadonlyMap<number, number>;
  /** Scalars that a product needs, computed right before it. */
  private readonly scalars = new Map<number, Kernel[]>();
  /** Buffers that have become part of another one. */
  private readonly names = new Map<number, number>();
  /** Buffers that hold sums of products. */
  private readonly gathered = new Set<number>();
  /** Buffers that are called otherwise now, and those that a loop reads after products have written them. */
  private readonly taken = new Set<number>();

  constructor(
    kernels: readonly Kernel[],
    kept: ReadonlySet<number>,
    updates: readonly Update[],
    table: Buffers,
  ) {
    this.given = kernels;
    this.kernels = [...kernels];
    this.order = new Order(kernels);
    this.kept = kept;
    this.table = table;
    this.parameters = new Map(updates.map(({ parameter, value }) => [value, parameter]));
  }

  finish(): readonly Kernel[] {
    if (this.gathered.size === 0) return this.given;
    const ordered = this.order.sorted().flatMap((position) => {
      const kernel = this.kernels[position];
      return kernel === undefined ? [] : [...(this.scalars.get(position) ?? []), kernel];
    });
    return renameBuffers(ordered, (buffer) => {
      let name = buffer;
      for (let next = this.names.get(name); next !== undefined; next = this.names.get(name)) name = next;
      return name;
    });
  }

  /** Takes one sum out of the loop at `position`; false where there is none. */
  relieve(position: number): boolean {
    const kernel = this.kernels[position];
    if (kernel?.kind !== 'loop') return false;
    const products = kernel.accesses.map((access) => this.productOf(access, kernel, position));
    if (products.every((product) => product === undefined)) return false;
    const sums = sumsOf(kernel);
    for (let node = kernel.nodes.length - 1; node >= 0; node--) {
      const terms = sums[node];
      if (terms === undefined) continue;
      const parts: Part[] = [];
      for (const term of terms) {
        const part = products[term.access];
        if (part !== undefined) parts.push({ ...part, term });
      }
      if (parts.length === 0 || !isPrivate(kernel, node, sums)) continue;
      parts.sort((a, b) => a.position - b.position);
      const others = terms.filter(({ access }) => products[access] === undefined);
      const plans = [
        ...this.plansToStore(position, kernel, node, parts, others),
        ...this.plansToGather(position, kernel, node, parts, others),
      ];
      if (plans.some((plan) => this.carryOut(plan, kernel))) return true;
    }
    return false;
  }

  /** The product whose result the loop at `position` reads through this access, and nobody else at all. */
  private productOf(
    { buffer }: Access,
    { accesses }: LoopKernel,
    reader: number,
  ): Omit<Part, 'term'> | undefined {
    if (!this.isOwn(buffer, reader) || accesses.filter((each) => each.buffer === buffer).length > 1)
      return undefined;
    const [position, ...others] = this.order.writersOf(buffer);
    const product = this.kernels[position];
    return product?.kind === 'product' && others.length === 0 ? { position, product } : undefined;
  }

  /** Whether products have gathered a sum here that only the loop at `reader` reads, and only through this access. */
  private isSum({ buffer }: Access, { accesses }: LoopKernel, reader: number): boolean {
    const isOnly = accesses.filter((each) => each.buffer === buffer).length === 1;
    return isOnly && this.gathered.has(buffer) && this.isOwn(buffer, reader);
  }

  /** Whether a buffer is computed here, and the loop at `reader` is the only one to read it. */
  private isOwn(buffer: number, reader: number): boolean {
    const { order, kept, table, taken } = this;
    const readers = order.readersOf(buffer);
    return (
      readers.length === 1 &&
      readers[0] === reader &&
      order.writersOf(buffer).length > 0 &&
      table.buffers[buffer].place.kind === 'nowhere' &&
      !kept.has(buffer) &&
      !taken.has(buffer)
    );
  }

  /** How products could write what the loop stores of `node`. */
  private *plansToStore(
    position: number,
    kernel: LoopKernel,
    node: number,
    parts: readonly Part[],
    others: readonly Term[],
  ): Generator<Plan> {
    if (kernel.reduced > 0 || others.length > 1) return;
    for (const store of kernel.stores) {
      const target = kernel.accesses[store.access];
      if (store.node !== node || !this.fills(kernel, target)) continue;
      const [term] = others;
      const old = term && this.replaced(term, kernel, target, position);
      if (term !== undefined && old === undefined) continue;
      const stores = kernel.stores.filter((each) => each !== store);
      const rest = withLoad({ ...kernel, stores }, node, store.access);
      yield { position, rest, target, parts, old, waits: kernel.waits ?? [] };
    }
  }

  /** How products could add up what the loop only adds up: in the memory of the first, or of a sum that is there already. */
  private *plansToGather(
    position: number,
    kernel: LoopKernel,
    node: number,
    parts: readonly Part[],
    others: readonly Term[],
  ): Generator<Plan> {
    if (others.length > 1 || parts.length + others.length < 2) return;
    const [term] = others;
    const { access } = term ?? parts[0].term;
    const target = kernel.accesses[access];
    if (term !== undefined && !this.isSum(target, kernel, position)) return;
    const old = term && { term, buffer: target.buffer, isParameter: false };
    yield { position, rest: withLoad(kernel, node, access), target, parts, old, waits: [] };
  }

  /** Whether what the loop stores is all of a buffer, and nobody else writes it. */
  private fills({ extents }: LoopKernel, { buffer, offset }: Access): boolean {
    const { length } = this.table.buffers[buffer];
    const elements = extents.reduce((product, extent) => product * extent, 1);
    return offset === 0 && elements === length && this.order.writersOf(buffer).length === 1;
  }

  /** The old numbers that the sum may be added to, because the new ones are to take their place. */
  private replaced(
    term: Term,
    { accesses }: LoopKernel,
    target: Access,
    position: number,
  ): Plan['old'] | undefined {
    const { buffer, offset, strides } = accesses[term.access];
    const parameter = this.parameters.get(target.buffer);
    const isParameter = buffer === parameter;
    const { length } = this.table.buffers[buffer];
    const same = offset === target.offset && sameNumbers(strides, target.strides);
    if (!same || length !== this.table.buffers[target.buffer].length) return undefined;
    return isParameter || (parameter === undefined && this.isOwn(buffer, position))
      ? { term, buffer, isParameter }
      : undefined;
  }

  /** Changes the kernels, if they can be brought into an order in which nobody reads an old number too late. */
  private carryOut({ position, rest, target, parts, old, waits }: Plan, kernel: LoopKernel): boolean {
    const { order, table } = this;
    const { length } = table.buffers[target.buffer];
    const turned: ProductKernel[] = [];
    for (const { term, product } of parts) {
      const from = kernel.accesses[term.access];
      const made = turn(product, kernel, from, target);
      if (made === undefined || table.buffers[from.buffer].length !== length) return false;
      turned.push(made);
    }
    if (!parts.every(({ term }) => isHarmless(term))) return false;
    // A product does not read what it adds to where the factor is 0, and would lose a NaN: only the numbers tell.
    if (old !== undefined && old.term.by.length > 0) return false;
    if (old?.isParameter && this.holdsTooMuch(parts, old.buffer, position)) return false;
    const factors = parts.map(({ term }) => factorOf(term, kernel, table));
    const beta = old && factorOf(old.term, kernel, table);
    if (beta !== undefined) factors.push(beta);
    if (old !== undefined) {
      const read = turned.flatMap((each) => buffersOf(each).reads);
      // What the sum takes the place of is the target itself, which the rest of the loop may read.
      if (old.buffer !== target.buffer) read.push(...buffersOf(rest).reads);
      if ([...read, ...factors.flatMap(({ reads }) => reads)].includes(old.buffer)) return false;
    }
    const before = [...waits, ...factors.flatMap(({ reads }) => reads), ...(old ? [old.buffer] : [])]
      .flatMap((buffer) => order.writersOf(buffer))
      .concat(old?.isParameter ? order.readersOf(old.buffer).filter((each) => each !== position) : []);
    let last: number[] = [];
    for (const part of parts) {
      if (!order.delay(part.position, last.length === 0 ? before : last)) return false;
      last = [part.position];
    }

    this.scalars.set(
      parts[0].position,
      factors.flatMap(({ kernels }) => kernels.map((each) => ({ ...each, origins: kernel.origins }))),
    );
    parts.forEach((part, i) => {
      const { factor } = factors[i];
      const all = [...(part.product.waits ?? []), ...waits];
      this.kernels[part.position] = {
        ...turned[i],
        alpha: factor,
        beta: i > 0 ? { scale: 1 } : (beta?.factor ?? { scale: 0 }),
        ...(all.length > 0 && { waits: all }),
        // Of a loop that still has something to do, nobody knows which operations are left to it.
        origins:
          rest.stores.length > 0
            ? part.product.origins
            : [...new Set([...(part.product.origins ?? []), ...(kernel.origins ?? [])])],
      };
      this.rename(turned[i].c.buffer, target.buffer);
    });
    if (old !== undefined && !old.isParameter) this.rename(old.buffer, target.buffer);
    this.gathered.add(target.buffer);
    if (buffersOf(rest).reads.includes(target.buffer)) this.taken.add(target.buffer);
    this.kernels[position] = rest.stores.length === 0 ? undefined : rest;
    return true;
  }

  private rename(buffer: number, name: number): void {
    if (buffer === name) return;
    this.names.set(buffer, name);
    this.taken.add(buffer);
  }

  /**
   * Whether products that add to a parameter would wait for its last reader with operands larger than the parameter. A
   * weight that is used in many places is read until the very end, and its gradient's terms come one by one before.
   */
  private holdsTooMuch(parts: readonly Part[], parameter: number, loop: number): boolean {
    const readers = this.order.readersOf(parameter).filter((reader) => reader !== loop);
    if (parts.length === 1 || readers.every((reader) => reader < parts[0].position)) return false;
    let elements = 0;
    for (const { product } of parts.slice(0, -1)) elements += product.k * (product.n + product.m);
    return elements > this.table.buffers[parameter].length;
  }
}

/** The loop with a load in the place of a node. */
function withLoad(kernel: LoopKernel, node: number, access: number): LoopKernel {
  const { dtype } = kernel.nodes[node];
  const nodes = kernel.nodes.map(
    (each, i): ScalarNode => (i === node ? { op: 'load', dtype, access } : each),
  );
  return withoutDeadCode({ ...kernel, nodes }, () => true);
}

/**
 * The product laid out so that the loop would see at `to` what it now sees at `from`: as it is, or as C^T = B^T A^T;
 * undefined where neither fits.
 */
function turn(
  product: ProductKernel,
  { extents }: LoopKernel,
  from: Access,
  to: Access,
): ProductKernel | undefined {
  if (from.offset !== to.offset) return undefined;
  if (sameNumbers(from.strides, to.strides)) return product;
  const { batch, n, m, a, b, c } = product;
  const axisOf = (extent: number, before: number, after: number): boolean =>
    extents.some(
      (each, axis) => each === extent && from.strides[axis] === before && to.strides[axis] === after,
    );
  const isTransposed =
    batch.length === 0 && extents.length === 2 && n > 1 && m > 1 && axisOf(n, m, 1) && axisOf(m, 1, n);
  if (!isTransposed) return undefined;
  const swapped = {
    a: { ...b, rows: b.columns, columns: b.rows },
    b: { ...a, rows: a.columns, columns: a.rows },
  };
  return { ...product, ...swapped, n: m, m: n, c: { ...c, rows: n, columns: 1 } };
}
