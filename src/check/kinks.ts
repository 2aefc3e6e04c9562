/** Where a computation stands exactly at points without a derivative, and what was taken for it there. */
import { buildGradients, type PassedEdge } from '../autodiff/backprop.ts';
import { evaluate } from '../engine/index.ts';
import {
  type Application,
  ancestors,
  at,
  ChainruleError,
  type Feeds,
  isFloat,
  type Kink,
  sizeOf,
  Variable,
} from '../graph/index.ts';
import { full, registry } from '../operations/index.ts';

const { iota, min, reshape, sum, where } = registry;

/** Elements of one operation that stand at one kind of point. */
export interface ReportedKink {
  readonly application: Application;
  readonly operation: string;
  /** The user's line, like `train.ts:12`; empty where it is unknown. */
  readonly line: string;
  /** What stands there: `corner at 0`, `tie`. */
  readonly point: string;
  /** What the derivative was taken to be. */
  readonly convention: string;
  /** How many elements stand there, of how many. */
  readonly count: number;
  readonly of: number;
  /** The coordinates of the first of them. */
  readonly example: readonly number[];
}

export interface KinkReport {
  /** What was found, in the order of computation. */
  readonly kinks: readonly ReportedKink[];
  /** How many applications of operations with such points were looked at. */
  readonly examined: number;
  /** The report as a table. */
  toString(): string;
}

export interface KinkOptions {
  /** Only what lies between these and z counts. By default the parameters and inputs of a float dtype. */
  targets?: readonly Variable[];
}

/**
 * Evaluates the graph of z and reports where its derivative holds by convention only: `relu` at exactly 0, ties of a
 * maximum, `sqrt` at 0, jumps of `floor`. A gradient checked against finite differences may rightly differ there.
 *
 * An operation counts if a derivative passes from a target through it to z; what is behind `stopGradient` does not.
 * @param z one float variable of any shape, or several
 * @param feeds the values of the inputs, as for `evaluate`
 * @throws ChainruleError where z depends on no parameter and no input
 */
export function reportKinks(
  z: Variable | readonly Variable[],
  feeds?: Feeds,
  { targets }: KinkOptions = {},
): KinkReport {
  const outputs = z instanceof Variable ? [z] : z;
  const passed = differentiated(outputs, targets ?? leavesThatMove(outputs));
  const sites = passed.flatMap((application) => kinksOf(application).map((kink) => ({ application, kink })));
  const found = evaluate(
    sites.map(({ kink }) => countAndFirst(kink.where)),
    feeds,
  );
  const kinks = sites.flatMap(({ application, kink }, i): ReportedKink[] => {
    const [count, first] = found[i].map((tensor) => tensor.item());
    if (count === 0) return [];
    return [
      {
        application,
        operation: application.operation.name,
        line: application.site.toString(),
        point: kink.point,
        convention: kink.convention,
        count,
        of: sizeOf(kink.where.shape),
        example: coordinatesOf(first, kink.where.shape),
      },
    ];
  });
  const examined = new Set(sites.map(({ application }) => application)).size;
  const toString = (): string => render(kinks, examined);
  // Node's console prints an object by this method.
  return Object.assign(
    { kinks, examined, toString },
    { [Symbol.for('nodejs.util.inspect.custom')]: toString },
  );
}

function leavesThatMove(outputs: readonly Variable[]): Variable[] {
  const leaves = ancestors(outputs).leaves.filter(
    ({ dtype, source }) => isFloat(dtype) && source.kind !== 'constant',
  );
  if (leaves.length === 0) {
    throw new ChainruleError(
      `reportKinks: ${outputs.map(String).join(', ')} depends on no parameter and no input; pass { targets } to say ` +
        `what would be differentiated${at()}`,
    );
  }
  return leaves;
}

/** The applications at which a derivative arrives from `outputs` and to which one from `targets` leads. */
function differentiated(outputs: readonly Variable[], targets: readonly Variable[]): Application[] {
  const edges: PassedEdge[] = [];
  const seeds = outputs.map((output) => full(output.shape, 1, output.dtype));
  buildGradients(outputs, targets, seeds, (edge) => edges.push(edge));
  const moves = new Set<Variable>(targets);
  const counted = new Set<Application>();
  // Back-propagation meets the last operation first.
  for (const { application, index, incoming, term } of edges.reverse()) {
    if (!moves.has(application.inputs[index])) continue;
    const arrives = incoming.some((gradient) => gradient instanceof Variable);
    if (arrives) counted.add(application);
    // Where nothing arrives the rule was not asked: what lies above, like floor, decides whether it counts itself.
    if (term instanceof Variable || !arrives) for (const output of application.outputs) moves.add(output);
  }
  return [...counted];
}

function kinksOf({ operation, inputs, outputs, attributes }: Application): readonly Kink[] {
  const kinks = operation.kinks?.({ inputs, outputs, attributes }) ?? [];
  return kinks.filter((kink) => sizeOf(kink.where.shape) > 0);
}

/** How many elements hold, and the place of the first of them in row-major order. */
function countAndFirst(holds: Variable): readonly [count: Variable, first: Variable] {
  const size = sizeOf(holds.shape);
  const flat = reshape(holds, [size]);
  return [sum(flat), min(where(flat, iota([size]), size))];
}

function coordinatesOf(position: number, shape: readonly number[]): number[] {
  const coordinates: number[] = [];
  let rest = position;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    coordinates.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return coordinates;
}

const HEADER = ['operation', 'line', 'point', 'derivative taken', 'elements', 'first'];

function render(kinks: readonly ReportedKink[], examined: number): string {
  const looked = `${examined} operation${examined === 1 ? '' : 's'} with such points examined`;
  if (kinks.length === 0) return `no element stands at a point without a derivative (${looked})`;
  const rows = kinks.map(({ operation, line, point, convention, count, of, example }) => [
    operation,
    line,
    point,
    convention,
    `${count} of ${of}`,
    `[${example.join(', ')}]`,
  ]);
  const table = [HEADER, ...rows];
  const widths = HEADER.map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const text = table.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  );
  return [...text, `(${looked})`].join('\n');
}
