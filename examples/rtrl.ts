/**
 * Real-time recurrent learning: the gradient of a recurrent network as it runs, without going back in time.
 *
 * A network of n units sees an input and its own last state, z_t = (x_t, h_t-1), and answers h_t = tanh(W z_t). How W
 * acts on the error at time t, through all earlier states, can be found in two ways:
 *
 *   back-propagation through time   from the last step to the first, over the states of all steps, which it keeps;
 *   real-time recurrent learning    beside the network, forwards: the sensitivities P_kij = dh_k / dW_ij obey
 *                                   P'_kij = (1 - h_k^2) (sum_l W_kl P_lij + delta_ki z_j),
 *                                   and dJ_t / dW_ij = sum_k (h_k - target_k) P_kij is known at time t.
 *
 * The second takes no memory for the past, so that a network can learn while it runs, on a sequence without an end. It
 * is what forward-mode differentiation does; here it is written out, as the body of a loop.
 *
 * See R. J. Williams and D. Zipser, "A learning algorithm for continually running fully recurrent neural networks",
 * Neural Computation 1 (1989).
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  add,
  compile,
  concat,
  gradients,
  iota,
  matmul,
  mul,
  oneHot,
  parameter,
  reshape,
  scan,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  type Variable,
} from 'chainrule';

/** Units; the first one is the answer. */
const n = 6;
/** Inputs: the number to go on from, and 1 for the bias. */
const m = 2;

const zeros = (...shape: number[]): Tensor =>
  tensor(new Float64Array(shape.reduce((a, b) => a * b)), { shape });

/** A sum of two waves, to be foretold one step ahead. */
const wave = (t: number): number => 0.5 * Math.sin(0.3 * t) + 0.3 * Math.sin(0.11 * t + 1);

function sequence(length: number): { x: Tensor; target: Tensor } {
  const at = (shift: number) => Float64Array.from({ length }, (_, t) => wave(t + shift));
  return { x: tensor(at(0), { shape: [length, 1] }), target: tensor(at(1)) };
}

/** Small weights that any run starts from. */
const weights = parameter(
  tensor(
    Float64Array.from({ length: n * (m + n) }, (_, i) => 0.4 * Math.sin(7 * i + 1)),
    { shape: [n, m + n] },
  ),
);

const step = (W: Variable, h: Variable, x: Variable): { z: Variable; next: Variable } => {
  const z = concat([x, tensor([1], { dtype: 'float64' }), h], 0);
  return { z, next: tanh(matmul(W, z)) };
};

/** The answer of the network: its first unit. */
const answer = (h: Variable): Variable => sum(slice(h, [0], [1]));

/** P after one step: the sensitivity of unit k's state to the weight ij, as [k, i, j]. */
function sensitivities(W: Variable, P: Variable, z: Variable, next: Variable): Variable {
  const recurrent = slice(W, [0, m], [n, m + n]);
  const throughStates = reshape(matmul(recurrent, reshape(P, [n, n * (m + n)])), [n, n, m + n]);
  const direct = mul(reshape(oneHot(iota([n]), n, 'float64'), [n, n, 1]), z);
  return mul(reshape(sub(1, square(next)), [n, 1, 1]), add(throughStates, direct));
}

interface Pair {
  readonly x: Variable;
  readonly target: Variable;
}

/** The gradient of the squared errors of all steps, by back-propagation through time. */
function byBackPropagation({ x, target }: Pair): Variable {
  const [, answers] = scan(
    (h: Variable, x: Variable) => {
      const { next } = step(weights, h, x);
      return [next, answer(next)];
    },
    zeros(n),
    x,
  );
  return gradients(mul(0.5, sum(square(sub(answers, target)))), [weights])[0];
}

/** The same gradient, gathered while the network runs. */
function byRealTimeLearning(pair: Pair): Variable {
  const [{ total }] = scan(
    ({ h, P, total }: { h: Variable; P: Variable; total: Variable }, { x, target }: Pair) => {
      const { z, next } = step(weights, h, x);
      const moved = sensitivities(weights, P, z, next);
      const error = sub(answer(next), target);
      return [
        { h: next, P: moved, total: add(total, mul(error, reshape(slice(moved, [0], [1]), [n, m + n]))) },
        null,
      ];
    },
    { h: zeros(n), P: zeros(n, n, m + n), total: zeros(n, m + n) },
    pair,
  );
  return total;
}

/** Learning as the sequence goes by: the weights are part of what the loop carries. Gives the error of each step. */
const learn = compile((pair: Pair) => {
  const [, errors] = scan(
    ({ h, P, W }: { h: Variable; P: Variable; W: Variable }, { x, target }: Pair) => {
      const { z, next } = step(W, h, x);
      const moved = sensitivities(W, P, z, next);
      const error = sub(answer(next), target);
      const slope = mul(error, reshape(slice(moved, [0], [1]), [n, m + n]));
      return [{ h: next, P: moved, W: sub(W, mul(0.1, slope)) }, error];
    },
    { h: zeros(n), P: zeros(n, n, m + n), W: weights },
    pair,
  );
  return errors;
});

const meanSquare = (errors: ArrayLike<number>): number =>
  Array.from(errors).reduce((total, error) => total + error * error, 0) / errors.length;

export interface Outcome {
  /** The largest difference between the two gradients, relative to the largest element. */
  readonly difference: number;
  /** The mean squared error of the first and of the last 100 predictions. */
  readonly first: number;
  readonly last: number;
}

export function main(print: (line: string) => void = console.log): Outcome {
  const data = sequence(100);
  const backward = [...compile(byBackPropagation)(data).data];
  const forward = [...compile(byRealTimeLearning)(data).data];
  const size = Math.max(...backward.map(Math.abs));
  const difference = Math.max(...backward.map((each, i) => Math.abs(each - forward[i]))) / size;
  print(
    `back-propagation through time  ${backward
      .slice(0, 4)
      .map((each) => each.toFixed(12))
      .join('  ')} ...`,
  );
  print(
    `real-time recurrent learning   ${forward
      .slice(0, 4)
      .map((each) => each.toFixed(12))
      .join('  ')} ...`,
  );

  const errors = learn(sequence(20_000)).data;
  const [first, last] = [meanSquare(errors.slice(0, 100)), meanSquare(errors.slice(-100))];
  print(
    `learning while it runs: mean squared error ${first.toExponential(2)} at first, ${last.toExponential(2)} after 20,000 steps`,
  );
  return { difference, first, last };
}

if (argv[1] === fileURLToPath(import.meta.url)) main();
