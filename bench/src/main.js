/** The benchmark's command: `npm run bench -- [--json] [--only PATTERN] [--rounds N] [--threads]`. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { measureBuild } from './build.js';
import { cases } from './cases.js';
import { measureCompile } from './compiling.js';
import { measureDerivative } from './derivatives.js';
import * as chainrule from './engines/chainrule.js';
import { Missing } from './engines/engine.js';
import * as jax from './engines/jax.js';
import * as pytorch from './engines/pytorch.js';
import * as tfjs from './engines/tfjs.js';
import { measure } from './measure.js';
import { expected } from './reference.js';
import { jsonReport, tableReport } from './report.js';

const usage = `Usage: npm run bench -- [options]
  --only PATTERN  only the cases whose name matches this regular expression
  --rounds N      samples of each engine per case (default 15)
  --threads       all cores for engines that can use them (PyTorch always tries 1 and 2 threads)
  --json          one JSON object a line instead of a table`;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '15' },
    threads: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Relative to the largest of the numbers compared. */
const tolerance = 1e-3;

async function openEngines() {
  const threads = options.threads ? availableParallelism() : 1;
  const engines = [];
  for (const module of [chainrule, jax, tfjs, pytorch]) {
    try {
      engines.push(...(await module.open({ threads })));
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      console.error(`skipped: ${error.message}`);
    }
  }
  return engines;
}

/**
 * The engine's task, once it has shown that it computes what it should: a fast wrong answer is no answer.
 * @throws naming the case and the engine
 */
async function prepareAndCheck(engine, testCase, answers) {
  try {
    const task = await engine.prepare(testCase);
    const found = await task.check();
    const scale = Math.max(...answers.map(Math.abs));
    answers.forEach((answer, i) => {
      if (!(Math.abs(found[i] - answer) <= tolerance * scale)) {
        throw new Error(`number ${i} is ${found[i]} where ${answer} is right`);
      }
    });
    return task;
  } catch (error) {
    throw new Error(`${testCase.name}: ${engine.label} failed`, { cause: error });
  }
}

/** The engines with their seconds per call. */
async function measureCase(testCase, engines, rounds) {
  const answers = expected(testCase);
  const tasks = [];
  for (const engine of engines) tasks.push(await prepareAndCheck(engine, testCase, answers));
  const seconds = await measure(tasks, rounds);
  for (const task of tasks) task.dispose?.();
  return engines.map((engine, i) => ({ engine, seconds: seconds[i] }));
}

async function main() {
  if (options.help) {
    console.log(usage);
    return;
  }
  const pattern = new RegExp(options.only);
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds takes a whole number, not ${options.rounds}`);
  const chosen = cases.filter(({ name }) => pattern.test(name));
  if (chosen.length === 0)
    throw new Error(`no case matches ${options.only}; there are ${cases.map((c) => c.name)}`);

  const engines = await openEngines();
  const report = options.json ? jsonReport(engines) : tableReport(engines);
  for (const testCase of chosen) {
    if (testCase.kind === 'build') report.build(testCase, await measureBuild(testCase, rounds));
    else if (testCase.kind === 'compile') report.compile(testCase, await measureCompile(testCase, rounds));
    else if (testCase.kind === 'jacobian' || testCase.kind === 'gradient')
      report.derivative(testCase, await measureDerivative(testCase, rounds));
    else report.comparison(testCase, await measureCase(testCase, engines, rounds));
  }
  for (const engine of engines) engine.close?.();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
