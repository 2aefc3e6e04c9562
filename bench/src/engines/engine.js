/**
 * What the engines have in common. Each runs in a process of its own, or in one per number of threads: its memory, its
 * threads and what V8 has learnt of its code stay apart from the others'.
 *
 * @typedef {object} Start how to start an engine's process
 * @property {string} name
 * @property {'ours' | 'peer' | 'limit'} role
 * @property {string} [variant] of chainrule
 * @property {number} threads
 * @property {boolean} [relaxed] whether it is, or is the limit of, code with fused multiply-adds
 * @property {string} command
 * @property {string[]} parameters
 * @property {Record<string, string>} [env]
 *
 * @typedef {object} Engine a running one
 * @property {Start} start
 * @property {string} name
 * @property {'ours' | 'peer' | 'limit'} role
 * @property {string} [variant]
 * @property {number} threads
 * @property {boolean} [relaxed]
 * @property {string} label name, version and threads, for people
 * @property {string} version
 * @property {number} startSeconds from the start of the process until it could work
 * @property {number} importSeconds of these, the engine's own
 * @property {(testCase: object) => Promise<Task>} prepare everything that is done once: data, parameters, tracing
 * @property {(testCase: object, rounds: number) => Promise<any>} measure what the process measures on its own
 * @property {() => void} close
 *
 * @typedef {object} Task
 * @property {() => Promise<number[]>} check losses of the first steps, or elements of the result
 * @property {(times: number) => Promise<number>} run does the work `times` times; seconds it took
 * @property {() => Promise<void>} dispose
 */
import { performance } from 'node:perf_hooks';
import { startProcess } from './process.js';

/** Thrown where an engine is not installed, or is not what was asked for. */
export class Missing extends Error {}

/** Starts the engine's process and waits until it can work. @param {Start} start @returns {Promise<Engine>} @throws Missing */
export async function startEngine(start) {
  const { name, role, variant, threads, relaxed } = start;
  const began = performance.now();
  const child = startProcess(start);
  const hello = await child.ask({ do: 'hello', threads });
  const startSeconds = (performance.now() - began) / 1000;
  if (hello.missing !== undefined) {
    child.close();
    throw new Missing(hello.missing);
  }
  return {
    start,
    name,
    role,
    variant,
    threads,
    relaxed,
    label: hello.label,
    version: hello.version,
    startSeconds,
    importSeconds: hello.seconds,
    async prepare(testCase) {
      const { id } = await child.ask({ do: 'prepare', case: testCase });
      return {
        check: async () => (await child.ask({ do: 'check', id })).values,
        run: async (times) => (await child.ask({ do: 'run', id, times })).seconds,
        dispose: async () => {
          await child.ask({ do: 'dispose', id });
        },
      };
    },
    measure: async (testCase, rounds) => (await child.ask({ do: 'measure', case: testCase, rounds })).result,
    close: child.close,
  };
}

/** The label of an engine: `PyTorch 2.4.0, 2 threads`. */
export const labelOf = (name, version, threads) =>
  `${name} ${version}, ${threads} thread${threads > 1 ? 's' : ''}`;
