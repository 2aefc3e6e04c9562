/** The network of the command: linear layers with relu between them, and the file that keeps it. */
import { readFile } from 'node:fs/promises';
import { Random, type Random as RandomGenerator, readSafetensors, writeSafetensors } from '../data/index.ts';
import { DataError, Tensor, type TensorLike, type Variable } from '../graph/index.ts';
import { heNormal, linear, parameterValues, sequential, setParameterValues } from '../nn/index.ts';
import { registry } from '../operations/index.ts';

/** A multilayer perceptron: rows of features to rows of logits. */
export type Network = (x: TensorLike) => Variable;

/** Inputs are shifted and scaled to (x - mean) / deviation; one number for all features, or one for each. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** What a weights file says beside the numbers. */
export interface Description {
  readonly layers: readonly number[];
  readonly normalisation: Normalisation;
  readonly classes: readonly string[];
  readonly seed: number;
  /** What it was trained on, and how many examples of it were held out. */
  readonly data: string;
  readonly heldOut: number;
  readonly picture?: readonly [number, number];
  readonly features?: readonly string[];
  readonly label?: string;
}

/** Layers of these sizes; the weights depend on `seed` only. */
export function buildNetwork(sizes: readonly number[], seed: number): Network {
  const random: RandomGenerator = new Random(seed);
  const layers: ((x: Variable) => Variable)[] = [];
  for (let i = 1; i < sizes.length; i++) {
    if (i > 1) layers.push(registry.relu);
    const options = { name: `layer${i}`, random, ...(i < sizes.length - 1 ? { initializer: heNormal } : {}) };
    layers.push(linear(sizes[i - 1], sizes[i], options));
  }
  return sequential(...layers) as unknown as Network;
}

/** How many numbers a network of these sizes learns. */
export function parameterCount(layers: readonly number[]): number {
  let count = 0;
  for (let i = 1; i < layers.length; i++) count += (layers[i - 1] + 1) * layers[i];
  return count;
}

/** How to bring the training examples to mean 0 and deviation 1: each feature by itself, or all together. */
export function measureNormalisation(inputs: Tensor, perFeature: boolean): Normalisation {
  const [rows, width] = inputs.shape;
  const groups = perFeature ? width : 1;
  const mean = new Array<number>(groups).fill(0);
  const deviation = new Array<number>(groups).fill(0);
  const count = (rows * width) / groups;
  const { data } = inputs;
  for (let i = 0; i < data.length; i++) mean[i % groups] += data[i] / count;
  for (let i = 0; i < data.length; i++) deviation[i % groups] += (data[i] - mean[i % groups]) ** 2 / count;
  // A feature that never varies stays 0 rather than becoming NaN.
  return { mean, deviation: deviation.map((square) => (square > 0 ? Math.sqrt(square) : 1)) };
}

export function normalise(inputs: Tensor, { mean, deviation }: Normalisation): Tensor {
  const groups = mean.length;
  const { data } = inputs;
  const scaled = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) scaled[i] = (data[i] - mean[i % groups]) / deviation[i % groups];
  return new Tensor(inputs.shape, 'float32', scaled);
}

const FORMAT = 'chainrule-mlp-1';

/** The bytes of a weights file. */
export function saveNetwork(network: Network, description: Description): Uint8Array {
  const { layers, normalisation, classes, seed, data, heldOut, picture, features, label } = description;
  return writeSafetensors(parameterValues(network), {
    format: FORMAT,
    activation: 'relu',
    layers: layers.join('-'),
    normalisation: JSON.stringify(normalisation),
    classes: JSON.stringify(classes),
    seed: String(seed),
    data,
    heldOut: String(heldOut),
    ...(picture === undefined ? {} : { picture: JSON.stringify(picture) }),
    ...(features === undefined ? {} : { features: JSON.stringify(features) }),
    ...(label === undefined ? {} : { label }),
  });
}

/** Rebuilds a network from its file. @throws DataError where the file is not one that `chainrule train` wrote */
export async function loadNetwork(path: string): Promise<{ network: Network; description: Description }> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new DataError(`--weights ${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
  });
  const { tensors, metadata } = readSafetensors(new Uint8Array(bytes));
  if (metadata.format !== FORMAT) {
    throw new DataError(
      `--weights ${path}: not a file that chainrule train wrote (its metadata lacks format ${FORMAT})`,
    );
  }
  const description = readDescription(path, metadata);
  const network = buildNetwork(description.layers, description.seed);
  setParameterValues(network, tensors);
  return { network, description };
}

function readDescription(path: string, metadata: Readonly<Record<string, string>>): Description {
  try {
    const optional = (key: string): unknown =>
      metadata[key] === undefined ? undefined : JSON.parse(metadata[key]);
    return {
      layers: metadata.layers.split('-').map(Number),
      normalisation: JSON.parse(metadata.normalisation) as Normalisation,
      classes: JSON.parse(metadata.classes) as string[],
      seed: Number(metadata.seed),
      data: metadata.data,
      heldOut: Number(metadata.heldOut),
      picture: optional('picture') as [number, number] | undefined,
      features: optional('features') as string[] | undefined,
      label: metadata.label,
    };
  } catch (error) {
    throw new DataError(`--weights ${path}: its metadata cannot be read: ${String(error)}`);
  }
}
