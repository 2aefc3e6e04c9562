/**
 * Parameters get their new values in place: the kernel that computes a new value stores it over the old one, after
 * every other kernel that reads the old one (a write-after-read order).
 */
import { Dependencies } from './dependencies.ts';
import { buffersOf, type Kernel, type LoopKernel } from './program.ts';

/** A new value in `value`, to end in the parameter's own buffer. */
export interface Update {
  readonly parameter: number;
  readonly value: number;
}

/**
 * Delays the kernels that compute new values until all readers of the old ones have run, and finds which of them
 * can store in place.
 * @returns the kernels in their new order, and the updates that cannot be in place (they take a copy at the end)
 */
export function placeUpdates(
  kernels: readonly Kernel[],
  updates: readonly Update[],
): { kernels: Kernel[]; inPlace: Update[]; copied: Update[] } {
  const order = new Order(kernels);
  const inPlace: Update[] = [];
  const copied: Update[] = [];
  const writersOf = ({ value }: Update): Kernel[] => order.writersOf(value).map((each) => kernels[each]);
  const adding = new Set(updates.filter((update) => addsToOld(writersOf(update))));
  // Those which add to the old value must be in place, and can be if they come first: then they have their choice of places.
  for (const update of [...adding, ...updates.filter((each) => !adding.has(each))]) {
    // Of several kernels, the first overwrites what the others build upon.
    const [first] = order.writersOf(update.value);
    const placed =
      writesInPlace(writersOf(update), update) && order.delay(first, order.readersOf(update.parameter));
    if (!placed && adding.has(update)) throw new Error('a product cannot reach what it is to be added to');
    (placed ? inPlace : copied).push(update);
  }
  return { kernels: order.sorted().map((position) => kernels[position]), inPlace, copied };
}

/** Whether the first writer of a new value is a product that adds to the old one. */
function addsToOld([first]: readonly Kernel[]): boolean {
  return first?.kind === 'product' && first.beta.scale !== 0;
}

/** Whether a new value can be written over the old one by the kernels that compute it. */
function writesInPlace(writers: readonly Kernel[], update: Update): boolean {
  const [first, ...others] = writers;
  if (first === undefined) return false;
  // Where several loops fill a value by regions, one of them would overwrite what another still reads.
  if (first.kind === 'loop') return others.length === 0 && readsInPlace(first, update);
  return writers.every(
    (writer) => writer.kind === 'product' && !buffersOf(writer).reads.includes(update.parameter),
  );
}

/** Whether a loop reads the old value only at the element whose new value it stores. */
function readsInPlace(kernel: LoopKernel, { parameter, value }: Update): boolean {
  const store = kernel.stores.find(({ access }) => kernel.accesses[access].buffer === value);
  if (store === undefined) return false;
  const { offset, strides } = kernel.accesses[store.access];
  return kernel.accesses.every(
    (access) =>
      access.buffer !== parameter ||
      (access.offset === offset && access.strides.every((stride, axis) => stride === strides[axis])),
  );
}

/** A valid order of kernels in which some have been made to wait for others. */
export class Order {
  private readonly dependencies: Dependencies;

  constructor(kernels: readonly Kernel[]) {
    this.dependencies = new Dependencies(kernels);
  }

  writersOf(buffer: number): readonly number[] {
    return this.dependencies.writersOf(buffer);
  }

  readersOf(buffer: number): readonly number[] {
    return this.dependencies.readersOf(buffer);
  }

  /** Makes kernel `later` wait for all of `earlier` but itself; false, and no change, where one waits for it. */
  delay(later: number, earlier: readonly number[]): boolean {
    const { followers } = this.dependencies;
    const before = new Set(earlier.filter((position) => position !== later));
    const seen = new Set<number>([later]);
    const pending = [later];
    for (let next = pending.pop(); next !== undefined && before.size > 0; next = pending.pop()) {
      for (const follower of followers[next]) {
        if (before.has(follower)) return false;
        if (seen.has(follower)) continue;
        seen.add(follower);
        pending.push(follower);
      }
    }
    for (const position of before) followers[position].push(later);
    return true;
  }

  /** All kernels, in the original order except that those which wait run as soon as they can. */
  sorted(): number[] {
    const { followers } = this.dependencies;
    const missing = this.dependencies.counts();
    const sorted: number[] = [];
    for (let position = 0; position < missing.length; position++) {
      const ready = missing[position] === 0 ? [position] : [];
      for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
        sorted.push(next);
        for (const follower of followers[next]) {
          if (--missing[follower] === 0 && follower < position) ready.push(follower);
        }
      }
    }
    return sorted;
  }
}
