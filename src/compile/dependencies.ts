/** What must run before what. */
import { buffersOf, type Kernel } from './program.ts';

/** Kernels are named by their positions in a list whose order is a valid one. */
export class Dependencies {
  /**
   * The kernels that wait for each kernel. Of all that write a buffer, a kernel that uses it waits for the last one before
   * it: that one waits for the writer before, and so on. A result of n regions, read n times, takes 2n edges, not n^2.
   */
  readonly followers: readonly number[][];
  /** The buffers that each kernel reads or writes, each once. */
  readonly uses: readonly (readonly number[])[];
  private readonly writers = new Lists();
  private readonly readers = new Lists();

  constructor(kernels: readonly Kernel[]) {
    const followers: number[][] = kernels.map(() => []);
    this.followers = followers;
    const users = new Lists();
    this.uses = kernels.map((kernel, position) => {
      const { reads, writes } = buffersOf(kernel);
      const uses: number[] = [];
      const follow = (buffer: number): void => {
        const last = this.writers.of(buffer).at(-1);
        if (last !== undefined) followers[last].push(position);
      };
      const use = (buffer: number): void => {
        if (!users.append(buffer, position)) return;
        uses.push(buffer);
        follow(buffer);
      };
      reads.forEach(use);
      writes.forEach(use);
      for (const buffer of kernel.waits ?? []) if (users.of(buffer).at(-1) !== position) follow(buffer);
      for (const buffer of reads) this.readers.append(buffer, position);
      for (const buffer of writes) this.writers.append(buffer, position);
      return uses;
    });
  }

  writersOf(buffer: number): readonly number[] {
    return this.writers.of(buffer);
  }

  readersOf(buffer: number): readonly number[] {
    return this.readers.of(buffer);
  }

  /** How many kernels each kernel waits for; one that it waits for twice counts twice, as it does in `followers`. */
  counts(): number[] {
    const counts = this.followers.map(() => 0);
    for (const list of this.followers) for (const follower of list) counts[follower]++;
    return counts;
  }
}

/** A list of positions for each buffer. */
class Lists {
  private readonly lists = new Map<number, number[]>();

  of(buffer: number): readonly number[] {
    return this.lists.get(buffer) ?? NONE;
  }

  /** Appends a position, once; false where it is the last one already. */
  append(buffer: number, position: number): boolean {
    const list = this.lists.get(buffer);
    if (list === undefined) this.lists.set(buffer, [position]);
    else if (list[list.length - 1] === position) return false;
    else list.push(position);
    return true;
  }
}

const NONE: readonly number[] = [];
