/** The limit of memory: a plain copy between two arrays far beyond the caches, by one thread or shared out to several. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Bytes of each of the two arrays: as large as the operands of the cases (cases/kernels.js). */
const size = 2 ** 26;

/** The kind of memory that chainrule computes in: a WebAssembly memory, filled once, so that its pages exist. */
function makeMemory() {
  const pages = (2 * size) / 2 ** 16;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Uint8Array(memory.buffer).fill(1);
  return memory;
}

/** A function that copies `length` bytes from `start` on; the end of the arrays is followed by their start. */
function copier(memory) {
  const source = new Uint8Array(memory.buffer, 0, size);
  const target = new Uint8Array(memory.buffer, size, size);
  return (start, length) => {
    for (let at = start % size; length > 0; at = 0) {
      const bytes = Math.min(length, size - at);
      target.set(source.subarray(at, at + bytes), at);
      length -= bytes;
    }
  };
}

/** Positions in the words by which the threads tell each other what to do, and that it is done. */
const [round, finished, from, bytesEach] = [0, 1, 2, 3];

/** Copies its part whenever the round's number changes. */
function serve({ memory, words, part }) {
  const copy = copier(memory);
  parentPort.postMessage('ready');
  for (let seen = 0; ; seen++) {
    Atomics.wait(words, round, seen);
    copy(words[from] + part * words[bytesEach], words[bytesEach]);
    Atomics.add(words, finished, 1);
    Atomics.notify(words, finished);
  }
}

/** A function that copies so many bytes with `threads` threads, this one included, each time those that come next. */
async function startTeam(threads) {
  const memory = makeMemory();
  const words = new Int32Array(new SharedArrayBuffer(16));
  for (let part = 1; part < threads; part++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { copy: { memory, words, part } } });
    await new Promise((resolve) => worker.once('message', resolve));
  }
  const own = copier(memory);
  return (bytes) => {
    const each = Math.ceil(bytes / threads);
    words[from] = (words[from] + bytes) % size;
    words[bytesEach] = each;
    Atomics.store(words, finished, 0);
    Atomics.add(words, round, 1);
    Atomics.notify(words, round);
    own(words[from], each);
    for (let done = 0; done < threads - 1; done = Atomics.load(words, finished)) {
      Atomics.wait(words, finished, done);
    }
  };
}

/** @returns {Promise<import('../engines/implementation.js').Implementation>} */
export async function open({ threads }) {
  let copy;
  return {
    version: process.versions.node,
    label: `copy, ${threads} thread${threads > 1 ? 's' : ''}`,
    families: {
      /** Moves as many bytes as the case does: half of them are read, half written. */
      async kernel({ bytes }) {
        copy ??= await startTeam(threads);
        return { once: () => copy(bytes / 2) };
      },
    },
  };
}

if (!isMainThread && workerData?.copy !== undefined) serve(workerData.copy);
