/**
 * The browser's Worker on Node's worker threads, as far as jax-js needs it: jax-js computes with several threads
 * only where the global `Worker` exists.
 */
import { resolveObjectURL } from 'node:buffer';
import { Worker } from 'node:worker_threads';

const prelude = `
  const { parentPort } = require('node:worker_threads');
  globalThis.self = globalThis;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  parentPort.on('message', (data) => self.onmessage({ data }));
`;

class BlobWorker {
  #worker;

  constructor(url) {
    this.#worker = resolveObjectURL(String(url))
      .text()
      .then((source) => {
        const worker = new Worker(prelude + source, { eval: true });
        worker.on('message', (data) => this.onmessage({ data }));
        worker.on('error', (error) => this.onerror?.(error));
        return worker;
      });
  }

  async postMessage(message) {
    (await this.#worker).postMessage(message);
  }
}

/** Defines the globals by which jax-js finds out that it may use `threads` threads. */
export function provideWorkers(threads) {
  globalThis.Worker = BlobWorker;
  Object.defineProperty(globalThis, 'navigator', {
    value: { hardwareConcurrency: threads },
    configurable: true,
  });
}
