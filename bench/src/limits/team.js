/** Threads that share out work in equal parts, for limits that know no threads of their own. */
import { parentPort, Worker, workerData } from 'node:worker_threads';

/** Positions in the words by which the threads tell each other what to do, and that it is done. */
const [round, finished, from, each] = [0, 1, 2, 3];

/**
 * A function that does `units` of work with `threads` threads, this one included.
 * @param {number} threads
 * @param {string} url the module that the others run; it calls {@link serveTeam}
 * @param {any} data what they find in `workerData`
 * @param {(start: number, units: number) => void} work this thread's part, from the position of its first unit on
 * @param {number} size positions are counted up to here, then again from 0
 */
export async function startTeam(threads, url, data, work, size) {
  const words = new Int32Array(new SharedArrayBuffer(16));
  for (let part = 1; part < threads; part++) {
    const worker = new Worker(new URL(url), { workerData: { ...data, words, part } });
    await new Promise((resolve) => worker.once('message', resolve));
  }
  return (units) => {
    words[each] = Math.ceil(units / threads);
    words[from] = (words[from] + units) % size;
    Atomics.store(words, finished, 0);
    Atomics.add(words, round, 1);
    Atomics.notify(words, round);
    work(words[from], words[each]);
    for (let done = 0; done < threads - 1; done = Atomics.load(words, finished)) {
      Atomics.wait(words, finished, done);
    }
  };
}

/** Does a thread's part whenever the round's number changes; never returns. */
export function serveTeam(work) {
  const { words, part } = workerData;
  parentPort.postMessage('ready');
  for (let seen = 0; ; ) {
    // A notification may come late, when its round is over.
    while (Atomics.load(words, round) === seen) Atomics.wait(words, round, seen);
    seen = Atomics.load(words, round);
    work(words[from] + part * words[each], words[each]);
    Atomics.add(words, finished, 1);
    Atomics.notify(words, finished);
  }
}

export const onThreads = (name, threads) => `${name}, ${threads} thread${threads > 1 ? 's' : ''}`;
