/**
 * Parameters get their new values in place: the loop that computes a new value stores it over the old one, after
 * every other kernel that reads the old one (a write-after-read order).
 */
import { buffersOf, type Kernel } from './program.ts';

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
  const uses = kernels.map(buffersOf);
  const writerOf = new Map<number, number>();
  const readersOf = new Map<number, number[]>();
  uses.forEach(({ reads, writes }, position) => {
    for (const buffer of writes) writerOf.set(buffer, position);
    for (const buffer of new Set(reads)) readersOf.set(buffer, [...(readersOf.get(buffer) ?? []), position]);
  });

  const updaters = new Map<number, Update[]>();
  const copied: Update[] = [];
  for (const update of updates) {
    const writer = writerOf.get(update.value);
    if (writer === undefined || kernels[writer].kind !== 'loop') copied.push(update);
    else updaters.set(writer, [...(updaters.get(writer) ?? []), update]);
  }

  // The place in the order that each kernel asks for: updaters go behind the last reader of what they overwrite.
  const key = kernels.map((_, position) => position);
  const inPlace: Update[] = [];
  for (const [writer, list] of [...updaters].sort(([a], [b]) => a - b)) {
    const allowed = list.filter((update) => readsInPlace(kernels[writer], update));
    const readers = allowed
      .flatMap(({ parameter }) => readersOf.get(parameter) ?? [])
      .filter((position) => position !== writer);
    const wanted = Math.max(key[writer], ...readers.map((position) => key[position] + 0.5));
    const consumers = uses[writer].writes.flatMap((buffer) => readersOf.get(buffer) ?? []);
    const movable = consumers.every((position) => key[position] > wanted || updaters.has(position));
    const late = readers.some((position) => updaters.has(position) && position > writer);
    if (!movable || late) copied.push(...list);
    else {
      key[writer] = wanted;
      for (const position of consumers) key[position] = Math.max(key[position], wanted + 0.25);
      inPlace.push(...allowed);
      copied.push(...list.filter((update) => !allowed.includes(update)));
    }
  }
  const order = kernels.map((_, position) => position).sort((a, b) => key[a] - key[b] || a - b);
  return { kernels: order.map((position) => kernels[position]), inPlace, copied };
}

/** Whether a loop reads the old value only at the element whose new value it stores. */
function readsInPlace(kernel: Kernel, { parameter, value }: Update): boolean {
  if (kernel.kind !== 'loop') return false;
  const store = kernel.stores.find(({ access }) => kernel.accesses[access].buffer === value);
  if (store === undefined) return false;
  const { offset, strides } = kernel.accesses[store.access];
  return kernel.accesses.every(
    (access) =>
      access.buffer !== parameter ||
      (access.offset === offset && access.strides.every((stride, axis) => stride === strides[axis])),
  );
}
