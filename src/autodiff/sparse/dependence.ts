/**
 * Structural zeros, found from a graph: on which elements of its seeds each element of a sweep depends.
 *
 * A sweep is linear in its seeds, and its graph is what will run; so the sets that travel through it, operation by
 * operation, are those of the Jacobian as it will be computed, whatever derivative rules made it. They may be too
 * large (terms may cancel), never too small.
 */
import {
  type Application,
  ancestors,
  expansionOf,
  sizeOf,
  stridesOf,
  type Variable,
  withSite,
} from '../../graph/index.ts';
import { choiceRows, iterationRows } from './bodies.ts';
import { elementEvaluator, knowledge } from './known.ts';
import { routineRows } from './routines.ts';
import {
  broadcastStrides,
  EMPTY,
  emptyRows,
  type Moving,
  mixed,
  positionsOf,
  type Row,
  type Rows,
  type RowTable,
  type Tools,
  uniter,
} from './rows.ts';

/**
 * For each element of `products`, one after another, the elements of `seeds` (numbered likewise) it depends on.
 * @param open variables whose numbers do not count, even if constants decide them
 */
export function dependence(
  products: readonly Variable[],
  seeds: readonly Variable[],
  open: readonly Variable[],
): Rows {
  const table: RowTable = new Map();
  let columns = 0;
  for (const seed of seeds) {
    table.set(
      seed,
      Array.from({ length: sizeOf(seed.shape) }, () => [columns++]),
    );
  }
  const tools: Tools = {
    unite: uniter(columns),
    known: knowledge(open),
    propagate: (outputs, rows, boundary = []) => propagate(outputs, rows, new Set(boundary), tools),
  };
  tools.propagate(products, table);
  return products.flatMap((product) => table.get(product) ?? emptyRows(product.shape));
}

function propagate(
  outputs: readonly Variable[],
  table: RowTable,
  boundary: ReadonlySet<Variable>,
  tools: Tools,
): void {
  const { applications } = ancestors(outputs, (each) => table.has(each) || boundary.has(each));
  for (const application of applications) {
    const moving = application.inputs.map((each) => table.get(each));
    if (moving.every((rows) => rows === undefined)) continue;
    const made = rowsOf(application, moving, tools);
    application.outputs.forEach((output, i) => {
      if (made[i].some((row) => row.length > 0)) table.set(output, made[i]);
    });
  }
}

/** The rows of each output. */
function rowsOf(application: Application, moving: Moving, tools: Tools): readonly Rows[] {
  const { operation, inputs, outputs, attributes, site } = application;
  const { computation } = operation;
  const [x] = inputs;
  const [y] = outputs;
  switch (computation.kind) {
    case 'elementwise':
      return [elementwiseRows(application, moving, tools)];
    case 'view': {
      // A view shows its first input; others it only waits for.
      const rows = moving[0];
      if (rows === undefined) return [emptyRows(y.shape)];
      const whole = { shape: x.shape, strides: stridesOf(x.shape), offset: 0 };
      const view = computation.view(whole, y.shape, attributes);
      if (view === undefined) return [mixed([rows], y.shape, tools)];
      return [Array.from(positionsOf(y.shape, view.strides, view.offset), (place) => rows[place])];
    }
    case 'assembly': {
      const rows = new Array<Row>(sizeOf(y.shape)).fill(EMPTY);
      const shapes = inputs.map((each) => each.shape);
      for (const { input, offset, strides } of computation.regions(shapes, y.shape, attributes)) {
        positionsOf(shapes[input], strides, offset).forEach((to, from) => {
          rows[to] = moving[input]?.[from] ?? EMPTY;
        });
      }
      return [rows];
    }
    case 'reduction':
      return [reductionRows(application, moving[0] as Rows, tools)];
    case 'product':
      return [productRows(application, moving, tools)];
    case 'composition': {
      const inner: RowTable = new Map();
      inputs.forEach((each, i) => {
        const rows = moving[i];
        if (rows !== undefined) inner.set(each, rows);
      });
      const parts = withSite(site, () => expansionOf(computation, inputs, attributes));
      tools.propagate(parts, inner, inputs);
      return parts.map((part) => inner.get(part) ?? emptyRows(part.shape));
    }
    case 'iteration':
      return iterationRows(application, computation, moving, tools);
    case 'choice':
      return choiceRows(application, computation, moving, tools);
    case 'routine': {
      const rows = routineRows(application, moving, tools);
      return rows === undefined ? outputs.map(({ shape }) => mixed(moving, shape, tools)) : [rows];
    }
  }
}

