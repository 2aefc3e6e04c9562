/** `chainrule train`: trains a multilayer perceptron, keeps it, and writes a report of how it went. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeEngine } from '../index.ts';
import { completeLayers, type Layers } from './arguments.ts';
import type { Shift } from './augment.ts';
import { grouped, plural } from './format.ts';
import { type IO, printLine, UsageError } from './io.ts';
import {
  buildNetwork,
  measureNormalisation,
  type Normalisation,
  normalise,
  parameterCount,
  saveNetwork,
} from './network.ts';
import { profileStep } from './profile.ts';
import { createObserver } from './progress.ts';
import { writeReport } from './report/index.ts';
import type { Run } from './run.ts';
import { firstExamples, loadSource, type Source } from './source.ts';
import {
  type OptimizerName,
  type Outcome,
  type TrainingOptions,
  trainNetwork,
  USUAL_RATES,
} from './training.ts';

export interface TrainOptions {
  readonly data: string;
  readonly label?: string;
  readonly test?: number;
  readonly layers: Layers;
  readonly epochs?: number;
  readonly batch?: number;
  readonly optimizer: OptimizerName;
  readonly learningRate?: number;
  readonly weightDecay?: number;
  readonly seed: number;
  readonly out?: string;
  readonly shift?: number;
  readonly quick?: boolean;
  readonly profile?: string;
}

const EPOCHS = 12;
const BATCH = 64;
const QUICK = { epochs: 5, train: 2000, test: 500 };

export async function runTrain(options: TrainOptions, io: IO): Promise<void> {
  const date = new Date();
  const whole = await loadSource(options);
  const source = options.quick === true ? abridge(whole) : whole;
  const layers = completeLayers(options.layers, source.train.inputs.shape[1], source.classes.length);
  const training = trainingOptions(options, source);
  const directory = options.out ?? join('runs', runName(date, source.name));
  await makeDirectory(directory);
  announce(io, source, layers, training);

  const normalisation = measureNormalisation(source.train.inputs, source.features !== undefined);
  const scaled = {
    train: { ...source.train, inputs: normalise(source.train.inputs, normalisation) },
    test: { ...source.test, inputs: normalise(source.test.inputs, normalisation) },
    classes: source.classes.length,
    shift: shiftOf(source, training, normalisation),
  };
  if (options.profile !== undefined) {
    const batch = firstExamples(scaled.train, training.batch);
    await profileStep(buildNetwork(layers, training.seed), batch, training, options.profile, io);
  }
  const network = buildNetwork(layers, training.seed);
  const began = performance.now();
  const observer = createObserver(io, training.epochs);
  let outcome: Outcome;
  try {
    outcome = trainNetwork(network, scaled, training, observer);
  } finally {
    observer.close();
  }
  const seconds = (performance.now() - began) / 1000;

  const { name: data, classes, picture, features, label } = source;
  const { seed } = training;
  const heldOut = whole.test.labels.size;
  const description = { layers, normalisation, classes, seed, data, heldOut, picture, features, label };
  const run: Run = {
    source,
    layers,
    training,
    outcome,
    command: commandOf(options, layers, training),
    date,
    seconds,
  };
  const files = {
    weights: join(directory, 'weights.safetensors'),
    history: join(directory, 'history.json'),
    report: join(directory, 'report.html'),
  };
  await writeFile(files.weights, saveNetwork(network, description));
  await writeFile(files.history, `${JSON.stringify(historyOf(run), null, 2)}\n`);
  await writeFile(files.report, await writeReport(run));
  printLine(io);
  for (const [what, path] of Object.entries(files)) printLine(io, `${what.padEnd(8)} ${path}`);
  printLine(io);
  printLine(io, `test accuracy: ${outcome.test.accuracy.toFixed(4)}`);
}

/** A part of the examples, for a quick look. */
function abridge(source: Source): Source {
  return {
    ...source,
    train: firstExamples(source.train, QUICK.train),
    test: firstExamples(source.test, QUICK.test),
  };
}

