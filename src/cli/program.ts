/** The commands and their options. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { ChainruleError } from '../graph/index.ts';
import { FLOATS, layerSizes, numberFromZero, positiveNumber, shapes, wholeNumber } from './arguments.ts';
import { functionNames } from './functions.ts';
import { type GradOptions, runGrad } from './grad.ts';
import { FORMATS, type GraphOptions, runGraph } from './graph.ts';
import type { IO } from './io.ts';
import { type PredictOptions, runPredict } from './predict.ts';
import { runTrain, type TrainOptions } from './train.ts';
import { OPTIMIZERS } from './training.ts';

type Job = () => Promise<void>;

/**
 * Runs the command with the arguments `argv`, and returns its exit code: 0, 2 where what was asked for cannot be
 * done (one line on stderr says why), or 1 for a fault of the program itself (its stack is shown).
 */
export async function run(argv: readonly string[], io: IO): Promise<number> {
  const chosen: Job[] = [];
  try {
    const program = createProgram(io, (job) => chosen.push(job));
    program.parse(argv.length === 0 ? ['--help'] : shieldMinus(argv), { from: 'user' });
    for (const job of chosen) await job();
    return 0;
  } catch (error) {
    return report(error, io);
  }
}

/** An expression may begin with a minus, as in `-x^2`; a space before it keeps it from looking like an option. */
function shieldMinus(argv: readonly string[]): string[] {
  if (argv[0] !== 'grad' && argv[0] !== 'graph') return [...argv];
  return argv.map((each) => (/^-[^-]/.test(each) && each !== '-h' ? ` ${each}` : each));
}

function report(error: unknown, io: IO): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    io.stderr.write(`chainrule: ${oneLine(error.message).replace(/^error: /, '')}\n`);
    return 2;
  }
  if (error instanceof ChainruleError) {
    io.stderr.write(`chainrule: ${oneLine(error.message)}\n`);
    return 2;
  }
  io.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The commands are parsed first and run afterwards, so that errors of a run carry no trace of the parser. */
function createProgram(io: IO, choose: (job: Job) => void): Command {
  const program = new Command('chainrule')
    .description('Automatic differentiation: train networks, differentiate expressions, draw graphs.')
    .version(version())
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => Math.min(io.stdout.columns ?? 100, 110),
    })
    .exitOverride()
    .addHelpText('after', PROGRAM_EXAMPLES);
  addTrain(program, io, choose);
  addPredict(program, io, choose);
  addGrad(program, io, choose);
  addGraph(program, io, choose);
  return program;
}

function addTrain(program: Command, io: IO, choose: (job: Job) => void): void {
  program
    .command('train')
    .description('Train a multilayer perceptron on digits or on a table, and write a report.')
    .option('--data <source>', 'mnist, a directory of IDX files (MNIST and its kin), or a .csv file', 'mnist')
    .option('--label <column>', 'the label column of a .csv file (default: "label", else the last column)')
    .option('--test <n>', 'examples to hold out (default: 2000, at most a fifth)', wholeNumber(1))
    .addOption(
      new Option('--layers <sizes>', 'hidden sizes (128 or 300,100), or all sizes (784-300-10)')
        .argParser(layerSizes)
        .default(layerSizes('128'), '128'),
    )
    .option('--epochs <n>', 'passes over the training examples (default: 12)', wholeNumber(1))
    .option('--batch <n>', 'examples per step (default: 64)', wholeNumber(1))
    .addOption(new Option('--optimizer <name>', 'how to step').choices(OPTIMIZERS).default('adam'))
    .option(
      '--learning-rate <rate>',
      'the step size (default: 0.001 for adam and adamw, 0.02 with momentum, 0.1 for sgd)',
      positiveNumber,
    )
    .option(
      '--weight-decay <rate>',
      'how fast weights shrink (default: 0.01 for adamw, else 0)',
      numberFromZero,
    )
    .option(
      '--shift <pixels>',
      'move training pictures by up to so many pixels at random (default: 1; tables: 0)',
      wholeNumber(0),
    )
    .option('--seed <n>', 'the same seed gives the same split, weights and order', wholeNumber(0), 0)
    .option('--out <directory>', 'where to write weights, history and report (default: runs/<time>-<data>)')
    .option('--quick', 'a few seconds only: at most 2,000 examples, 5 epochs')
    .option('--profile <file>', 'first measure a step: print its kernels, and write a trace for Perfetto')
    .addHelpText('after', TRAIN_EXAMPLES)
    .action((options: TrainOptions) => choose(() => runTrain(options, io)));
}

function addPredict(program: Command, io: IO, choose: (job: Job) => void): void {
  program
    .command('predict')
    .description('Classify examples with the weights that train wrote.')
    .argument('[files...]', '.csv files, or IDX files of pictures')
    .requiredOption('--weights <file>', 'the weights.safetensors of a run')
    .option('--data <source>', 'mnist, a directory of IDX files, or a .csv file: its held-out examples')
    .option('--limit <n>', 'how many predictions to list (default: 20, with --json all)', wholeNumber(0))
    .option('--json', 'print JSON')
    .addHelpText('after', PREDICT_EXAMPLES)
    .action((files: string[], options: PredictOptions) => choose(() => runPredict(files, options, io)));
}

