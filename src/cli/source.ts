/** Where examples come from: the `mnist` package, a directory of IDX files, or a CSV file. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type ImageDataset, loadIDX, loadMnistPackage, splitDataset } from '../data/index.ts';
import { DataError, Tensor } from '../graph/index.ts';
import { classesOf, labelColumn, parseTable, readFeatures, readLabels, type Table } from './csv.ts';

/** Examples and the class of each, as a position in a list of classes. */
export interface Examples {
  /** float32 [n, features], as they come. */
  readonly inputs: Tensor;
  /** int32 [n]. */
  readonly labels: Tensor;
}

/** Examples to train on, and others, never trained on, to measure with. */
export interface Source {
  readonly name: string;
  readonly train: Examples;
  readonly test: Examples;
  readonly classes: readonly string[];
  /** The extents of a picture; absent for tables. */
  readonly picture?: readonly [rows: number, columns: number];
  /** The columns of a table. */
  readonly features?: readonly string[];
  readonly label?: string;
}

export interface SourceOptions {
  readonly data: string;
  readonly label?: string;
  /** How many examples to hold out; by default 2,000, but at most a fifth. */
  readonly test?: number;
  readonly seed: number;
}

const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));

/** Loads examples and splits them. @throws DataError naming what is missing or wrong */
export async function loadSource(options: SourceOptions): Promise<Source> {
  const { data, label } = options;
  const kind = await kindOf(data);
  if (kind !== 'table' && label !== undefined) {
    throw new DataError(`--label ${label}: only a CSV file has a label column, and --data is ${data}`);
  }
  if (kind === 'mnist') return loadDigits(options);
  if (kind === 'directory') return loadDirectory(options);
  return loadTable(options);
}

/** What the text after `--data` names. */
export async function kindOf(data: string): Promise<'mnist' | 'directory' | 'table'> {
  if (data === 'mnist') return 'mnist';
  const found = await stat(data).catch((error: NodeJS.ErrnoException) => {
    const problem = error.code === 'ENOENT' ? 'no such file or directory' : error.message;
    throw new DataError(`--data ${data}: ${problem}; give a directory, a .csv file, or mnist`);
  });
  if (found.isDirectory()) return 'directory';
  if (/\.csv$/i.test(data)) return 'table';
  throw new DataError(
    `--data ${data}: not a .csv file; give a directory of IDX files, a .csv file, or mnist`,
  );
}

/** The digits of the `mnist` package, split so that the same seed always holds out the same ones. */
async function loadDigits({ test, seed }: SourceOptions): Promise<Source> {
  return pictures('mnist', split(await loadMnistPackage(), test, seed));
}

/** The four files bring a test split of their own; `test` takes the first so many of it. */
async function loadDirectory({ data, test }: SourceOptions): Promise<Source> {
  const { train, test: held } = await loadIDX(data);
  return pictures(basename(data), { train, test: test === undefined ? held : first(held, test) });
}

function pictures(name: string, { train, test }: { train: ImageDataset; test: ImageDataset }): Source {
  const side = Math.sqrt(train.images.shape[1]);
  let count = 0;
  for (const label of train.labels.data) count = Math.max(count, label + 1);
  return {
    name,
    train: { inputs: train.images, labels: train.labels },
    test: { inputs: test.images, labels: test.labels },
    classes: count <= 10 ? DIGITS : Array.from({ length: count }, (_, i) => String(i)),
    ...(Number.isInteger(side) ? { picture: [side, side] as const } : {}),
  };
}

async function loadTable({ data, label, test, seed }: SourceOptions): Promise<Source> {
  const table = await readTable(data);
  const column = labelColumn(table, label);
  const features = table.columns.filter((each) => each !== column);
  if (features.length === 0)
    throw new DataError(`${table.name}: there is no column beside the label "${column}"`);
  const texts = readLabels(table, column);
  const classes = classesOf(table, column, texts);
  const parts = split(
    { images: readFeatures(table, features), labels: positions(texts, classes) },
    test,
    seed,
  );
  return {
    name: table.name,
    train: { inputs: parts.train.images, labels: parts.train.labels },
    test: { inputs: parts.test.images, labels: parts.test.labels },
    classes,
    features,
    label: column,
  };
}

/** Reads a CSV file. @throws DataError where it cannot be read */
export async function readTable(path: string): Promise<Table> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new DataError(`${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
  });
  return parseTable(text, basename(path));
}

function positions(texts: readonly string[], classes: readonly string[]): Tensor {
  const place = new Map(classes.map((each, i) => [each, i]));
  return new Tensor(
    [texts.length],
    'int32',
    Int32Array.from(texts, (text) => place.get(text)!),
  );
}

function split(
  all: ImageDataset,
  test: number | undefined,
  seed: number,
): { train: ImageDataset; test: ImageDataset } {
  const count = all.labels.size;
  const held = test ?? Math.min(2000, Math.max(1, Math.round(count / 5)));
  if (held >= count) {
    throw new DataError(`--test ${held}: there are ${count} examples; hold out 1 to ${count - 1} of them`);
  }
  return splitDataset({ images: all.images, labels: all.labels }, { test: held, seed, stratify: 'labels' });
}

/** The first `count` examples. */
export function firstExamples(examples: Examples, count: number): Examples {
  const { images, labels } = first({ images: examples.inputs, labels: examples.labels }, count);
  return { inputs: images, labels };
}

function first({ images, labels }: ImageDataset, count: number): ImageDataset {
  const kept = Math.min(count, labels.size);
  const width = images.shape[1];
  return {
    images: new Tensor([kept, width], 'float32', images.data.subarray(0, kept * width)),
    labels: new Tensor([kept], 'int32', labels.data.subarray(0, kept)),
  };
}
