/**
 * What the engines have in common.
 *
 * @typedef {object} Engine
 * @property {string} name
 * @property {string} label name, version and threads, for people
 * @property {string} version
 * @property {(testCase: object) => Promise<Task>} prepare everything that is done once: data, parameters, tracing
 * @property {() => void} [close]
 *
 * @typedef {object} Task
 * @property {() => Promise<number[]>} check losses of the first steps, or elements of the product
 * @property {(times: number) => number | Promise<number>} run does the work `times` times; seconds it took
 * @property {() => void} [dispose]
 */
import { performance } from 'node:perf_hooks';
import { checkedLosses, sampleProduct } from '../reference.js';

/** Thrown by an engine's `open` where the engine is not installed. */
export class Missing extends Error {}

/** Imports a peer's package, or throws Missing. */
export async function importPeer(specifier) {
  try {
    return await import(specifier);
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') throw new Missing(`${specifier} is not installed`);
    throw error;
  }
}

/** A task from a function that does the work once and returns its result at once. */
export function synchronousTask(testCase, once, dispose) {
  return {
    check: async () => {
      if (testCase.kind === 'matmul') return sampleProduct(once());
      return Array.from({ length: checkedLosses }, once);
    },
    run(times) {
      const start = performance.now();
      for (let i = 0; i < times; i++) once();
      return (performance.now() - start) / 1000;
    },
    dispose,
  };
}

/** A task from a function that promises its result. */
export function asynchronousTask(testCase, once, dispose) {
  return {
    async check() {
      if (testCase.kind === 'matmul') return sampleProduct(await once());
      const losses = [];
      while (losses.length < checkedLosses) losses.push(await once());
      return losses;
    },
    async run(times) {
      const start = performance.now();
      for (let i = 0; i < times; i++) await once();
      return (performance.now() - start) / 1000;
    },
    dispose,
  };
}
