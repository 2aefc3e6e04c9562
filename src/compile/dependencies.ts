/** What must run before what. */
import { buffersOf, type Kernel } from './program.ts';

/** Kernels are named by their positions in a list whose order is a valid one. */
export class Dependencies {
  /** The kernels that wait for each kernel. */
  readonly followers: readonly number[][];
  /** The buffers that each kernel reads or writes, each once. */
  readonly uses: readonly ReadonlySet<number>[];
  private readonly writers = new Map<number, number[]>();
  private readonly readers = new Map<number, number[]>();

  constructor(kernels: readonly Kernel[]) {
    const followers: number[][] = kernels.map(() => []);
    this.followers = followers;
    this.uses = kernels.map((kernel, position) => {
      const { reads, writes } = buffersOf(kernel);
      const uses = new Set([...reads, ...writes]);
      for (const buffer of new Set([...uses, ...(kernel.waits ?? [])]))
        for (const writer of this.writersOf(buffer)) followers[writer].push(position);
      for (const buffer of new Set(reads)) append(this.readers, buffer, position);
      for (const buffer of new Set(writes)) append(this.writers, buffer, position);
      return uses;
    });
  }

  writersOf(buffer: number): readonly number[] {
    return this.writers.get(buffer) ?? [];
  }

  readersOf(buffer: number): readonly number[] {
    return this.readers.get(buffer) ?? [];
  }

  /** How many kernels each kernel waits for; one that it waits for twice counts twice, as it does in `followers`. */
  counts(): number[] {
    const counts = this.followers.map(() => 0);
    for (const list of this.followers) for (const follower of list) counts[follower]++;
    return counts;
  }
}

function append(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
