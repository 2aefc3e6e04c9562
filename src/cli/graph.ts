/** `chainrule graph`: the graph of an expression or of a network, with that of its gradients. */
import { writeFile } from 'node:fs/promises';
import { gradients } from '../autodiff/index.ts';
import {
  type FloatDType,
  input,
  Parameter,
  parametersOf,
  print,
  type Shape,
  type Variable,
} from '../graph/index.ts';
import { registry } from '../operations/index.ts';
import { type DrawOptions, toDOT, toSVG } from '../visualize/index.ts';
import type { Layers } from './arguments.ts';
import { buildExpression, checkNames, gradientsByName, simplifyAll } from './derivatives.ts';
import { parseBindings } from './expression.ts';
import { type IO, printLine, UsageError } from './io.ts';
import { buildNetwork } from './network.ts';

export const FORMATS = ['dot', 'svg', 'text'] as const;

export type Format = (typeof FORMATS)[number];

export interface GraphOptions {
  readonly model?: Layers;
  readonly at?: string;
  readonly shapes?: ReadonlyMap<string, Shape>;
  readonly dtype: FloatDType;
  readonly format?: Format;
  readonly out?: string;
  readonly direction: 'TB' | 'LR';
  /** false for the forward graph alone. */
  readonly backward: boolean;
}

/** Results to draw, by name. */
export interface Figure {
  readonly title: string;
  readonly forward: Readonly<Record<string, Variable>>;
  readonly backward: Readonly<Record<string, Variable>>;
}

export async function runGraph(text: string | undefined, options: GraphOptions, io: IO): Promise<void> {
  if ((text === undefined) === (options.model === undefined)) {
    throw new UsageError('give either an expression, such as "x*y + sin(x)", or --model 784-128-10');
  }
  const figure =
    options.model === undefined
      ? expressionFigure(text!, options)
      : networkFigure(modelSizes(options.model), options.backward);
  const format = options.format ?? formatOf(options.out);
  const content = await render(figure, format, options.direction);
  if (options.out === undefined) {
    io.stdout.write(content);
    return;
  }
  const { out } = options;
  await writeFile(out, content).catch((error: Error) => {
    throw new UsageError(`--out ${out}: cannot write: ${error.message}`);
  });
  printLine(io, `wrote ${out}`);
}

function formatOf(out: string | undefined): Format {
  if (out === undefined) return 'dot';
  if (/\.svg$/i.test(out)) return 'svg';
  return /\.txt$/i.test(out) ? 'text' : 'dot';
}

async function render(figure: Figure, format: Format, direction: 'TB' | 'LR'): Promise<string> {
  const { title, forward, backward } = figure;
  if (format === 'text') {
    const results = { ...forward, ...backward };
    return `# ${title}\n# returns ${Object.keys(results).join(', ')}\n${print(Object.values(results))}\n`;
  }
  const options: DrawOptions = { title, backward, direction };
  return format === 'dot' ? toDOT(forward, options) : toSVG(forward, options);
}

function expressionFigure(text: string, options: GraphOptions): Figure {
  const { dtype } = options;
  const known = new Map<string, Shape>(options.shapes);
  if (options.at !== undefined) {
    for (const [name, { shape }] of parseBindings(options.at, dtype)) known.set(name, shape);
  }
  const built = buildExpression(text, known, dtype);
  checkNames(options.at === undefined ? '--shapes' : '--at', known.keys(), built.expression);
  const gradients = options.backward ? gradientsByName(built) : {};
  const { z, ...backward } = simplifyAll({ z: built.z, ...gradients });
  return { title: `z = ${built.expression.text}`, forward: { z }, backward };
}

function modelSizes({ sizes, whole }: Layers): readonly number[] {
  if (whole) return sizes;
  throw new UsageError(
    `--model ${sizes.join(',')}: give all sizes, inputs and classes too, as in 784-128-10`,
  );
}

const BATCH = 32;

/** A multilayer perceptron under its cross-entropy, for a batch of 32. */
export function networkFigure(sizes: readonly number[], backward: boolean): Figure {
  const network = buildNetwork(sizes, 0);
  const x = input([BATCH, sizes[0]], { name: 'x' });
  const y = input([BATCH], { dtype: 'int32', name: 'labels' });
  const J = registry.crossEntropy(network(x), y);
  const targets = parametersOf([J]).sort((a, b) => a.id - b.id);
  const found = backward ? gradients(J, targets) : [];
  const nameOf = (target: Variable, i: number): string =>
    (target instanceof Parameter ? target.name : undefined) ?? `parameter ${i}`;
  const named = Object.fromEntries(found.map((each, i) => [`dJ/d ${nameOf(targets[i], i)}`, each]));
  const { J: loss, ...simplified } = simplifyAll({ J, ...named });
  return {
    title: `${sizes.join('-')} with relu, cross-entropy of ${BATCH} examples`,
    forward: { J: loss },
    backward: simplified,
  };
}
