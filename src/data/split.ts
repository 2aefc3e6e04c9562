/** Held-out splits: examples set aside before training, to measure on what the network has not seen. */
import { at, DataError, type Tensor } from '../graph/index.ts';
import { countExamples, type Dataset, takeExamples } from './dataset.ts';
import { Random } from './random.ts';

export interface SplitOptions<Name> {
  /** How many examples to hold out: a count, or a fraction strictly between 0 and 1. */
  test: number;
  /** The same seed gives the same split. Default 0. */
  seed?: number;
  /** The name of the labels [n] whose proportions both parts should keep; by default rows are drawn at random. */
  stratify?: Name;
}

/**
 * Splits a dataset in two, without overlap, both in random order.
 *
 * ```ts
 * const { train, test } = splitDataset(await loadMnistPackage(), { test: 2000, seed: 1 });
 * ```
 * @throws DataError where `test` leaves either part empty, or `stratify` names no labels
 */
export function splitDataset<T extends Dataset<T>>(
  data: T,
  { test, seed = 0, stratify }: SplitOptions<keyof T & string>,
): { train: { [K in keyof T]: Tensor }; test: { [K in keyof T]: Tensor } } {
  const count = countExamples('splitDataset', data);
  const held = test > 0 && test < 1 ? Math.round(count * test) : test;
  if (!Number.isInteger(held) || held < 1 || held >= count) {
    throw new DataError(
      `splitDataset: test: ${test} of ${count} examples; hold out 1 to ${count - 1} of them, or a fraction between 0 and 1${at()}`,
    );
  }
  const random = new Random(seed);
  const order = random.permutation(count);
  if (stratify !== undefined) {
    const labels: Tensor | undefined = data[stratify];
    if (labels?.shape.length !== 1) {
      throw new DataError(`splitDataset: stratify: ${stratify} does not name labels of shape [n]${at()}`);
    }
    heldFirst(order, labels, held);
    random.shuffle(order.subarray(0, held));
    random.shuffle(order.subarray(held));
  }
  return { train: takeExamples(data, order.slice(held)), test: takeExamples(data, order.slice(0, held)) };
}

/**
 * Reorders `order` so that its first `held` rows have the classes in proportion. Each class gets the whole part of its
 * share; what remains goes to the largest remainders (Hamilton's method of apportionment).
 */
function heldFirst(order: Uint32Array, labels: Tensor, held: number): void {
  const classes = new Map<number, number[]>();
  for (const row of order) {
    const rows = classes.get(labels.data[row]);
    if (rows === undefined) classes.set(labels.data[row], [row]);
    else rows.push(row);
  }
  const shares = [...classes.entries()].map(([label, rows]) => {
    const share = (rows.length * held) / order.length;
    return { label, rows, quota: Math.floor(share), remainder: share % 1 };
  });
  const missing = held - shares.reduce((total, { quota }) => total + quota, 0);
  shares.sort((a, b) => b.remainder - a.remainder || a.label - b.label);
  for (const share of shares.slice(0, missing)) share.quota++;
  order.set(shares.flatMap(({ rows, quota }) => rows.slice(0, quota)));
  order.set(
    shares.flatMap(({ rows, quota }) => rows.slice(quota)),
    held,
  );
}