function addGrad(program: Command, io: IO, choose: (job: Job) => void): void {
  program
    .command('grad')
    .description('The value and the derivatives of an expression, and the graph that computes them.')
    .argument('<expression>', 'such as "x*y + sin(x)"')
    .option('--at <values>', 'a value for every variable: x=2,y=[1,2,3]')
    .option('--order <n>', 'derivatives up to this order, for one scalar variable', wholeNumber(1), 1)
    .addOption(new Option('--dtype <dtype>', 'the precision').choices(FLOATS).default('float64'))
    .option('--json', 'print JSON')
    .addHelpText('after', GRAD_EXAMPLES)
    .action((text: string, options: GradOptions) => choose(() => runGrad(text, options, io)));
}

function addGraph(program: Command, io: IO, choose: (job: Job) => void): void {
  program
    .command('graph')
    .description('Draw or print the graph of an expression, or of a network, with that of its gradients.')
    .argument('[expression]', 'such as "sum(relu(W @ x))"')
    .option(
      '--model <sizes>',
      'a multilayer perceptron with its loss instead, such as 784-128-10',
      layerSizes,
    )
    .option('--at <values>', 'values, whose shapes the variables take: x=[1,2,3]')
    .option('--shapes <shapes>', 'shapes of the variables, scalars by default: x=3,W=4x3', shapes)
    .addOption(new Option('--dtype <dtype>', 'the precision').choices(FLOATS).default('float64'))
    .addOption(new Option('--format <format>', 'dot, or as --out ends').choices(FORMATS))
    .option('--out <file>', 'write to a file instead of the terminal')
    .addOption(
      new Option('--direction <way>', 'top to bottom or left to right').choices(['TB', 'LR']).default('TB'),
    )
    .option('--no-backward', 'the forward graph alone')
    .addHelpText('after', GRAPH_EXAMPLES)
    .action((text: string | undefined, options: GraphOptions) => choose(() => runGraph(text, options, io)));
}

const PROGRAM_EXAMPLES = `
Examples:
  chainrule train                                   real digits, a network 784-128-10, a report
  chainrule grad "x*y + sin(x)" --at x=2,y=3        a value, two derivatives, and their graph
  chainrule graph "x*y + sin(x)" --out graph.svg    the same as a picture
  chainrule help train                              more about one command

Exit codes: 0 done; 2 the request cannot be met (one line says why); 1 a fault of chainrule itself.`;

const TRAIN_EXAMPLES = `
Examples:
  chainrule train --quick
  chainrule train --layers 300,100 --optimizer nesterov --learning-rate 0.02 --epochs 20
  chainrule train --data fashion-mnist/             a directory with train-images-idx3-ubyte(.gz) and so on
  chainrule train --data iris.csv --label species --layers 16 --epochs 50

A .csv file has a header row; every column but the label is a numeric feature, standardised with the mean and the
deviation of the training examples. Held-out examples are only ever measured on, never trained on.`;

const PREDICT_EXAMPLES = `
Examples:
  chainrule predict --weights runs/digits/weights.safetensors --data mnist
  chainrule predict --weights runs/iris/weights.safetensors new-flowers.csv --json
  chainrule predict --weights runs/digits/weights.safetensors t10k-images-idx3-ubyte.gz --limit 5

Where labels are known, the accuracy follows. --data mnist means the digits that training held out.`;

const GRAD_EXAMPLES = `
Examples:
  chainrule grad "x*y + sin(x)" --at x=2,y=3
  chainrule grad "sum(w * [1, 2, 3])^2" --at w=[0.1,0.2,0.3]
  chainrule grad "1/(1 + e^-x)" --at x=0.5 --order 3 --json

An expression has numbers, lists [1, 2, 3], variables, pi, e, + - * / ^ (also **), @ for matrix products,
comparisons, and the functions
${wrap(functionNames, 106)}`;

const GRAPH_EXAMPLES = `
Examples:
  chainrule graph "x*y + sin(x)"                    DOT, for Graphviz
  chainrule graph "sum(relu(W @ x))" --shapes W=4x3,x=3 --out layer.svg
  chainrule graph "exp(x)" --format text
  chainrule graph --model 784-128-10 --out network.svg`;

function wrap(words: readonly string[], width: number): string {
  const lines = ['  '];
  words.forEach((word, i) => {
    const text = i < words.length - 1 ? `${word}, ` : word;
    if (lines[lines.length - 1].length + text.length > width) lines.push('  ');
    lines[lines.length - 1] += text;
  });
  return lines.map((line) => line.trimEnd()).join('\n');
}
