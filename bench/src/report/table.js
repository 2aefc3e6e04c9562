/** The table for people: every engine's time, and the ratios of chainrule's variants to it. */
import { median, ratioOf } from '../measure.js';
import { isLimitOf } from './records.js';

const micro = (us) => `${us.toFixed(1).padStart(12)} us`;

/** What a time means in the measure of the case. */
function speed({ kind, m, k, n, bytes }, seconds) {
  if (kind === 'product') return `${((2 * m * k * n) / seconds / 1e9).toFixed(1).padStart(8)} GFLOP/s`;
  if (bytes) return `${(bytes / seconds / 1e9).toFixed(1).padStart(8)} GB/s`;
  return '';
}

/** @param {import('../compare.js').Result[]} results */
export function printComparison(testCase, results, name = testCase.name) {
  const width = Math.max(...results.map(({ engine }) => engine.label.length));
  const ours = results.filter(({ engine }) => engine.role === 'ours');
  console.log(`\n${name}`);
  for (const { engine, samples } of results) {
    const seconds = median(samples);
    const what = engine.role === 'limit' ? '/limit' : '/peer';
    const ratios = ours
      .filter(
        (our) =>
          engine.role !== 'ours' && (engine.role === 'peer' || isLimitOf(testCase, engine, our.engine)),
      )
      .map((our) => `${our.engine.variant}${what} ${ratioOf(our.samples, samples).toPrecision(3)}`);
    const line = `  ${engine.label.padEnd(width)} ${micro(seconds * 1e6)}${speed(testCase, seconds)}`;
    console.log([line, ...ratios].join('   '));
  }
}

/** Lines of what chainrule does alone. @param {import('./records.js').Record[]} records */
export function printAlone({ name }, records) {
  const width = Math.max(...records.map(({ case: each }) => each.length));
  console.log(`\n${name}`);
  for (const { case: each, variant, ours_us, peer, ratio, exponent } of records) {
    const time = ours_us === null ? '' : ` ${micro(ours_us)}`;
    const compared = peer === null ? '' : `   ${ratio.toPrecision(3)} times ${peer}`;
    const slope = exponent === undefined ? '' : `   exponent of the depth ${exponent.toFixed(3)}`;
    console.log(`  ${each.padEnd(width)} ${variant}${time}${compared}${slope}`);
  }
}
