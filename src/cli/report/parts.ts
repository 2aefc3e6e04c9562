/** The parts of the report's page, each from the numbers of a run. */
import { grouped } from '../format.ts';
import { predictionOf } from '../measure.ts';
import type { Run } from '../run.ts';
import type { Step } from '../training.ts';
import { escapeHTML, pictureURL } from './html.ts';

/** How many points a chart can show; more are thinned out. */
const POINTS = 1500;

/** The losses of the minibatches with their running mean, thinned out. */
export function smoothed(steps: readonly Step[]): (Step & { readonly smooth: number })[] {
  const every = Math.max(1, Math.ceil(steps.length / POINTS));
  const keep = 1 - 1 / Math.min(50, Math.max(1, steps.length / 20));
  let mean = 0;
  let weight = 0;
  const points: (Step & { smooth: number })[] = [];
  steps.forEach(({ epoch, loss }, i) => {
    mean = keep * mean + (1 - keep) * loss;
    weight = keep * weight + (1 - keep);
    if ((i + 1) % every !== 0 && i + 1 < steps.length) return;
    points.push({ epoch: round(epoch, 6), loss: round(loss, 5), smooth: round(mean / weight, 5) });
  });
  return points;
}

function round(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** The epochs as a table: the charts' numbers for those who do not see them. */
export function epochTable({ outcome }: Run): string {
  const rows = outcome.epochs.map(
    ({ epoch, loss, testLoss, testAccuracy, seconds }) =>
      `<tr><th scope="row">${epoch}</th><td>${loss.toFixed(4)}</td><td>${testLoss.toFixed(4)}</td>` +
      `<td>${percent(testAccuracy, 2)}</td><td>${seconds.toFixed(2)} s</td></tr>`,
  );
  const table = `<table class="list">
<thead><tr><th scope="col">epoch</th><th scope="col">training loss</th><th scope="col">held-out loss</th><th scope="col">held-out accuracy</th><th scope="col">time</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
  const open = rows.length <= 12 ? ' open' : '';
  return `<details${open}><summary>Every epoch in numbers</summary><div class="scroll">${table}</div></details>`;
}

/** Above so many classes the matrix would fill pages; the classes that are confused most are listed instead. */
const LARGEST_MATRIX = 26;

export function confusionPart(run: Run): string {
  const { classes } = run.source;
  return classes.length <= LARGEST_MATRIX ? confusionMatrix(run) : confusionList(run);
}

function confusionMatrix({ outcome, source: { classes } }: Run): string {
  const { confusion } = outcome.test;
  const heads = classes.map((name) => `<th scope="col">${escapeHTML(name)}</th>`).join('');
  const rows = confusion.map((row, actual) => {
    const total = row.reduce((a, b) => a + b, 0);
    const cells = row.map((count, predicted) => {
      // Square roots let the few mistakes show beside the many hits.
      const share = total === 0 ? 0 : Math.sqrt(count / total);
      const kinds = [
        count === 0 ? 'none' : '',
        share > 0.55 ? 'strong' : '',
        actual === predicted ? 'right' : '',
      ];
      return `<td class="${kinds.filter(Boolean).join(' ')}" style="--share:${share.toFixed(3)}">${count}</td>`;
    });
    const recall = total === 0 ? '' : percent(row[actual] / total);
    return `<tr><th scope="row">${escapeHTML(classes[actual])}</th>${cells.join('')}<th>${recall}</th></tr>`;
  });
  return `<p class="muted small" id="confusion-note">Rows are the true classes, columns the predictions; the last column is the share found.</p>
<div class="scroll"><table class="confusion" aria-describedby="confusion-note">
<thead><tr><td></td>${heads}<th scope="col">found</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function confusionList({ outcome, source: { classes } }: Run): string {
  const pairs = outcome.test.confusion.flatMap((row, actual) =>
    row
      .map((count, predicted) => ({ actual, predicted, count }))
      .filter((each) => each.actual !== each.predicted),
  );
  pairs.sort((a, b) => b.count - a.count);
  const rows = pairs
    .slice(0, 20)
    .filter(({ count }) => count > 0)
    .map(
      ({ actual, predicted, count }) =>
        `<tr><td class="text">${escapeHTML(classes[actual])}</td><td class="text">${escapeHTML(classes[predicted])}</td><td>${count}</td></tr>`,
    );
  return `<table class="list"><caption>The mistakes that happen most often</caption>
<thead><tr><th class="text" scope="col">true class</th><th class="text" scope="col">prediction</th><th scope="col">times</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

interface Example {
  readonly row: number;
  readonly actual: number;
  readonly predicted: number;
  readonly probability: number;
}

const SHOWN = 20;

/** Held-out examples that the network gets right, and those that it gets wrong with the most confidence. */
export function examplesPart(run: Run): string {
  const { test, picture } = run.source;
  const all = Array.from({ length: test.labels.size }, (_, row): Example => {
    return { row, actual: test.labels.data[row], ...predictionOf(run.outcome.probabilities, row) };
  });
  const right = all.filter(({ actual, predicted }) => actual === predicted);
  const wrong = all
    .filter(({ actual, predicted }) => actual !== predicted)
    .sort((a, b) => b.probability - a.probability);
  const show = (examples: readonly Example[]): string =>
    picture === undefined ? exampleTable(run, examples) : exampleGrid(run, examples, picture);
  const none = '<p class="muted">None.</p>';
  return `<h3>Wrong, most confident first <span class="muted">(${grouped(wrong.length)} of ${grouped(all.length)})</span></h3>
${wrong.length === 0 ? none : show(wrong.slice(0, SHOWN))}
<h3>Right <span class="muted">(${grouped(right.length)} of ${grouped(all.length)})</span></h3>
${right.length === 0 ? none : show(right.slice(0, SHOWN))}`;
}

function exampleGrid(
  { source: { test, classes } }: Run,
  examples: readonly Example[],
  [rows, columns]: readonly [number, number],
): string {
  const size = rows * columns;
  const items = examples.map(({ row, actual, predicted, probability }) => {
    const [is, taken] = [escapeHTML(classes[actual]), escapeHTML(classes[predicted])];
    const url = pictureURL(test.inputs.data.subarray(row * size, (row + 1) * size), rows, columns);
    const text =
      actual === predicted
        ? `<b class="correct">${taken}</b>`
        : `<b class="wrong">${taken}</b> <span class="muted">is ${is}</span>`;
    const alt = `Held-out example ${row + 1}: a ${is}, predicted ${taken}`;
    return `<li><img src="${url}" width="${columns}" height="${rows}" alt="${alt}">${text}<br><span class="muted">${percent(probability, 0)}</span></li>`;
  });
  return `<ul class="examples">${items.join('\n')}</ul>`;
}

const FEATURES_SHOWN = 6;

function exampleTable(
  { source: { test, classes, features = [] } }: Run,
  examples: readonly Example[],
): string {
  const shown = features.slice(0, FEATURES_SHOWN);
  const heads = shown.map((name) => `<th scope="col">${escapeHTML(name)}</th>`).join('');
  const rows = examples.map(({ row, actual, predicted, probability }) => {
    const values = shown.map(
      (_, i) => `<td>${Number(test.inputs.data[row * features.length + i].toPrecision(4))}</td>`,
    );
    const kind = actual === predicted ? 'correct' : 'wrong';
    return `<tr>${values.join('')}<td class="text">${escapeHTML(classes[actual])}</td><td class="text ${kind}">${escapeHTML(classes[predicted])}</td><td>${percent(probability, 0)}</td></tr>`;
  });
  return `<div class="scroll"><table class="list"><thead><tr>${heads}<th class="text" scope="col">true class</th><th class="text" scope="col">prediction</th><th scope="col">probability</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}