function elementwiseRows(application: Application, moving: Moving, tools: Tools): Rows {
  const { inputs, outputs } = application;
  const [{ shape }] = outputs;
  const parts = inputs.flatMap((input, i) => {
    const rows = moving[i];
    if (rows === undefined) return [];
    const live = liveElements(application, i, moving, tools);
    if (live === undefined && rows.length === sizeOf(shape)) return [rows];
    const places = positionsOf(shape, broadcastStrides(input.shape, shape));
    return [Array.from(places, (place, k) => (live === undefined || live[k] ? rows[place] : EMPTY))];
  });
  if (parts.length === 1) return parts[0];
  return parts[0].map((row, k) => {
    const others = parts.slice(1).map((rows) => rows[k]);
    return others.every((other) => other === row) ? row : tools.unite([row, ...others]);
  });
}

/**
 * Where an elementwise operation, linear in its moving operands, heeds one of them: everywhere (undefined), unless the
 * coefficient is known, as in a product with a mask, and 0 in places.
 */
function liveElements(
  application: Application,
  index: number,
  moving: Moving,
  { known }: Tools,
): readonly boolean[] | undefined {
  const { inputs, outputs } = application;
  const [{ shape }] = outputs;
  if (moving.every((rows) => rows !== undefined)) return undefined;
  const numbers = inputs.map((each, i) => (moving[i] === undefined ? known(each) : []));
  if (numbers.some((each) => each === undefined)) return undefined;
  const places = inputs.map((each) => positionsOf(shape, broadcastStrides(each.shape, shape)));
  const evaluate = elementEvaluator(application);
  const answer = (k: number, value: number): number =>
    evaluate(
      k,
      inputs.map((_, i) => (i === index ? value : (numbers[i]?.[places[i][k]] ?? 0))),
    );
  return Array.from({ length: sizeOf(shape) }, (_, k) => answer(k, 1) !== 0 || answer(k, 0) !== 0);
}

function reductionRows({ inputs, outputs, attributes }: Application, rows: Rows, { unite }: Tools): Rows {
  const [{ shape }] = inputs;
  const axes = attributes.axes as readonly number[];
  const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const terms = Array.from({ length: sizeOf(outputs[0].shape) }, (): Row[] => []);
  positionsOf(shape, broadcastStrides(kept, shape)).forEach((to, from) => terms[to].push(rows[from]));
  return terms.map((each) => unite(each));
}

/** A factor of a matrix product, by its lines: the rows of A, the columns of B. */
interface Factor {
  readonly variable: Variable;
  readonly rows: Rows | undefined;
  /** Where element k of a line stands, in the matrix that `batch` counts. */
  at(batch: number, line: number, k: number): number;
}

/** C_ij depends on row i of A and on column j of B; where the other factor is known, not on what meets its zeros. */
function productRows({ inputs, outputs }: Application, moving: Moving, tools: Tools): Rows {
  const [n, m] = outputs[0].shape.slice(-2);
  const inner = inputs[0].shape[inputs[0].rank - 1];
  const a: Factor = { variable: inputs[0], rows: moving[0], at: (p, i, k) => (p * n + i) * inner + k };
  const b: Factor = { variable: inputs[1], rows: moving[1], at: (p, j, k) => (p * inner + k) * m + j };
  const ofA = lineRows(a, b, inner, tools);
  const ofB = lineRows(b, a, inner, tools);
  return Array.from({ length: sizeOf(outputs[0].shape) }, (_, place) => {
    const [batch, i, j] = [Math.floor(place / (n * m)), Math.floor(place / m) % n, place % m];
    const [row, column] = [ofA(batch, i, j), ofB(batch, j, i)];
    if (column.length === 0) return row;
    return row.length === 0 ? column : tools.unite([row, column]);
  });
}

/** What a line of one factor depends on, as far as it meets elements of a line of the other that can be other than 0. */
function lineRows(
  { rows, at }: Factor,
  other: Factor,
  inner: number,
  { unite, known }: Tools,
): (batch: number, line: number, otherLine: number) => Row {
  if (rows === undefined) return () => EMPTY;
  const coefficients = known(other.variable);
  const all = Array.from({ length: inner }, (_, k) => k);
  const over = (batch: number, line: number, places: readonly number[]): Row =>
    unite(places.map((k) => rows[at(batch, line, k)]));
  const whole = new Map<number, Row>();
  return (batch, line, otherLine) => {
    const met =
      coefficients === undefined ? all : all.filter((k) => coefficients[other.at(batch, otherLine, k)] !== 0);
    if (met.length < inner) return over(batch, line, met);
    const first = at(batch, line, 0);
    const row = whole.get(first) ?? over(batch, line, all);
    whole.set(first, row);
    return row;
  };
}
