/** Times tasks in alternation, so that whatever else the machine does falls on all of them alike. */
import { setTimeout } from 'node:timers/promises';

/** How long a task is run before it counts, and how long one sample lasts, in seconds. */
const warmUpSeconds = 0.4;
const sampleSeconds = 0.1;

/** A case takes about so many seconds at most: slow engines make the rounds fewer, but no fewer than `leastRounds`. */
const caseSeconds = 90;
const leastRounds = 5;

/** Between samples, in milliseconds: the threads of an OpenMP library go on spinning for about 15 after their work. */
const pause = 20;

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The seconds per call of each task, a sample per round. In a round every task gives one sample, a number of calls
 * that last about `sampleSeconds` together; the task that begins moves on by one from round to round.
 *
 * @param {import('./engines/engine.js').Task[]} tasks
 * @param {number} rounds
 * @returns {Promise<number[][]>}
 */
export async function measure(tasks, rounds) {
  const plans = [];
  for (const task of tasks) plans.push(await warmUp(task));
  const roundSeconds = plans.reduce((sum, { seconds }) => sum + seconds, 0);
  const count = Math.min(rounds, Math.max(leastRounds, Math.floor(caseSeconds / roundSeconds)));
  const samples = tasks.map(() => []);
  for (let round = 0; round < count; round++) {
    for (let turn = 0; turn < tasks.length; turn++) {
      const i = (round + turn) % tasks.length;
      const { times } = plans[i];
      await setTimeout(pause);
      samples[i].push((await tasks[i].run(times)) / times);
    }
  }
  return samples;
}

/** Runs the task until its code is compiled and its caches are filled; how many calls make a sample, and its length. */
async function warmUp(task) {
  let total = 0;
  for (let times = 1; ; times *= 2) {
    const seconds = await task.run(times);
    total += seconds;
    if (total < warmUpSeconds) continue;
    const calls = Math.max(1, Math.round((sampleSeconds * times) / seconds));
    return { times: calls, seconds: (calls * seconds) / times };
  }
}

/** The median of the rounds' ratios: what one round suffered, both of its samples did. */
export const ratioOf = (samples, others) => median(samples.map((each, i) => each / others[i]));
