/** `docs/operations.md`, made from the registry and from what the generated tests measured. */
import type { Declaration } from '../../src/operations/index.ts';
import type { OperationReport } from './checkOperation.ts';

export interface Row {
  readonly family: string;
  readonly declaration: Declaration;
  readonly report: OperationReport;
}

const HEADER = `# Operations

Every operation of the registry, with what the generated tests verified of it on its sample calls. *Dtypes* says what it
does to element types (\`float\` computes in floating point, \`number\` keeps integers, \`any\` takes all). The figures are the
worst relative errors of derivatives in float64 against finite differences: *vjp* of the gradient by reverse mode, *jvp* of
the derivative along a direction by forward mode, *2nd* of the gradient of the gradient. For all of them the tests also
hold that the two modes are transposes of each other (\`<u, J v> = <J^T u, v>\` to 1e-12), and that forward over reverse gives
the same second derivatives as reverse over reverse (to 1e-10).

*vmap* says where the rule for batches comes from: the kind of computation (\`elementwise\`, \`reduction\`, \`product\`) from which
it is derived, a \`rule\` of the operation's own, or its \`parts\` for a function that is composed of other operations. A batch
takes as many operations as one example unless the table says otherwise, and gives the same numbers to the last bit,
whichever of the inputs are mapped.

The page is written by the tests themselves: \`UPDATE_DOCS=1 npx vitest run test/operations/generated.test.ts\`.
`;

const COLUMNS = ['Operation', 'What it computes', 'Dtypes', 'vjp', 'jvp', '2nd', 'vmap'];

/** The property behind each column of figures. */
const FIGURES = ['reverse', 'forward', 'second'] as const;

/** An error as a power of ten, rounded up: \`3e-12\` reads 1e-11. */
function magnitude(error: number): string {
  return error === 0 ? '0' : `1e${Math.ceil(Math.log10(error))}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

function line({ declaration, report }: Row): string {
  const { name, doc, dtypes, notDifferentiable } = declaration;
  const derivatives =
    notDifferentiable === undefined
      ? FIGURES.map((property) => magnitude(report.get(property)!.error!))
      : [`none, because ${notDifferentiable} (${report.get('absence')!.detail})`, '-', '-'];
  const { verdict, because, detail } = report.get('batching')!;
  const batching = verdict === 'ok' ? detail! : `none, because ${because}`;
  return `| ${[`\`${name}\``, doc, dtypes, ...derivatives, batching].map(cell).join(' | ')} |`;
}

/** The whole page. */
export function renderOperations(rows: readonly Row[]): string {
  const families = [...new Set(rows.map(({ family }) => family))];
  const sections = families.map((family) => {
    const heading = family.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    return [
      `## ${heading[0].toUpperCase()}${heading.slice(1)}`,
      '',
      `| ${COLUMNS.join(' | ')} |`,
      `|${COLUMNS.map(() => '---|').join('')}`,
      ...rows.filter((row) => row.family === family).map(line),
    ].join('\n');
  });
  return `${[HEADER, ...sections].join('\n\n').replaceAll('\n\n\n', '\n\n')}\n`;
}

const ROW = /^(\| `(\w+)` .*) \| (0|1e-?\d+) \| (0|1e-?\d+) \| (0|1e-?\d+) \| ([^|]*) \|$/gm;

/** The page without its error figures. */
export function withoutErrors(page: string): string {
  return page.replace(ROW, '$1 | ? | ? | ? | $6 |');
}

/** The error figures of each operation's row, by property. */
export function errorsOf(page: string): Map<string, Map<string, number>> {
  return new Map(
    [...page.matchAll(ROW)].map(([, , name, ...cells]) => [
      name,
      new Map(FIGURES.map((property, i) => [property, Number(cells[i])])),
    ]),
  );
}
