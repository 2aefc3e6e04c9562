/** A profile as a table, the slowest kernel first. */
import { type KernelProfile, rate } from './measure.ts';

/** What stands below the kernels. */
export interface Totals {
  /** Kernels of one call, in seconds. */
  readonly time: number;
  /** A whole call, in seconds. */
  readonly callTime: number;
  readonly repetitions: number;
  readonly threads: number;
  readonly arenaBytes: number;
  readonly workspaceBytes: number;
  readonly livenessBound: number;
}

/** Names and details that are longer are cut. */
const WIDEST = 44;

const COLUMNS = [
  { title: 'time', right: true },
  { title: '%', right: true },
  { title: 'calls', right: true },
  { title: 'flop', right: true },
  { title: 'GFLOP/s', right: true },
  { title: 'bytes', right: true },
  { title: 'GB/s', right: true },
  { title: 'operations', right: false },
  { title: 'line', right: false },
  { title: 'extents', right: false },
];

/** The table, then the totals. */
export function renderTable(kernels: readonly KernelProfile[], totals: Totals): string {
  const rows = [...kernels]
    .sort((a, b) => b.time - a.time)
    .map((kernel) => [
      seconds(kernel.time),
      ((100 * kernel.time) / totals.time || 0).toFixed(1),
      String(Number(kernel.calls.toFixed(1))),
      amount(kernel.flops),
      speed(kernel.gflops),
      amount(kernel.bytes, 'B'),
      speed(kernel.gbs),
      cut(kernel.name),
      cut(kernel.sites.join(' ')),
      `${cut(kernel.detail)}${kernel.library === undefined ? '' : `, ${kernel.library}`}`,
    ]);
  return [...align([COLUMNS.map(({ title }) => title), ...rows]), ...footer(kernels, totals)].join('\n');
}

/** The rows in columns; a column with nothing in it but its title is left out. */
function align([titles, ...rows]: readonly (readonly string[])[]): string[] {
  const shown = COLUMNS.map((_, i) => i).filter((i) => rows.some((row) => row[i] !== ''));
  const widths = COLUMNS.map((_, i) => Math.max(titles[i].length, ...rows.map((row) => row[i].length)));
  return [titles, ...rows].map((row) =>
    shown
      .map((i) => (COLUMNS[i].right ? row[i].padStart(widths[i]) : row[i].padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
}

function footer(
  kernels: readonly KernelProfile[],
  { time, callTime, repetitions, threads, arenaBytes, livenessBound, workspaceBytes }: Totals,
): string[] {
  const flops = kernels.reduce((sum, kernel) => sum + kernel.flops, 0);
  return [
    `kernels ${seconds(time)} of a call of ${seconds(callTime)} (median of ${repetitions}) on ${threads} thread${threads === 1 ? '' : 's'}, ${amount(flops)} flop, ${speed(rate(flops, time))} GFLOP/s`,
    `working memory ${amount(arenaBytes, 'B')}, of which ${amount(livenessBound, 'B')} are in use at one time; ${amount(workspaceBytes, 'B')} more for each thread`,
  ];
}

/** Three digits; 999.9 becomes 1000, without an exponent. */
function threeDigits(value: number): string {
  return value >= 999.5 ? value.toFixed(0) : value.toPrecision(3);
}

/** `1.23 ms`: three digits. */
function seconds(value: number): string {
  if (value >= 1) return `${threeDigits(value)} s`;
  if (value >= 1e-3) return `${threeDigits(value * 1e3)} ms`;
  return `${Number((value * 1e6).toPrecision(3))} µs`;
}

/** `6.42 M`: three digits and a power of 1000. */
function amount(value: number, unit = ''): string {
  const power = value < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  const digits = power === 0 ? String(Math.round(scaled)) : threeDigits(scaled);
  const suffix = `${['', 'k', 'M', 'G', 'T'][power]}${unit}`;
  return suffix === '' ? digits : `${digits} ${suffix}`;
}

/** Three digits; a dash for nothing. */
function speed(value: number): string {
  return value === 0 ? '-' : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function cut(text: string): string {
  return text.length <= WIDEST ? text : `${text.slice(0, WIDEST - 3)}...`;
}
