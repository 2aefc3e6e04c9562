/** Training by minibatches: the loop, and the record of how it went. */
import { minibatches, Random } from '../data/index.ts';
import { compile, withUpdates } from '../engine/index.ts';
import { NumericalError, type Tensor, type Variable } from '../graph/index.ts';
import { registry } from '../operations/index.ts';
import { adam, adamw, type Optimizer, sgd } from '../optim/index.ts';
import { type Shift, shiftPictures } from './augment.ts';
import { type Forward, type Measurement, measure, type Probabilities, probabilitiesOf } from './measure.ts';
import type { Network } from './network.ts';
import type { Examples } from './source.ts';

export const OPTIMIZERS = ['sgd', 'momentum', 'nesterov', 'adam', 'adamw'] as const;

export type OptimizerName = (typeof OPTIMIZERS)[number];

/** Learning rates that suit normalised inputs and batches of about 64. */
export const USUAL_RATES: Readonly<Record<OptimizerName, number>> = {
  sgd: 0.1,
  momentum: 0.02,
  nesterov: 0.02,
  adam: 0.001,
  adamw: 0.001,
};

export interface TrainingOptions {
  readonly epochs: number;
  readonly batch: number;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly seed: number;
  /** Pictures move by up to so many pixels, differently in every epoch; 0 for tables. */
  readonly shift: number;
}

/** What to learn from, and what to measure with; the inputs are normalised. */
export interface TrainingData {
  readonly train: Examples;
  readonly test: Examples;
  readonly classes: number;
  readonly shift?: Shift;
}

export interface Step {
  /** Epochs since the beginning, with a fraction. */
  readonly epoch: number;
  /** The loss of the minibatch. */
  readonly loss: number;
}

export interface Epoch {
  readonly epoch: number;
  /** The mean loss of the epoch's minibatches. */
  readonly loss: number;
  /** Loss and accuracy on the held-out examples after the epoch. */
  readonly testLoss: number;
  readonly testAccuracy: number;
  readonly seconds: number;
}

export interface Outcome {
  readonly steps: readonly Step[];
  readonly epochs: readonly Epoch[];
  /** On the held-out examples, with the last weights. */
  readonly test: Measurement;
  readonly probabilities: Probabilities;
}

export interface Observer {
  start(epoch: number, steps: number): void;
  step(loss: number): void;
  end(epoch: Epoch): void;
}

export function createOptimizer(options: TrainingOptions): Optimizer {
  const { optimizer, learningRate, weightDecay } = options;
  if (optimizer === 'adam') return adam({ learningRate, weightDecay });
  if (optimizer === 'adamw') return adamw({ learningRate, weightDecay });
  if (optimizer === 'sgd') return sgd({ learningRate, weightDecay });
  return sgd({ learningRate, weightDecay, momentum: 0.9, nesterov: optimizer === 'nesterov' });
}

/** The network as a compiled function of numbers. */
export function compileForward(network: Network): Forward {
  const run = compile((x: Variable) => network(x));
  return (inputs) => run(inputs) as Tensor;
}

/** One step as a compiled function of images or rows, and their labels: forward, backward and update. */
export function compileStep(network: Network, options: TrainingOptions): (x: Tensor, y: Tensor) => Tensor {
  const optimizer = createOptimizer(options);
  return compile((x: Variable, y: Variable) => {
    const J = registry.crossEntropy(network(x), y);
    return withUpdates(J, optimizer.minimize(J));
  });
}

/**
 * Trains `network` on `train`, and measures it on `test` after every epoch; nothing is ever learnt from `test`.
 * @throws NumericalError where the loss is no longer a finite number
 */
export function trainNetwork(
  network: Network,
  data: TrainingData,
  options: TrainingOptions,
  observer: Observer,
): Outcome {
  const step = compileStep(network, options);
  const forward = compileForward(network);
  const { train, test, shift } = data;
  const batches = minibatches(
    { x: train.inputs, y: train.labels },
    { batch: options.batch, seed: options.seed, classes: { y: data.classes } },
  );
  const random = new Random(options.seed).fork(1);
  const steps: Step[] = [];
  const epochs: Epoch[] = [];
  let probabilities = probabilitiesOf(forward, test.inputs);
  for (let epoch = 1; epoch <= options.epochs; epoch++) {
    const began = performance.now();
    observer.start(epoch, batches.batches);
    let total = 0;
    for (const { x, y } of batches) {
      const loss = step(shift === undefined ? x : shiftPictures(x, shift, random), y).item();
      if (!Number.isFinite(loss)) {
        throw new NumericalError(
          `the loss became ${loss} in epoch ${epoch}, step ${(steps.length % batches.batches) + 1}: ` +
            `the steps are too long; try --learning-rate ${Number((options.learningRate / 10).toPrecision(6))}`,
        );
      }
      total += loss * y.size;
      steps.push({ epoch: (steps.length + 1) / batches.batches, loss });
      observer.step(loss);
    }
    probabilities = probabilitiesOf(forward, test.inputs);
    const { loss: testLoss, accuracy: testAccuracy } = measure(probabilities, test.labels);
    const seconds = (performance.now() - began) / 1000;
    epochs.push({ epoch, loss: total / batches.examples, testLoss, testAccuracy, seconds });
    observer.end(epochs[epochs.length - 1]);
  }
  return { steps, epochs, test: measure(probabilities, test.labels), probabilities };
}
