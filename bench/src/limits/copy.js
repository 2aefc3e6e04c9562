/** The limit of memory: a plain copy between two arrays far beyond the caches, by one thread or shared out to several. */
import { isMainThread, workerData } from 'node:worker_threads';
import { onThreads, serveTeam, startTeam } from './team.js';

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

async function copyingTeam(threads) {
  const memory = makeMemory();
  return startTeam(threads, import.meta.url, { copied: memory }, copier(memory), size);
}

/** @returns {Promise<import('../engines/implementation.js').Implementation>} */
export async function open({ threads }) {
  let copy;
  return {
    version: process.versions.node,
    label: onThreads('copy', threads),
    families: {
      /** Moves as many bytes as the case does: half of them are read, half written. */
      async kernel({ bytes }) {
        copy ??= await copyingTeam(threads);
        return { once: () => copy(bytes / 2) };
      },
    },
  };
}

if (!isMainThread && workerData?.copied !== undefined) serveTeam(copier(workerData.copied));
