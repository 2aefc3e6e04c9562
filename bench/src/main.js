/** The benchmark's command: `npm run bench -- [--json] [--only PATTERN] [--rounds N] [--variants LIST] [--save FILE] [--anew]`. */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cases } from './cases/index.js';
import { compareEngines, compareParts, compareStarts } from './compare.js';
import { Missing, startEngine } from './engines/engine.js';
import { chainruleStart, otherStarts, usualVariants, variantNames } from './engines/index.js';
import { buildRecords, comparisonRecords, compileRecords, derivativeRecords } from './report/records.js';
import { save } from './report/save.js';
import { printAlone, printComparison } from './report/table.js';

const usage = `Usage: npm run bench -- [options]
  --only PATTERN   only the cases whose name matches this regular expression
  --rounds N       samples of each engine per case (default 15)
  --variants LIST  of chainrule (default ${usualVariants.join()}; there are ${variantNames.join()})
  --json           one JSON object a line instead of a table
  --save FILE      also puts the results into a JSON file, beside those of other cases that it holds
  --anew           empties that file first: it may tell of another machine
  --list           names the cases`;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '15' },
    variants: { type: 'string', default: usualVariants.join() },
    save: { type: 'string' },
    anew: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const skip = (line) => console.error(`skipped: ${line}`);

/** What `make` promises, or nothing where it is missing. */
async function unlessMissing(make) {
  try {
    return [await make()];
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    skip(error.message);
    return [];
  }
}

/** @returns {Promise<import('./engines/engine.js').Engine[]>} chainrule's variants first */
async function openEngines() {
  const ours = options.variants.split(',');
  const unknown = ours.find((each) => !variantNames.includes(each));
  if (unknown !== undefined) throw new Error(`no variant ${unknown}; there are ${variantNames}`);
  const groups = await Promise.all(otherStarts.map((starts) => unlessMissing(starts)));
  const starts = [...ours.map(chainruleStart), ...groups.flat(2)];
  const engines = await Promise.all(starts.map((start) => unlessMissing(() => startEngine(start))));
  return engines.flat();
}

/** Measures a case and prints it. @returns {Promise<import('./report/records.js').Record[]>} */
async function measureCase(testCase, engines, rounds) {
  const ours = engines.filter(({ role }) => role === 'ours');
  switch (testCase.kind) {
    case 'build':
    case 'compile': {
      const found = await ours[0].measure(testCase, rounds);
      return told(
        testCase,
        (testCase.kind === 'build' ? buildRecords : compileRecords)(testCase, ours[0], found),
      );
    }
    case 'jacobian':
    case 'gradient': {
      const records = [];
      for (const engine of ours) {
        records.push(...derivativeRecords(testCase, engine, await compareParts(testCase, engine, rounds)));
      }
      return told(testCase, records);
    }
    case 'cold-start': {
      const stages = await compareStarts(testCase, engines, rounds);
      return [...stages].flatMap(([stage, results]) =>
        compared(testCase, results, `${testCase.name}-${stage}`),
      );
    }
    default:
      return compared(testCase, await compareEngines(testCase, engines, rounds, skip));
  }
}

function compared(testCase, results, name = testCase.name) {
  if (!options.json) printComparison(testCase, results, name);
  return comparisonRecords(testCase, results, name);
}

function told(testCase, records) {
  if (!options.json) printAlone(testCase, records);
  return records;
}

async function main() {
  if (options.help || options.list) {
    console.log(options.help ? usage : cases.map(({ name }) => name).join('\n'));
    return;
  }
  const pattern = new RegExp(options.only);
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds takes a whole number, not ${options.rounds}`);
  const chosen = cases.filter(({ name }) => pattern.test(name));
  if (chosen.length === 0)
    throw new Error(`no case matches ${options.only}; there are ${cases.map((c) => c.name)}`);

  if (options.save && options.anew) rmSync(options.save, { force: true });
  const engines = await openEngines();
  if (!engines.some(({ role }) => role === 'ours'))
    throw new Error(`none of ${options.variants} can run here`);
  for (const testCase of chosen) {
    const records = await measureCase(testCase, engines, rounds);
    if (options.json) for (const each of records) console.log(JSON.stringify(each));
    if (options.save) save(options.save, testCase.name, records, cases);
  }
  for (const engine of engines) engine.close();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
