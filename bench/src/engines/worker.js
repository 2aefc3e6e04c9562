/**
 * The process of an engine written in JavaScript: `node worker.js MODULE OPTIONS` reads one request a line from stdin
 * and answers one line on stdout, as engines/pytorch/worker.py does.
 *
 * {"do": "hello"}                                -> {"version": "1.2.3", "label": "...", "seconds": 0.123}
 * {"do": "prepare", "case": {...}}               -> {"id": 0}
 * {"do": "check", "id": 0}                       -> {"values": [...]}
 * {"do": "run", "id": 0, "times": 10}            -> {"seconds": 0.123}
 * {"do": "dispose", "id": 0}                     -> {}
 * {"do": "measure", "case": {...}, "rounds": 3}  -> {"result": ...}
 *
 * What goes wrong is answered by {"error": "..."}.
 */
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { sample } from '../cases/draw.js';
import { entryOf, NotHere } from './implementation.js';

console.log = console.error; // stdout is for answers

const secondsSince = (start) => (performance.now() - start) / 1000;

/** @type {import('./implementation.js').Implementation} */
let implementation;
const tasks = new Map();
let next = 0;

const requests = {
  async hello() {
    const [module, options] = process.argv.slice(2);
    const start = performance.now();
    try {
      implementation = await (await import(module)).open(JSON.parse(options));
    } catch (error) {
      if (error instanceof NotHere) return { missing: error.message };
      throw error;
    }
    const { version, label } = implementation;
    return { version, label, seconds: secondsSince(start) };
  },
  async prepare({ case: testCase }) {
    const task = await entryOf(implementation.families, testCase.kind)(testCase);
    tasks.set(next, { testCase, ...task });
    return { id: next++ };
  },
  async check({ id }) {
    const { testCase, once, read } = tasks.get(id);
    if (read !== undefined) return { values: sample(await read()) };
    const values = [];
    for (let i = 0; i < (testCase.losses ?? 1); i++) values.push(await once());
    return { values };
  },
  async run({ id, times }) {
    const { once, asynchronous } = tasks.get(id);
    const start = performance.now();
    if (asynchronous) for (let i = 0; i < times; i++) await once();
    else for (let i = 0; i < times; i++) once();
    return { seconds: secondsSince(start) };
  },
  /** Memory that a collector gives back is given back now, not in somebody's sample. */
  async dispose({ id }) {
    tasks.get(id).dispose?.();
    tasks.delete(id);
    for (let i = 0; i < 2; i++) {
      globalThis.gc?.();
      await setImmediate();
    }
    return {};
  },
  async measure({ case: testCase, rounds }) {
    return { result: await entryOf(implementation.measurements, testCase.kind)(testCase, rounds) };
  },
};

async function answer(request) {
  try {
    return await requests[request.do](request);
  } catch (error) {
    return { error: error.stack ?? String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
process.exit(); // whatever threads an engine still has
