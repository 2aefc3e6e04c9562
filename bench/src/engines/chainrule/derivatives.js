/** What derivatives cost, in chainrule alone: Jacobians by either mode, and gradients beside the function itself. */
import {
  add,
  compile,
  crossEntropy,
  jacobian,
  logSumExp,
  matmul,
  mean,
  mul,
  relu,
  scan,
  square,
  sub,
  sum,
  tanh,
  tensor,
  valueAndGrad,
} from '../../../../dist/index.js';
import { labelsOf, sizeOf, uniform } from '../../cases/draw.js';
import { layersOf } from '../../cases/steps.js';
import { entryOf } from '../implementation.js';

/** Draws tensors of a dtype. */
const drawn = (dtype) => (shape, scale, seed) => {
  const values = uniform(sizeOf(shape), scale, seed);
  return tensor(dtype === 'float64' ? Float64Array.from(values) : values, { shape });
};

/** A network of tanh layers, from `sizes[0]` numbers to the last of `sizes`. */
const network = (sizes) => (numbers) => {
  const weights = sizes
    .slice(1)
    .map((units, i) => numbers([sizes[i], units], Math.sqrt(3 / sizes[i]), 3000 + i));
  return (x) => weights.reduce((h, w) => tanh(matmul(h, w)), x);
};

/** Functions of a vector, by the names of the cases. */
const vectorFunctions = {
  wide: { f: network([1000, 100, 10]), inputs: 1000 },
  tall: { f: network([10, 100, 1000]), inputs: 10 },
  square: { f: network([200, 200, 200]), inputs: 200 },
  pointwise: { f: () => (x) => tanh(mul(x, add(1, square(x)))), inputs: 300 },
};

/**
 * Scalar functions with what they are functions of: the gradient is taken of all of `at`. Where kinks may lie between the two
 * points of a difference, its step `h` is small, and it is less sure.
 */
const scalarFunctions = {
  perceptron(numbers, { step }) {
    const { sizes, batch } = step;
    const classes = sizes[sizes.length - 1];
    const operand = ({ shape, scale, seed }) => numbers(shape, scale, seed);
    const at = layersOf(step).flatMap(({ w, b }) => [operand(w), operand(b)]);
    const x = numbers([batch, sizes[0]], 1, 1001);
    const activation = step.activation === 'relu' ? relu : tanh;
    const isClassifier = step.loss === 'crossEntropy';
    const y = isClassifier ? tensor(labelsOf(batch, classes)) : numbers([batch, classes], 1, 1002);
    const lossOf = isClassifier ? crossEntropy : (out, y) => mean(square(sub(out, y)));
    const f = (parameters) => {
      let h = x;
      for (let i = 0; i < parameters.length; i += 2) {
        h = add(matmul(i === 0 ? h : activation(h), parameters[i]), parameters[i + 1]);
      }
      return lossOf(h, y);
    };
    return { f, at, h: 1e-8, tolerance: 1e-4 };
  },
  mlp(numbers) {
    const [x, labels] = [numbers([64, 784], 1, 3101), labelsOf(64, 10)];
    const at = [numbers([784, 300], 0.06, 3102), numbers([300], 0.1, 3103), numbers([300, 10], 0.1, 3104)];
    const f = ([w1, b, w2]) => crossEntropy(matmul(tanh(add(matmul(x, w1), b)), w2), tensor(labels));
    return { f, at };
  },
  rnn(numbers) {
    const [steps, batch, units] = [50, 32, 64];
    const xs = numbers([steps, batch, units], 1, 3201);
    const at = [numbers([units, units], 0.2, 3202), numbers([units, units], 0.2, 3203)];
    const f = ([w, u]) => {
      const step = (h, x) => {
        const next = tanh(add(matmul(h, w), matmul(x, u)));
        return [next, sum(square(next))];
      };
      return sum(scan(step, numbers([batch, units], 0, 3204), xs)[1]);
    };
    return { f, at };
  },
  /** The log-likelihood of a mixture of K Gaussians with diagonal covariances. */
  gmm(numbers) {
    const [n, d, k] = [1000, 16, 25];
    const points = numbers([n, 1, d], 2, 3301);
    const at = [numbers([k], 1, 3302), numbers([k, d], 2, 3303), numbers([k, d], 0.3, 3304)];
    const f = ([logits, means, logScales]) => {
      const z = mul(sub(points, means), logScales.neg().exp());
      const components = sub(logits, add(sum(logScales, 1), mul(0.5, sum(square(z), 2))));
      return sub(sum(logSumExp(components, 1)), mul(n, logSumExp(logits)));
    };
    return { f, at };
  },
  'least-squares'(numbers) {
    const [a, b] = [numbers([2000, 400], 1, 3401), numbers([2000], 1, 3402)];
    return { f: ([x]) => mul(0.5, sum(square(sub(matmul(a, x), b)))), at: [numbers([400], 1, 3403)] };
  },
};

const modes = { auto: 'auto', 'forward mode': 'forward', 'reverse mode': 'reverse' };

/** The Jacobian in the mode that the part names. @param {import('../../cases/alone.js').DerivativeCase} testCase */
export function prepareJacobian({ of, part, dtype = 'float32' }) {
  const numbers = drawn(dtype);
  const { f, inputs } = entryOf(vectorFunctions, of);
  const x = numbers([inputs], 1, 3001);
  const run = compile(jacobian(f(numbers), { mode: entryOf(modes, part) }));
  const once = () => run(x).data;
  return { once, read: once };
}

/** f, with its gradient or alone. @param {import('../../cases/alone.js').DerivativeCase} testCase */
export function prepareGradient(testCase) {
  const { of, part, dtype = 'float32' } = testCase;
  const { f, at } = entryOf(scalarFunctions, of)(drawn(dtype), testCase);
  if (part === 'the function') {
    const alone = compile(f);
    return { once: () => alone(at).item() };
  }
  checkGradient(testCase);
  const both = compile(valueAndGrad(f));
  return { once: () => both(at)[0].item() };
}

/** @throws unless the gradient is, along one direction, what differences say, in float64. */
function checkGradient(testCase) {
  const { f, at, h = 1e-5, tolerance = 1e-6 } = scalarFunctions[testCase.of](drawn('float64'), testCase);
  const [alone, both] = [compile(f), compile(valueAndGrad(f))];
  const directions = at.map(({ shape }, i) => uniform(sizeOf(shape), 1, 3501 + i));
  const moved = (t) =>
    at.map(({ shape, data }, i) =>
      tensor(
        data.map((each, j) => each + t * directions[i][j]),
        { shape },
      ),
    );
  const expected = (alone(moved(h)).item() - alone(moved(-h)).item()) / (2 * h);
  const [, gradient] = both(at);
  const found = gradient.reduce(
    (total, { data }, i) => total + data.reduce((sum, each, j) => sum + each * directions[i][j], 0),
    0,
  );
  if (!(Math.abs(found - expected) <= tolerance * Math.abs(expected))) {
    throw new Error(`${testCase.name}: the slope is ${found} where differences give ${expected}`);
  }
}
