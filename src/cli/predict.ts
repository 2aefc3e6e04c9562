/** `chainrule predict`: what a trained network makes of examples. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { loadMnistPackage, readIDX } from '../data/index.ts';
import { DataError, formatShape, sizeOf, Tensor } from '../graph/index.ts';
import { readFeatures, readLabels } from './csv.ts';
import { grouped } from './format.ts';
import { type IO, printLine, UsageError } from './io.ts';
import { type Prediction, predictionOf, probabilitiesOf } from './measure.ts';
import { type Description, loadNetwork, normalise } from './network.ts';
import { kindOf, loadSource, readTable } from './source.ts';
import { compileForward } from './training.ts';

export interface PredictOptions {
  readonly weights: string;
  readonly data?: string;
  readonly limit?: number;
  readonly json?: boolean;
}

/** Examples to classify; the labels, where they are known, as positions in the network's classes. */
interface Question {
  readonly name: string;
  readonly inputs: Tensor;
  readonly labels?: ArrayLike<number>;
}

/** How many predictions are listed unless `--limit` says otherwise. */
const LISTED = 20;

export async function runPredict(files: readonly string[], options: PredictOptions, io: IO): Promise<void> {
  if (files.length === 0 && options.data === undefined) {
    throw new UsageError('nothing to predict: name files, or give --data DIRECTORY, mnist or FILE.csv');
  }
  const { network, description } = await loadNetwork(options.weights);
  const forward = compileForward(network);
  const questions = await Promise.all(files.map((file) => readQuestion(file, description)));
  if (options.data !== undefined) questions.push(await readData(options.data, description));
  const answers: object[] = [];
  for (const { name, inputs, labels } of questions) {
    if (inputs.shape[1] !== description.layers[0]) {
      throw new DataError(
        `${name}: examples of ${inputs.shape[1]} numbers, but the network takes ${description.layers[0]}`,
      );
    }
    const probabilities = probabilitiesOf(forward, normalise(inputs, description.normalisation));
    const predictions = Array.from({ length: inputs.shape[0] }, (_, row) => predictionOf(probabilities, row));
    if (options.json === true) answers.push(answerOf(name, predictions, labels, description, options.limit));
    else list(io, name, predictions, labels, description, options.limit ?? LISTED);
  }
  if (options.json === true) printLine(io, JSON.stringify(answers, null, 2));
}

/** The examples that `--data` names; of those that trained the network, only what was held out. */
async function readData(data: string, description: Description): Promise<Question> {
  const kind = await kindOf(data);
  if (kind === 'table') return readQuestion(data, description);
  if (kind === 'mnist' && description.data !== 'mnist') {
    const { images, labels } = await loadMnistPackage();
    return { name: 'mnist', inputs: images, labels: labels.data };
  }
  const { seed, heldOut } = description;
  const { name, test } = await loadSource({ data, seed, ...(kind === 'mnist' ? { test: heldOut } : {}) });
  return { name: `${name}, held-out examples`, inputs: test.inputs, labels: test.labels.data };
}

/** The examples of a CSV file, or of an IDX file of pictures. */
async function readQuestion(file: string, description: Description): Promise<Question> {
  const name = basename(file);
  if (/\.csv$/i.test(file)) return readRows(file, description);
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new DataError(`${file}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
  });
  const pictures = await readIDX(new Uint8Array(bytes), file);
  if (pictures.shape.length < 2) {
    throw new DataError(
      `${file}: expected pictures [n, rows, columns], got shape ${formatShape(pictures.shape)}`,
    );
  }
  const scale = pictures.dtype === 'uint8' ? 255 : 1;
  const data = Float32Array.from(pictures.data, (value) => value / scale);
  return { name, inputs: new Tensor([pictures.shape[0], sizeOf(pictures.shape.slice(1))], 'float32', data) };
}

async function readRows(file: string, { features, label, classes, layers }: Description): Promise<Question> {
  const table = await readTable(file);
  const columns = features ?? table.columns.filter((column) => column !== 'label').slice(0, layers[0]);
  const inputs = readFeatures(table, columns);
  const column = label ?? 'label';
  if (!table.columns.includes(column)) return { name: table.name, inputs };
  const labels = readLabels(table, column).map((text, row) => {
    const position = classes.indexOf(text);
    if (position < 0) {
      throw new DataError(
        `${table.name}: row ${row + 1} (line ${table.lines[row]}): the label "${text}" is none of the network's ` +
          `classes (${classes.slice(0, 12).join(', ')}${classes.length > 12 ? ', ...' : ''})`,
      );
    }
    return position;
  });
  return { name: table.name, inputs, labels };
}

function accuracyOf(predictions: readonly Prediction[], labels: ArrayLike<number>): number {
  return predictions.filter(({ predicted }, row) => predicted === labels[row]).length / predictions.length;
}

function list(
  io: IO,
  name: string,
  predictions: readonly Prediction[],
  labels: ArrayLike<number> | undefined,
  { classes }: Description,
  limit: number,
): void {
  printLine(io, `${name}: ${grouped(predictions.length)} examples`);
  const shown = predictions.slice(0, limit);
  const width = Math.max('prediction'.length, ...classes.map((each) => each.length));
  const wide = String(shown.length).length + 2;
  const header = `${'row'.padStart(wide)}  ${'prediction'.padEnd(width)}  probability`;
  if (shown.length > 0) printLine(io, labels === undefined ? header : `${header}  label`);
  shown.forEach(({ predicted, probability }, row) => {
    const line = `${String(row + 1).padStart(wide)}  ${classes[predicted].padEnd(width)}  ${probability.toFixed(4).padStart(11)}`;
    const wrong = labels !== undefined && labels[row] !== predicted ? '  wrong' : '';
    printLine(io, labels === undefined ? line : `${line}  ${classes[labels[row]]}${wrong}`);
  });
  const more = predictions.length - shown.length;
  if (more > 0) printLine(io, `... and ${grouped(more)} more (--limit ${predictions.length} lists them)`);
  if (labels !== undefined) printLine(io, `accuracy: ${accuracyOf(predictions, labels).toFixed(4)}`);
}

function answerOf(
  name: string,
  predictions: readonly Prediction[],
  labels: ArrayLike<number> | undefined,
  { classes }: Description,
  limit = predictions.length,
): object {
  return {
    name,
    examples: predictions.length,
    ...(labels === undefined ? {} : { accuracy: accuracyOf(predictions, labels) }),
    predictions: predictions.slice(0, limit).map(({ predicted, probability }, row) => ({
      row: row + 1,
      prediction: classes[predicted],
      probability,
      ...(labels === undefined ? {} : { label: classes[labels[row]] }),
    })),
  };
}
