/** Measures a case: every engine that can do it shows that it computes what it should, then all take turns. */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { expected, mismatch } from './answers/index.js';
import { startEngine } from './engines/engine.js';
import { measure } from './measure.js';

/**
 * @typedef {object} Result
 * @property {import('./engines/engine.js').Engine} engine
 * @property {number[]} samples seconds per call, one of each round
 */

function takesPart({ name, role }, testCase) {
  if (role === 'ours') return true;
  if (role === 'limit') return testCase.limits?.includes(name) ?? false;
  return testCase.peers !== false;
}

/** Of the limits only the products of a BLAS have an answer. */
const isChecked = ({ name, role }, { kind }) => role !== 'limit' || (name === 'blas' && kind === 'product');

/**
 * The engine's task, once it has shown that it computes what it should: a fast wrong answer is no answer.
 * @throws naming the case and the engine
 */
async function prepareAndCheck(engine, testCase, answers) {
  const task = await engine.prepare(testCase);
  if (!isChecked(engine, testCase)) return task;
  const wrong = mismatch(await task.check(), answers);
  if (wrong === undefined) return task;
  await task.dispose();
  throw new Error(wrong);
}

/**
 * The samples of all engines that can do the case.
 * @param {(line: string) => void} skip told of each that cannot
 * @returns {Promise<Result[]>}
 * @throws if chainrule itself cannot
 */
export async function compareEngines(testCase, engines, rounds, skip) {
  const answers = await expected(testCase, engines[0]);
  const ready = [];
  for (const engine of engines.filter((each) => takesPart(each, testCase))) {
    try {
      ready.push({ engine, task: await prepareAndCheck(engine, testCase, answers) });
    } catch (error) {
      if (engine.role === 'ours')
        throw new Error(`${testCase.name}: ${engine.label} failed`, { cause: error });
      skip(`${testCase.name}: ${engine.label}: ${reasonOf(error)}`);
    }
  }
  const samples = await measure(
    ready.map(({ task }) => task),
    rounds,
  );
  for (const { task } of ready) await task.dispose();
  return ready.map(({ engine }, i) => ({ engine, samples: samples[i] }));
}

/** The line of an error's text that says what is wrong: Python puts it last, JavaScript first. */
function reasonOf({ message }) {
  const lines = message.trim().split('\n');
  return lines[0].startsWith('Traceback') ? lines.at(-1) : lines[0];
}

/**
 * The samples of the parts of a derivative's case, in one variant of chainrule.
 * @returns {Promise<{ part: string, samples: number[] }[]>}
 */
export async function compareParts(testCase, engine, rounds) {
  const answers = await expected(testCase, engine);
  const tasks = [];
  for (const part of testCase.parts)
    tasks.push(await prepareAndCheck(engine, { ...testCase, part }, answers));
  const samples = await measure(tasks, rounds);
  for (const task of tasks) await task.dispose();
  return testCase.parts.map((part, i) => ({ part, samples: samples[i] }));
}

/** Fresh processes of each engine, at most. */
const mostStarts = 9;

/**
 * Fresh processes, in turn: how long until one can work, how much of this is the engine's own import, and from there
 * to the loss of its first training step.
 * @returns {Promise<Map<string, Result[]>>} by the stage
 */
export async function compareStarts(testCase, engines, rounds) {
  const chosen = engines.filter(({ role }) => role !== 'limit');
  const stages = new Map(['process', 'import', 'first-step'].map((stage) => [stage, chosen.map(() => [])]));
  for (let round = 0; round < Math.min(rounds, mostStarts); round++) {
    for (let turn = 0; turn < chosen.length; turn++) {
      const i = (round + turn) % chosen.length;
      const engine = await startEngine(chosen[i].start);
      const began = performance.now();
      const task = await engine.prepare(testCase.step);
      await task.run(1);
      stages.get('first-step')[i].push((performance.now() - began) / 1000);
      stages.get('process')[i].push(engine.startSeconds);
      stages.get('import')[i].push(engine.importSeconds);
      engine.close();
      await setImmediate();
    }
  }
  return new Map(
    [...stages].map(([stage, lists]) => [stage, chosen.map((engine, i) => ({ engine, samples: lists[i] }))]),
  );
}
