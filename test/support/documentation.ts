/** `docs/operations.md`, made from the registry and from what the generated tests measured. */
import type { Declaration } from '../../src/operations/index.ts';
import type { OperationReport } from './checkOperation.ts';

export interface Row {
  readonly family: string;
  readonly declaration: Declaration;
  readonly report: OperationReport;
}

const HEADER = `# Operations

Every operation of the registry, with what the generated tests verified of it: *Dtypes* says what it does to
element types (\`float\` computes in floating point, \`number\` keeps integers, \`any\` takes all), *Order* is the order of
derivatives checked against finite differences in float64, and *1st* and *2nd* are the worst relative errors of the
gradient and of its own gradient over all sample calls. The page is written by the tests themselves:
\`UPDATE_DOCS=1 npx vitest run test/operations/generated.test.ts\`.
`;

/** An error as a power of ten, rounded up: \`3e-12\` reads 1e-11. */
function magnitude(error: number): string {
  return error === 0 ? '0' : `1e${Math.ceil(Math.log10(error))}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

function line({ declaration, report }: Row): string {
  const { name, doc, dtypes, notDifferentiable } = declaration;
  const order =
    notDifferentiable === undefined
      ? String(report.order)
      : `not differentiable, because ${notDifferentiable} (${report.absence})`;
  const errors = report.errors.map(magnitude);
  return `| \`${name}\` | ${[doc, dtypes, order, errors[0] ?? '', errors[1] ?? ''].map(cell).join(' | ')} |`;
}

/** The whole page. */
export function renderOperations(rows: readonly Row[]): string {
  const families = [...new Set(rows.map(({ family }) => family))];
  const sections = families.map((family) => {
    const lines = rows.filter((row) => row.family === family).map(line);
    const heading = family.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    return [
      `## ${heading[0].toUpperCase()}${heading.slice(1)}`,
      '',
      '| Operation | What it computes | Dtypes | Order | 1st | 2nd |',
      '|---|---|---|---|---|---|',
      ...lines,
    ].join('\n');
  });
  return `${[HEADER, ...sections].join('\n')}\n`.replaceAll('\n## ', '\n\n## ').replaceAll('\n\n\n', '\n\n');
}

const ERRORS = /\| (0|1e-?\d+)? \| (0|1e-?\d+)? \|$/gm;

/** The page without its error figures. */
export function withoutErrors(page: string): string {
  return page.replace(ERRORS, '| ? | ? |');
}

/** The error figures of each operation's row. */
export function errorsOf(page: string): Map<string, number[]> {
  const rows = page.matchAll(/^\| `(\w+)` .*\| (0|1e-?\d+)? \| (0|1e-?\d+)? \|$/gm);
  return new Map(
    [...rows].map(([, name, ...errors]) => [
      name,
      errors.filter((text) => text !== undefined && text !== '').map(Number),
    ]),
  );
}
