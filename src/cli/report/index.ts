/** `report.html`: one file that shows a run, offline, in light and dark, with nothing to load. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { toSVG } from '../../visualize/index.ts';
import { grouped, plural, seconds } from '../format.ts';
import { networkFigure } from '../graph.ts';
import { parameterCount } from '../network.ts';
import type { Run } from '../run.ts';
import { escapeHTML, scriptJSON } from './html.ts';
import { confusionPart, epochTable, examplesPart, percent, smoothed } from './parts.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** The report of a run as an HTML document. */
export async function writeReport(run: Run): Promise<string> {
  const { source, layers, outcome, training } = run;
  const [plotScript, plotStyle] = await Promise.all([
    readPackageFile('uplot/dist/uPlot.iife.min.js'),
    readPackageFile('uplot/dist/uPlot.min.css'),
  ]);
  const { test, epochs, steps } = outcome;
  const title = `${source.name}: ${layers.join('-')}`;
  const last = epochs[epochs.length - 1];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="description" content="How a network ${escapeHTML(layers.join('-'))} was trained on ${escapeHTML(source.name)}, and how well it does.">
<link rel="icon" href="data:,">
<title>${escapeHTML(title)} - training report</title>
<style>${plotStyle}${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHTML(title)}</h1>
<p class="muted">Trained with ${escapeHTML(training.optimizer)} on ${plural(source.train.labels.size, 'example')},
measured on ${grouped(source.test.labels.size)} held-out examples that it never saw in training.</p>
</header>
<dl class="numbers">
<div class="first"><dt>test accuracy</dt><dd>${percent(test.accuracy, 2)}</dd></div>
<div><dt>held-out loss</dt><dd>${test.loss.toFixed(4)}</dd></div>
<div><dt>parameters</dt><dd>${grouped(parameterCount(layers))}</dd></div>
<div><dt>training time</dt><dd>${seconds(run.seconds)}</dd></div>
</dl>
<div class="pair">
<section aria-labelledby="loss-title">
<h2 id="loss-title">Loss</h2>
<p class="muted small">Cross-entropy, on a logarithmic scale.</p>
<div class="chart" id="loss-chart" role="img" aria-label="Loss by epoch: training ends at ${last.loss.toFixed(4)}, held out at ${last.testLoss.toFixed(4)}. The table below has every number."></div>
</section>
<section aria-labelledby="accuracy-title">
<h2 id="accuracy-title">Accuracy</h2>
<p class="muted small">The share of held-out examples that are classified correctly.</p>
<div class="chart" id="accuracy-chart" role="img" aria-label="Held-out accuracy by epoch: from ${percent(epochs[0].testAccuracy, 2)} to ${percent(last.testAccuracy, 2)}. The table below has every number."></div>
</section>
</div>
<section>
<h2>Epochs</h2>
${epochTable(run)}
</section>
<section>
<h2>Confusions</h2>
${confusionPart(run)}
</section>
<section>
<h2>Held-out examples</h2>
<p class="muted small">In colour what the network says, with its probability.</p>
${examplesPart(run)}
</section>
<section>
<h2>The computation</h2>
<p class="muted small">The network with its loss in blue, and the gradients that back-propagation added to the same graph in orange.</p>
<details><summary>Show the graph</summary><div class="graph">${await graphOf(layers)}</div></details>
</section>
<section>
<h2>Settings</h2>
${settings(run)}
<h3>To repeat this run</h3>
<pre tabindex="0">${commandLine(run.command)}</pre>
</section>
<footer>Written by chainrule on ${escapeHTML(run.date.toISOString().slice(0, 16).replace('T', ' '))} UTC.</footer>
</main>
<script type="application/json" id="record">${scriptJSON({ steps: smoothed(steps), epochs })}</script>
<script>${plotScript.replaceAll('</script', '<\\/script')}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** The command, broken only between options. */
function commandLine(command: string): string {
  return command
    .split(/ (?=--)/)
    .map((part) => `<span>${escapeHTML(part)}</span>`)
    .join(' ');
}

async function readPackageFile(path: string): Promise<string> {
  return readFile(createRequire(import.meta.url).resolve(path), 'utf8');
}

/** The drawing without its XML prologue, which has no place inside HTML. */
async function graphOf(layers: readonly number[]): Promise<string> {
  const { title, forward, backward } = networkFigure(layers, true);
  const svg = await toSVG(forward, { title, backward });
  return svg.slice(svg.indexOf('<svg'));
}

function settings({ source, layers, training }: Run): string {
  const { optimizer, learningRate, weightDecay, batch, epochs, seed, shift } = training;
  const rows: [string, string][] = [
    ['data', source.name],
    [
      'examples',
      `${grouped(source.train.labels.size)} to train on, ${grouped(source.test.labels.size)} held out`,
    ],
    ['classes', source.classes.slice(0, 30).join(', ') + (source.classes.length > 30 ? ', ...' : '')],
    ['layers', `${layers.join('-')}, with relu between them`],
    ['optimizer', optimizer],
    ['learning rate', String(learningRate)],
    ['weight decay', String(weightDecay)],
    ['batch', plural(batch, 'example')],
    ['epochs', String(epochs)],
    ...(shift > 0
      ? [['shift', `training pictures moved by up to ${plural(shift, 'pixel')}`] as [string, string]]
      : []),
    ['seed', String(seed)],
  ];
  if (source.features !== undefined) {
    rows.splice(2, 0, [
      'features',
      source.features.slice(0, 30).join(', ') + (source.features.length > 30 ? ', ...' : ''),
    ]);
    rows.splice(3, 0, ['label column', source.label ?? '']);
  }
  return `<dl class="settings">${rows.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHTML(value)}</dd>`).join('\n')}</dl>`;
}
