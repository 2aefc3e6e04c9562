/** `docs/conventions.md`, made from the rows that the tests hold the library to, and from what the operations declare. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eachSample } from '../../src/check/call.ts';
import { ancestors, type Nested } from '../../src/graph/index.ts';
import { type Declaration, families } from '../../src/operations/index.ts';
import { type ConventionRow, rows, type Section } from '../autodiff/conventionRows.ts';
import { build } from './build.ts';
import { drawInputs } from './draw.ts';

/** What PyTorch gives for a row. */
export interface Answer {
  readonly value: Nested;
  readonly gradient: readonly Nested[];
}

const SCRIPT = fileURLToPath(new URL('../autodiff/conventions.py', import.meta.url));

/** Numbers that JSON does not have, as their names. */
const encode = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
const decode = (_: string, value: unknown): unknown =>
  value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value;

/** The key of a row among the answers. */
export function questionOf({ torch, at }: Pick<ConventionRow, 'torch' | 'at'>): string {
  return JSON.stringify({ torch, at }, encode);
}

/** Writes PyTorch's answers to `file`. The Python with PyTorch is `$PYTHON`, or `python3`. */
export function askPyTorch(file: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-'));
  const asked = join(folder, 'questions.json');
  const questions = rows.filter(({ torch }) => torch !== undefined).map(({ torch, at }) => ({ torch, at }));
  writeFileSync(asked, JSON.stringify(questions, encode));
  execFileSync(process.env.PYTHON ?? 'python3', [SCRIPT, asked, file], { stdio: 'inherit' });
  rmSync(folder, { recursive: true });
}

export interface Peer {
  readonly version: string;
  readonly answers: ReadonlyMap<string, Answer>;
}

export function readAnswers(file: string): Peer {
  const { torch, answers } = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'), decode)
    : { torch: '', answers: [] };
  return { version: torch, answers: new Map(answers.map((each: ConventionRow) => [questionOf(each), each])) };
}

/** A number as tests compare it: no signed zeros, and no digits beyond the twelfth. */
export function rounded(data: Nested): unknown {
  if (Array.isArray(data)) return (data as Nested[]).map(rounded);
  return Number.isFinite(data) ? Number(Number(data).toPrecision(12)) + 0 : data;
}

function show(data: Nested): string {
  if (Array.isArray(data)) return `[${(data as Nested[]).map(show).join(', ')}]`;
  return Number.isFinite(data) ? String(Number(Number(data).toPrecision(4)) + 0) : String(data);
}

const list = (data: readonly Nested[]): string => data.map(show).join(' and ');

/** Whether PyTorch gives the same, or what it gives. */
function comparison(row: ConventionRow, { answers }: Peer): string {
  const answer = answers.get(questionOf(row));
  if (answer === undefined) return '';
  const same = (a: Nested, b: Nested): boolean =>
    JSON.stringify(rounded(a), encode) === JSON.stringify(rounded(b), encode);
  const differences: string[] = [];
  if (!same(row.value, answer.value)) differences.push(`value ${show(answer.value)}`);
  if (!same(row.gradient as Nested, answer.gradient as Nested)) differences.push(list(answer.gradient));
  return differences.length === 0 ? 'same' : differences.join(', ');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

const table = (header: readonly string[], lines: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...lines.map((line) => line.map(cell))]
    .map((line) => `| ${line.join(' | ')} |`.replaceAll('|  |', '| |').replaceAll('|  |', '| |'))
    .join('\n');

function renderSection({ title, text, rows: own }: Section, peer: Peer): string {
  const lines = own.map((row) => [
    `\`${row.what}\``,
    row.point,
    show(row.value),
    list(row.gradient),
    row.second === undefined ? '' : list(row.second),
    row.why,
    comparison(row, peer),
  ]);
  return `## ${title}\n\n${text}\n\n${table(['What', 'Where', 'Value', 'Gradient', 'Second', 'Why', 'PyTorch'], lines)}`;
}

/** Every point that the registry's operations declare, with their conventions. */
function declaredKinks(): string[][] {
  const found = new Map<string, string[]>();
  for (const members of Object.values(families)) {
    for (const { declaration } of Object.values(members) as unknown as { declaration: Declaration }[]) {
      const { operation } = declaration;
      if (operation?.kinks === undefined) continue;
      eachSample(declaration, (sample, seed) => {
        const { outputs } = build(sample, drawInputs(sample, 'float64', seed));
        for (const { operation: own, inputs, outputs: made, attributes } of ancestors(outputs).applications) {
          if (own !== operation) continue;
          for (const { point, convention } of own.kinks?.({ inputs, outputs: made, attributes }) ?? []) {
            found.set(`${own.name} ${point} ${convention}`, [`\`${own.name}\``, point, convention]);
          }
        }
      });
    }
  }
  return [...found.values()].sort(([a, b], [c, d]) => (a + b < c + d ? -1 : 1));
}

/** The whole page. */
export function renderConventions(sections: readonly Section[], peer: Peer): string {
  return `# Points where a derivative takes a decision

Corners, ties, poles, zeros and infinities: what the library computes there, and why. Every line of these tables is a test
(\`test/autodiff/documentedConventions.test.ts\`), in reverse mode and in forward mode, on every backend, in float64. *Gradient* is
that of the sum of the result with respect to each input, *Second* that of the sum of the gradient. *PyTorch* says whether
version ${peer.version.replace(/a0$/, '')} gives the same value and gradient, and else what it gives.

\`reportKinks(z)\` tells at which elements a computation of yours stands at such a point, and on which line;
\`explainGradient(z, x)\` tells why a gradient is zero, disconnected or undefined.

${sections.map((section) => renderSection(section, peer)).join('\n\n')}

## Where others differ

- PyTorch and JAX multiply by zero what \`where\` did not take, and make NaN of it where the slope is infinite; their users guard the
  operand with a second \`where\`. Here none is needed.
- JAX has NaN for the gradient of a norm at the origin, where PyTorch and this library have 0. It shares the gradient of
  \`clip\` at a bound evenly between operand and bound, as \`maximum\` does; PyTorch and this library give all of it to the operand.
- \`prod\` and \`cumprod\` need no division here, so that their second derivatives are exact at zeros as well.
- At NaN the value is NaN. What selects (\`relu\`, \`maximum\`, \`clip\`) routes its gradient by comparisons, which NaN fails: look at the
  value, not at the gradient, to find where a NaN comes from.

## Every point that is reported

What the operations declare, and \`reportKinks\` looks for. An operation of your own declares its points with \`kinks\`
([adding-an-operation.md](adding-an-operation.md)).

${table(['Operation', 'Point', 'Derivative taken'], declaredKinks())}

This page is written by its tests: \`UPDATE_DOCS=1 npx vitest run test/autodiff/documentedConventions.test.ts\`. PyTorch is asked anew
with \`UPDATE_CONVENTIONS=1 PYTHON=python3\`.
`;
}
