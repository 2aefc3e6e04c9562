/** Tables: a CSV file with a header row, numeric features and a column of labels. */
import { CsvError, parse } from 'csv-parse/sync';
import { DataError, Tensor } from '../graph/index.ts';
import { didYouMean } from './suggest.ts';

export interface Table {
  /** What to call it in messages. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The line of the file on which each row ends. */
  readonly lines: readonly number[];
}

/** Reads a table. @throws DataError for an empty file, a bad header, or rows of different lengths */
export function parseTable(text: string, name: string): Table {
  const records = readRecords(text, name);
  if (records.length === 0)
    throw new DataError(`${name}: the file is empty; its first row must name the columns`);
  const [{ record: header }, ...rest] = records;
  const columns = header.map((cell) => cell.trim());
  if (columns.every((column) => column !== '' && Number.isFinite(Number(column)))) {
    throw new DataError(`${name}: the first row must name the columns, but all its cells are numbers`);
  }
  columns.forEach((column, i) => {
    if (column === '') throw new DataError(`${name}: column ${i + 1} has no name in the header row`);
    if (columns.indexOf(column) < i) throw new DataError(`${name}: two columns are called "${column}"`);
  });
  if (rest.length === 0) throw new DataError(`${name}: there are no rows below the header`);
  return {
    name,
    columns,
    rows: rest.map(({ record }) => record),
    lines: rest.map(({ info }) => info.lines),
  };
}

interface Entry {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

function readRecords(text: string, name: string): readonly Entry[] {
  try {
    return parse(text, { bom: true, info: true, skip_empty_lines: true }) as unknown as Entry[];
  } catch (error) {
    if (error instanceof CsvError) throw new DataError(`${name}: ${error.message}`);
    throw error;
  }
}

/** The position of a column. @throws DataError listing the columns there are */
export function columnIndex(table: Table, column: string): number {
  const index = table.columns.indexOf(column);
  if (index >= 0) return index;
  const shown = table.columns.slice(0, 12).join(', ');
  const hint = didYouMean(column, table.columns);
  throw new DataError(
    `${table.name}: there is no column "${column}"; the columns are ${shown}${table.columns.length > 12 ? ', ...' : ''}${hint}`,
  );
}

/** Numeric columns as float32 [rows, columns]. @throws DataError naming the first cell that is no number */
export function readFeatures(table: Table, names: readonly string[]): Tensor {
  const indices = names.map((name) => columnIndex(table, name));
  const data = new Float32Array(table.rows.length * indices.length);
  table.rows.forEach((cells, row) => {
    indices.forEach((index, i) => {
      const text = cells[index].trim();
      const value = Number(text);
      if (text === '' || !Number.isFinite(value)) {
        const what = text === '' ? 'an empty cell' : `"${text}"`;
        throw new DataError(
          `${table.name}: row ${row + 1} (line ${table.lines[row]}), column "${names[i]}": ${what} is not a finite number`,
        );
      }
      data[row * indices.length + i] = value;
    });
  });
  return new Tensor([table.rows.length, indices.length], 'float32', data);
}

/** Which column holds the labels: the one asked for, else `label`, else the last. */
export function labelColumn(table: Table, asked: string | undefined): string {
  if (asked !== undefined) return table.columns[columnIndex(table, asked)];
  return table.columns.includes('label') ? 'label' : table.columns[table.columns.length - 1];
}

/** The labels as they are written; `1.0` and `1` are the same class. @throws DataError for NaN or an empty cell */
export function readLabels(table: Table, column: string): string[] {
  const index = columnIndex(table, column);
  return table.rows.map((cells, row) => {
    const text = cells[index].trim();
    const number = Number(text);
    if (text === '' || /^([-+]?nan|[-+]?inf(inity)?|null|n\/?a)$/i.test(text)) {
      throw new DataError(
        `${table.name}: row ${row + 1} (line ${table.lines[row]}): the label in column "${column}" is ` +
          `${text === '' ? 'empty' : text}; every example needs a class`,
      );
    }
    return Number.isFinite(number) ? String(number) : text;
  });
}

/** The classes among `labels`, in order. @throws DataError where there is one class, or one for almost every row */
export function classesOf(table: Table, column: string, labels: readonly string[]): string[] {
  const classes = [...new Set(labels)];
  const numeric = classes.every((each) => Number.isFinite(Number(each)));
  classes.sort((a, b) => (numeric ? Number(a) - Number(b) : a < b ? -1 : 1));
  if (classes.length < 2) {
    throw new DataError(
      `${table.name}: column "${column}" holds one class only (${classes[0]}); nothing can be learnt`,
    );
  }
  if (classes.length > 20 && classes.length > labels.length / 2) {
    throw new DataError(
      `${table.name}: column "${column}" holds ${classes.length} different values in ${labels.length} rows, which are ` +
        'no classes; name the label column with --label',
    );
  }
  return classes;
}
