/**
 * The order in which kernels run: the one in which the graph was written, except that what gives memory back runs as soon
 * as it can.
 */
import { type Application, getOperation, sizeOf } from '../graph/index.ts';
import { Dependencies } from './dependencies.ts';
import type { Kernel } from './program.ts';

/**
 * The same applications with those first that compute single numbers from single numbers (a learning rate, converted): they
 * take no memory to speak of, and whatever waits for them can then run as early as its large operands allow.
 * @param applications in a valid order, which is kept otherwise
 */
export function numbersFirst(applications: readonly Application[]): Application[] {
  const first = new Set<Application>();
  for (const application of applications) {
    const { inputs, outputs } = application;
    const small = [...inputs, ...outputs].every(({ shape }) => sizeOf(shape) === 1);
    if (small && inputs.every((each) => isFirst(getOperation(each)))) first.add(application);
  }
  function isFirst(application: Application | undefined): boolean {
    return application === undefined || first.has(application);
  }
  return [...first, ...applications.filter((each) => !first.has(each))];
}

/**
 * Runs a kernel after which less memory is taken than before it as early as its operands allow: a weight's update right
 * after the weight's gradient, a reduction right after what it reduces. From there on to the place where the kernel stood,
 * less is alive than in the old order.
 *
 * @param kernels in a valid order, which is kept otherwise
 * @param bytesOf what a buffer takes of the working memory
 * @param kept buffers that must survive the last kernel
 */
export function hasten(
  kernels: readonly Kernel[],
  bytesOf: (buffer: number) => number,
  kept: ReadonlySet<number>,
): Kernel[] {
  const dependencies = new Dependencies(kernels);
  const { followers, uses } = dependencies;
  const missing = dependencies.counts();
  /** The kernels still to use each buffer: how many, and the sum of their positions, which names the last one. */
  const left = new Map<number, { count: number; sum: number }>();
  uses.forEach((buffers, position) => {
    for (const buffer of buffers) {
      const users = left.get(buffer);
      if (users === undefined) left.set(buffer, { count: 1, sum: position });
      else {
        users.count++;
        users.sum += position;
      }
    }
  });
  const alive = new Set<number>();
  const done = kernels.map(() => false);

  /** By how much the memory in use grows when the kernel at `position` runs. */
  const growth = (position: number): number => {
    let bytes = 0;
    for (const buffer of uses[position]) {
      if (!alive.has(buffer) && dependencies.writersOf(buffer).length > 0) bytes += bytesOf(buffer);
      if (left.get(buffer)?.count === 1 && !kept.has(buffer)) bytes -= bytesOf(buffer);
    }
    return bytes;
  };

  const ordered: Kernel[] = [];
  for (let next = 0; next < kernels.length; next++) {
    const open = done[next] ? [] : [next];
    for (let position = open.pop(); position !== undefined; position = open.pop()) {
      if (done[position] || missing[position] > 0) continue;
      if (position !== next && growth(position) >= 0) continue;
      done[position] = true;
      ordered.push(kernels[position]);
      for (const buffer of uses[position]) {
        alive.add(buffer);
        const users = left.get(buffer) as { count: number; sum: number };
        users.count--;
        users.sum -= position;
        if (users.count === 1) open.push(users.sum);
      }
      for (const follower of followers[position]) if (--missing[follower] === 0) open.push(follower);
    }
  }
  return ordered;
}
