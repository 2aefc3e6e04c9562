/** How well a network does: losses, accuracies and confusions, counted from its probabilities. */
import { Tensor } from '../graph/index.ts';

/** Rows of features to rows of logits, as numbers. */
export type Forward = (inputs: Tensor) => Tensor;

/** For each example, the probability of each class. */
export interface Probabilities {
  readonly classes: number;
  readonly data: Float64Array;
}

const ROWS_AT_ONCE = 1000;

/** The softmax of the logits of all rows. */
export function probabilitiesOf(forward: Forward, inputs: Tensor): Probabilities {
  const [rows, width] = inputs.shape;
  let classes = 0;
  let data = new Float64Array(0);
  for (let start = 0; start < rows; start += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, rows - start);
    const part = inputs.data.subarray(start * width, (start + count) * width);
    const logits = forward(new Tensor([count, width], inputs.dtype, part));
    classes = logits.shape[1];
    if (data.length === 0) data = new Float64Array(rows * classes);
    data.set(logits.data, start * classes);
  }
  for (let row = 0; row < rows; row++) softmaxInPlace(data.subarray(row * classes, (row + 1) * classes));
  return { classes, data };
}

function softmaxInPlace(row: Float64Array): void {
  const most = row.reduce((a, b) => Math.max(a, b));
  let total = 0;
  for (let i = 0; i < row.length; i++) {
    row[i] = Math.exp(row[i] - most);
    total += row[i];
  }
  for (let i = 0; i < row.length; i++) row[i] /= total;
}

export interface Prediction {
  /** The likeliest class, the first one of equals. */
  readonly predicted: number;
  readonly probability: number;
}

export function predictionOf({ classes, data }: Probabilities, row: number): Prediction {
  let predicted = 0;
  for (let i = 1; i < classes; i++) {
    if (data[row * classes + i] > data[row * classes + predicted]) predicted = i;
  }
  return { predicted, probability: data[row * classes + predicted] };
}

export interface Measurement {
  /** The mean of -log p(label). */
  readonly loss: number;
  readonly accuracy: number;
  /** `confusion[actual][predicted]`: how many examples. */
  readonly confusion: readonly (readonly number[])[];
}

export function measure(probabilities: Probabilities, labels: Tensor): Measurement {
  const { classes, data } = probabilities;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let loss = 0;
  let right = 0;
  labels.data.forEach((label: number, row: number) => {
    const { predicted } = predictionOf(probabilities, row);
    confusion[label][predicted]++;
    if (predicted === label) right++;
    // Below the smallest float the logarithm would be infinite.
    loss -= Math.log(Math.max(data[row * classes + label], Number.MIN_VALUE));
  });
  return { loss: loss / labels.size, accuracy: right / labels.size, confusion };
}
