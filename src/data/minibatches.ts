/** Minibatches: the examples of a dataset a few at a time, in a new order every epoch. */
import { at, DataError, type Tensor } from '../graph/index.ts';
import { checkLabels, countExamples, type Dataset, takeExamples } from './dataset.ts';
import { Random } from './random.ts';

export interface MinibatchOptions<Name extends string> {
  /** Examples per batch. */
  batch: number;
  /** The same seed gives the same order in every epoch. Default 0. */
  seed?: number;
  /** A generator to take the seed from; it does not advance. */
  random?: Random;
  /** Whether every epoch has an order of its own; without, rows come as they are. Default true. */
  shuffle?: boolean;
  /** Whether to leave out a last batch that is smaller than the others. Default false. */
  dropLast?: boolean;
  /** Tensors that hold class labels, with the number of classes: checked once, given as int32. */
  classes?: { readonly [K in Name]?: number };
}

/** One epoch's batches; iterating it again starts the next epoch. */
export interface Minibatches<T> extends Iterable<{ [K in keyof T]: Tensor }> {
  /** Examples in the dataset. */
  readonly examples: number;
  /** Batches in an epoch. */
  readonly batches: number;
  /** The batches of epoch `n` (from 0), whatever was iterated before: for resuming. */
  epoch(n: number): Iterable<{ [K in keyof T]: Tensor }>;
}

/**
 * Batches of a dataset. Each `for ... of` walks one epoch; the order depends on the seed and the epoch only.
 *
 * ```ts
 * const batches = minibatches({ x: images, y: labels }, { batch: 32, seed: 1, classes: { y: 10 } });
 * for (let epoch = 0; epoch < 5; epoch++) {
 *   for (const { x, y } of batches) step(x, y);
 * }
 * ```
 * @throws DataError for an empty dataset, tensors of different lengths, or a batch size that leaves no batch
 * @throws NumericalError naming the row of a label that is NaN, a fraction or out of range
 */
export function minibatches<T extends Dataset<T>>(
  data: T,
  options: MinibatchOptions<keyof T & string>,
): Minibatches<T> {
  const { batch, random = new Random(options.seed ?? 0), shuffle = true, dropLast = false } = options;
  const examples = countExamples('minibatches', data);
  if (!Number.isInteger(batch) || batch < 1) {
    throw new DataError(`minibatches: batch: ${batch} is not a whole number of at least 1${at()}`);
  }
  const batches = dropLast ? Math.floor(examples / batch) : Math.ceil(examples / batch);
  if (batches === 0) {
    throw new DataError(
      `minibatches: batch: ${batch} of ${examples} examples with dropLast leaves no batch; make it at most ${examples}${at()}`,
    );
  }
  const checked = withLabelsChecked(data, options.classes ?? {});
  const base = random.fork(0);

  function* epoch(n: number): Generator<{ [K in keyof T]: Tensor }> {
    const order = shuffle
      ? base.fork(n).permutation(examples)
      : Uint32Array.from({ length: examples }, (_, i) => i);
    for (let b = 0; b < batches; b++) {
      yield takeExamples(checked, order.subarray(b * batch, (b + 1) * batch));
    }
  }
  let next = 0;
  return { examples, batches, epoch, [Symbol.iterator]: () => epoch(next++) };
}

function withLabelsChecked<T extends Dataset<T>>(
  data: T,
  classes: { readonly [name: string]: number | undefined },
): T {
  const checked: Record<string, Tensor> = { ...data };
  for (const [name, count] of Object.entries(classes)) {
    if (count === undefined) continue;
    if (!(name in checked)) throw new DataError(`minibatches: classes: ${name} names no tensor${at()}`);
    checked[name] = checkLabels(checked[name], count, name);
  }
  return checked as unknown as T;
}
