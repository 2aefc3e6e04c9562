/** What runs in the report's page: it draws the two charts with uPlot, and again where colours or widths change. */
export const SCRIPT = `
const record = JSON.parse(document.getElementById('record').textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = [];

function axis(options) {
  return {
    stroke: () => colour('--muted'), font: '12px system-ui, sans-serif',
    grid: { stroke: () => colour('--grid'), width: 1 }, ticks: { stroke: () => colour('--line'), width: 1 },
    ...options,
  };
}

function line(label, name, options) {
  return { label, stroke: () => colour(name), width: 2, spanGaps: true, points: { show: false }, ...options };
}

function dots(name) {
  return { show: true, size: 7, stroke: () => colour(name), fill: () => colour('--card') };
}

function chart(id, height, data, series, scale, format, size) {
  const holder = document.getElementById(id);
  const values = (plot, value) => (value == null ? '' : format(value));
  const plot = new uPlot({
    width: holder.clientWidth, height,
    scales: { x: { time: false }, y: scale },
    axes: [
      axis({ label: 'epoch', labelSize: 24, size: 34, labelFont: '12px system-ui, sans-serif' }),
      axis({ size, values: (plot, splits) => splits.map((value) => (value == null ? '' : format(value))) }),
    ],
    series: [{ label: 'epoch', value: (plot, value) => (value == null ? '' : value.toFixed(2)) },
      ...series.map((each) => ({ value: values, ...each }))],
    cursor: { points: { size: 7 } },
  }, data, holder);
  charts.push(plot);
  new ResizeObserver(() => {
    if (Math.abs(holder.clientWidth - plot.width) > 1) plot.setSize({ width: holder.clientWidth, height });
  }).observe(holder);
}

const steps = record.steps;
const epochs = record.epochs;
const x = [...new Set([...steps.map((each) => each.epoch), ...epochs.map((each) => each.epoch)])].sort((a, b) => a - b);
const column = (points, key) => {
  const found = new Map(points.map((each) => [each.epoch, each[key]]));
  return x.map((epoch) => found.get(epoch) ?? null);
};
chart('loss-chart', 270,
  [x, column(steps, 'loss'), column(steps, 'smooth'), column(epochs, 'testLoss')],
  [
    line('minibatch', '--blue-soft', { width: 1 }),
    line('running mean', '--blue'),
    line('held out', '--orange', { points: dots('--orange') }),
  ],
  { distr: 3 }, (value) => String(Number(value.toPrecision(3))), 62);
const lowest = Math.min(...epochs.map((each) => each.testAccuracy));
chart('accuracy-chart', 270,
  [epochs.map((each) => each.epoch), epochs.map((each) => each.testAccuracy)],
  [line('held-out accuracy', '--orange', { points: dots('--orange') })],
  { range: (plot, low, high) => [Math.max(0, lowest - 0.25 * (1.002 - lowest) - 0.002), Math.min(1.002, high + 0.15 * (1.002 - lowest))] },
  (value) => (100 * value).toFixed(1) + ' %', 62);

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const each of charts) each.redraw(false, true);
});
`;
