/**
 * XOR: the smallest problem that a linear model cannot learn and one hidden layer can.
 *
 *   x1 x2 | y         A line w1 x1 + w2 x2 + b would have to be high at (0, 1) and (1, 0) and low at (0, 0) and
 *   0  0  | 0         (1, 1). But both pairs have the same mean, so the line has the same mean over both pairs: the
 *   0  1  | 1         best that it can do is to answer 0.5 everywhere, which costs 0.25 in mean squared error.
 *   1  0  | 1         A hidden layer first bends the plane, and then a line is enough.
 *   1  1  | 0
 *
 * See Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 6.1.
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { compile, squaredError, tanh, tensor, type Variable, withUpdates } from 'chainrule';
import { type Layer, linear, sequential } from 'chainrule/nn';
import { sgd } from 'chainrule/optim';

const X = tensor([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]);
const y = tensor([[0], [1], [1], [0]]);

export interface Outcome {
  /** The mean squared error after training. */
  readonly loss: number;
  /** The four answers, in the order of the table. */
  readonly answers: readonly number[];
}

/** Trains a model by gradient descent on all four examples at once. */
function train(model: Layer, steps: number): Outcome {
  const optimizer = sgd({ learningRate: 0.3 });
  // Forward pass, backward pass and update become one program; the parameters change in place when it runs.
  const step = compile((x: Variable, target: Variable) => {
    const J = squaredError(model(x), target);
    return withUpdates(J, optimizer.minimize(J));
  });
  let loss = Number.NaN;
  for (let i = 0; i < steps; i++) loss = step(X, y).item();
  const predict = compile((x: Variable) => model(x));
  return { loss, answers: [...predict(X).data] };
}

export function main(print: (line: string) => void = console.log): { linear: Outcome; hidden: Outcome } {
  const outcomes = {
    linear: train(linear(2, 1, { seed: 1 }), 500),
    hidden: train(sequential(linear(2, 4, { seed: 2 }), tanh, linear(4, 1, { seed: 3 })), 2000),
  };
  for (const [name, { loss, answers }] of Object.entries(outcomes)) {
    const shown = answers.map((answer) => answer.toFixed(3)).join(', ');
    print(`${name.padEnd(6)}  loss ${loss.toFixed(6)}  answers ${shown}`);
  }
  return outcomes;
}

if (argv[1] === fileURLToPath(import.meta.url)) main();
