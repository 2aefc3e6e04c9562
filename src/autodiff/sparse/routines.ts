/** What depends on what in operations with loops of their own. A routine that is not named here mixes everything. */
import { type Application, type Block, sizeOf } from '../../graph/index.ts';
import { cumsum } from '../../operations/cumulative.ts';
import { gather, scatterAdd } from '../../operations/indexing.ts';
import { EMPTY, emptyRows, type Moving, type Row, type Rows, type Tools } from './rows.ts';

type Rule = (application: Application, moving: Moving, tools: Tools) => Rows;

const RULES = new Map<unknown, Rule>([
  [gather.declaration.operation, gatherRows],
  [scatterAdd.declaration.operation, scatterRows],
  [cumsum.declaration.operation, cumulativeRows],
]);

/** The rows of a routine's output; undefined where nothing is known of it. */
export function routineRows(application: Application, moving: Moving, tools: Tools): Rows | undefined {
  return RULES.get(application.operation)?.(application, moving, tools);
}

/** A tensor as lines along one axis: element (o, k, i) stands at (o extent + k) inner + i. */
interface Lines {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
}

function linesAlong(shape: readonly number[], axis: number): Lines {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    extent: shape[axis],
    inner: sizeOf(shape.slice(axis + 1)),
  };
}

/** What each whole line depends on, by (o, i). */
function unitedLines(rows: Rows, { outer, extent, inner }: Lines, { unite }: Tools): Row[] {
  return Array.from({ length: outer * inner }, (_, line) => {
    const first = Math.floor(line / inner) * extent * inner + (line % inner);
    return unite(Array.from({ length: extent }, (__, k) => rows[first + k * inner]));
  });
}

/** Which element of the table each element of a gather reads: the operation itself, applied to positions. */
function placesRead(
  table: readonly number[],
  indices: Block,
  output: readonly number[],
  attributes: unknown,
): Float64Array {
  const { computation } = gather.declaration.operation!;
  if (computation.kind !== 'routine') throw new Error('gather is a routine');
  const places = new Float64Array(sizeOf(output));
  const positions = Float64Array.from({ length: sizeOf(table) }, (_, i) => i);
  computation.run(
    [{ shape: table, data: positions }, indices],
    [{ shape: output, data: places }],
    attributes,
  );
  return places;
}

function gatherRows({ inputs, outputs, attributes }: Application, [rows]: Moving, tools: Tools): Rows {
  const [x, indices] = inputs;
  const [y] = outputs;
  if (rows === undefined) return emptyRows(y.shape);
  const chosen = tools.known(indices);
  if (chosen !== undefined) {
    return Array.from(
      placesRead(x.shape, { shape: indices.shape, data: chosen }, y.shape, attributes),
      (place) => rows[place],
    );
  }
  const along = linesAlong(x.shape, attributes.axis as number);
  const lines = unitedLines(rows, along, tools);
  const chunk = sizeOf(y.shape) / along.outer;
  return Array.from(
    { length: sizeOf(y.shape) },
    (_, i) => lines[Math.floor(i / chunk) * along.inner + (i % along.inner)],
  );
}

function scatterRows(
  { inputs, outputs, attributes }: Application,
  [own, , added]: Moving,
  tools: Tools,
): Rows {
  const [, indices, updates] = inputs;
  const [{ shape }] = outputs;
  const base = own ?? emptyRows(shape);
  if (added === undefined) return base;
  const terms = base.map((row) => [row]);
  const chosen = tools.known(indices);
  if (chosen !== undefined) {
    const places = placesRead(shape, { shape: indices.shape, data: chosen }, updates.shape, attributes);
    places.forEach((place, i) => terms[place].push(added[i]));
  } else {
    const { outer, extent, inner } = linesAlong(shape, attributes.axis as number);
    const count = updates.shape.length === 0 ? 1 : added.length / (outer * inner);
    const lines = unitedLines(added, { outer, extent: count, inner }, tools);
    terms.forEach((each, i) => each.push(lines[Math.floor(i / (extent * inner)) * inner + (i % inner)]));
  }
  return terms.map((each) => tools.unite(each));
}

function cumulativeRows({ outputs, attributes }: Application, [rows]: Moving, { unite }: Tools): Rows {
  const [{ shape }] = outputs;
  const { outer, extent, inner } = linesAlong(shape, attributes.axis as number);
  const made = new Array<Row>(sizeOf(shape)).fill(EMPTY);
  for (let line = 0; line < outer * inner; line++) {
    const first = Math.floor(line / inner) * extent * inner + (line % inner);
    let total = EMPTY;
    for (let k = 0; k < extent; k++) {
      const place = first + (attributes.reverse === true ? extent - 1 - k : k) * inner;
      total = unite([total, rows?.[place] ?? EMPTY]);
      made[place] = total;
    }
  }
  return made;
}
