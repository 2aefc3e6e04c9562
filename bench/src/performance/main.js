/** Writes docs/performance.md from saved results: `npm run performance [-- FILE]`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readSaved } from '../report/save.js';
import { sections } from './sections.js';

const file = process.argv[2] ?? fileURLToPath(new URL('../../results.json', import.meta.url));
const page = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url));

/** What the engines call themselves, each once. */
function versionsOf(records) {
  const labels = records.flatMap(({ ours_version, peer_version }) => [ours_version, peer_version]);
  const names = labels.filter(Boolean).map((label) => label.replace(/, \d+ threads?$/, ''));
  return [...new Set(names)].filter((name) => name !== 'copy').sort();
}

/** The days of the measurements: `2026-01-01`, or the first to the last. */
function daysOf(records) {
  const days = records.map(({ date }) => date).sort();
  return days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`;
}

function introduction({ machine, records }) {
  const { cpu, cores, node, system } = machine;
  return `# Performance

Measured ${daysOf(records)} on ${cores} cores of an ${cpu}, Node ${node}, ${system}: ${versionsOf(records).join(', ')}. This page
is written by \`npm run performance\` in [bench](../bench), from the results of \`npm run bench -- --save results.json\`; \`npm run measure\` does both.

Every engine has a process of its own and must first give the right answer; then all take turns, a tenth of a second each, round after round, and a time is
the median over the rounds. A ratio is the median of the rounds' ratios of chainrule's time to the other's: **below 1, chainrule is faster**. PyTorch stands
for the better of 1 and 2 threads. jax-js has one thread in Node; on two threads, lent to it, it stands beside the variants with two.

Variants of chainrule: \`wasm-1\` and \`wasm-2\` are WebAssembly alone, on 1 and 2 threads; \`blas-2\` gives large products to OpenBLAS.`;
}

function section({ title, only, text, body }, records) {
  const pattern = new RegExp(only);
  const chosen = records.filter(({ of }) => pattern.test(of));
  if (chosen.length === 0) return [];
  return [`## ${title}\n\n${text}\n\n${body(chosen)}\n\nAgain: \`npm run bench -- --only '${only}'\``];
}

const saved = readSaved(file);
const text = [introduction(saved), ...sections.flatMap((each) => section(each, saved.records))].join('\n\n');
writeFileSync(page, `${text}\n`);
console.log(`${page}: ${saved.records.length} records`);