function trainingOptions(options: TrainOptions, { train, picture }: Source): TrainingOptions {
  const examples = train.labels.size;
  const { optimizer, batch = Math.min(BATCH, examples), seed, quick } = options;
  const { shift = picture === undefined ? 0 : 1 } = options;
  if (batch > examples) {
    throw new UsageError(`--batch ${batch}: there are only ${plural(examples, 'example')} to train on`);
  }
  if (shift > 0 && picture === undefined) {
    throw new UsageError(`--shift ${shift}: the examples are no pictures, so they cannot be moved`);
  }
  if (shift > 0 && shift >= Math.min(...picture!)) {
    throw new UsageError(
      `--shift ${shift}: pictures of ${picture!.join(' x ')} pixels would move out of sight`,
    );
  }
  return {
    epochs: options.epochs ?? (quick === true ? QUICK.epochs : EPOCHS),
    batch,
    optimizer,
    learningRate: options.learningRate ?? USUAL_RATES[optimizer],
    weightDecay: options.weightDecay ?? (optimizer === 'adamw' ? 0.01 : 0),
    seed,
    shift,
  };
}

/** How to move the pictures; what comes in at the edges is what a pixel of 0 has become. */
function shiftOf(
  { picture }: Source,
  { shift }: TrainingOptions,
  { mean, deviation }: Normalisation,
): Shift | undefined {
  if (picture === undefined || shift === 0) return undefined;
  return { picture, pixels: shift, background: -mean[0] / deviation[0] };
}

/** `20250131-174502-mnist`. */
function runName(date: Date, data: string): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  const time = `${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
  return `${day}-${time}-${data.replace(/\.csv$/i, '').replace(/[^\w.-]+/g, '_')}`;
}

async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true }).catch((error: Error) => {
    throw new UsageError(`--out ${directory}: cannot make this directory: ${error.message}`);
  });
}

function announce(io: IO, source: Source, layers: readonly number[], training: TrainingOptions): void {
  const { optimizer, learningRate, weightDecay, batch, epochs, seed, shift } = training;
  const { train, test, classes } = source;
  printLine(
    io,
    `data       ${source.name}: ${plural(train.labels.size, 'example')} to train on, ${grouped(test.labels.size)} held out, ` +
      plural(classes.length, 'class').replace(/classs$/, 'classes'),
  );
  printLine(io, `network    ${layers.join('-')} with relu, ${plural(parameterCount(layers), 'parameter')}`);
  const decay = weightDecay > 0 ? `, weight decay ${weightDecay}` : '';
  printLine(
    io,
    `training   ${optimizer}, learning rate ${learningRate}${decay}, batches of ${batch}, ${plural(epochs, 'epoch')}, seed ${seed}` +
      (shift > 0 ? `, pictures moved by up to ${plural(shift, 'pixel')}` : ''),
  );
  printLine(io, `engine     ${describeCompute()}`);
  printLine(io);
}

/** What computes: threads, and whose matrix products. */
function describeCompute(): string {
  const { threads, blas, simd } = describeEngine();
  const products =
    blas === undefined ? `own matrix products (${simd} SIMD)` : `matrix products by ${blas.name}`;
  return `WebAssembly, up to ${plural(threads, 'thread')}, ${products}`;
}

/** The command line that repeats the run, with every setting in it. */
function commandOf(options: TrainOptions, layers: readonly number[], training: TrainingOptions): string {
  const settings: Readonly<Record<string, string | number | undefined>> = {
    data: options.data,
    label: options.label,
    test: options.test,
    layers: layers.join('-'),
    epochs: training.epochs,
    batch: training.batch,
    optimizer: training.optimizer,
    'learning-rate': training.learningRate,
    'weight-decay': training.weightDecay,
    shift: training.shift,
    seed: training.seed,
  };
  const parts = Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name} ${quoted(String(value))}`);
  return ['chainrule train', ...parts, ...(options.quick === true ? ['--quick'] : [])].join(' ');
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What `history.json` holds. */
function historyOf({ source, layers, training, outcome, command, date, seconds }: Run): object {
  return {
    command,
    date: date.toISOString(),
    seconds: Number(seconds.toFixed(3)),
    data: {
      name: source.name,
      train: source.train.labels.size,
      test: source.test.labels.size,
      classes: source.classes,
      label: source.label,
      features: source.features,
    },
    layers,
    parameters: parameterCount(layers),
    ...training,
    epochs: outcome.epochs,
    steps: outcome.steps,
    test: outcome.test,
  };
}
