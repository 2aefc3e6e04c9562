/** What depends on what in operations that run graphs of their own. */
import {
  type Application,
  type Body,
  type Choice,
  type Iteration,
  type Rounds,
  sizeOf,
  type Variable,
} from '../../graph/index.ts';
import {
  both,
  EMPTY,
  emptyRows,
  type Moving,
  type Row,
  type Rows,
  type RowTable,
  type Tools,
} from './rows.ts';

/** The rows of the outputs of a body, for rows of its inputs. */
function bodyRows({ inputs, outputs }: Body<Variable>, moving: Moving, tools: Tools): (Rows | undefined)[] {
  const table: RowTable = new Map();
  inputs.forEach((each, i) => {
    const rows = moving[i];
    if (rows !== undefined) table.set(each, rows);
  });
  if (table.size === 0) return outputs.map(() => undefined);
  tools.propagate(outputs, table);
  return outputs.map((each) => table.get(each));
}

/** Round by round, as the operation computes; while nobody knows how many rounds there are, until no set grows. */
export function iterationRows(
  { outputs, attributes }: Application,
  { body, carries, slices, conditional }: Iteration<Variable>,
  moving: Moving,
  tools: Tools,
): readonly Rows[] {
  const { length = Infinity, reverse = false } = attributes as Rounds;
  const stacked = outputs.slice(carries).map(({ shape }) => new Array<Row>(sizeOf(shape)).fill(EMPTY));
  let state = moving.slice(0, carries);
  for (let round = 0; round < length; round++) {
    const element = reverse ? length - 1 - round : round;
    const seen = moving.slice(carries).map((rows, i) => {
      const size = sizeOf(body.inputs[carries + i].shape);
      return i < slices ? rows?.slice(element * size, (element + 1) * size) : rows;
    });
    const made = bodyRows(body, [...state, ...seen], tools);
    stacked.forEach((rows, i) => {
      made[carries + i]?.forEach((row, k, own) => {
        rows[element * own.length + k] = row;
      });
    });
    const next = made.slice(0, carries);
    if (!conditional) {
      state = next;
      continue;
    }
    const grown = state.map((rows, i) => both(rows, next[i], tools));
    const settled = grown.every((rows, i) => sameRows(rows, state[i]));
    state = grown;
    if (settled) break;
  }
  return [...state.map((rows, i) => rows ?? emptyRows(outputs[i].shape)), ...stacked];
}

/** For rows of which the second are the smaller. */
function sameRows(a: Rows | undefined, b: Rows | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.every((row, i) => row.length === b[i].length));
}

/** What either body depends on. */
export function choiceRows(
  { outputs }: Application,
  { bodies, shared }: Choice<Variable>,
  moving: Moving,
  tools: Tools,
): readonly Rows[] {
  const [first, second] = bodies.map((body) => bodyRows(body, moving.slice(1), tools));
  const common = first.slice(0, shared).map((rows, i) => both(rows, second[i], tools));
  return [...common, ...first.slice(shared), ...second.slice(shared)].map(
    (rows, i) => rows ?? emptyRows(outputs[i].shape),
  );
}
