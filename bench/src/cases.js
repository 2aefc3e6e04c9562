/** What is measured: training steps, matrix products, and (chainrule alone) derivatives, large graphs and the making of programs. */

/**
 * One training step: forward, backward and SGD update of a multilayer perceptron with biases, float32. Every
 * call of every engine sees the same batch, and hands back the loss as a JavaScript number.
 *
 * @typedef {object} StepCase
 * @property {'step'} kind
 * @property {string} name
 * @property {number[]} sizes units of each layer, the input's first
 * @property {number} batch
 * @property {'relu' | 'tanh'} activation between the layers
 * @property {'crossEntropy' | 'squaredError'} loss mean over the batch; integer labels, or targets like the output
 * @property {number} learningRate
 */

/** The product of two square matrices, float32, handed back as a Float32Array.
 * @typedef {{ kind: 'matmul', name: string, size: number }} MatmulCase */

/** Gradients of a graph of `size` rungs, chainrule only.
 * @typedef {{ kind: 'build', name: string, graph: 'chain' | 'ladder', size: number }} BuildCase */

/** A derivative beside what it should cost little more than, chainrule only: see derivatives.js.
 * @typedef {{ kind: 'jacobian' | 'gradient', name: string, of: string }} DerivativeCase */

/** A training step made into a program, and run once, chainrule only: see compiling.js.
 * @typedef {{ kind: 'compile', name: string, of: string }} CompileCase */

function step(sizes, batch, options = {}) {
  return {
    kind: 'step',
    name: `step-${sizes.join('-')}-batch-${batch}`,
    sizes,
    batch,
    activation: 'relu',
    loss: 'crossEntropy',
    learningRate: 0.05,
    ...options,
  };
}

const matmul = (size) => ({ kind: 'matmul', name: `matmul-${size}`, size });

const jacobian = (of) => ({ kind: 'jacobian', name: `jacobian-${of}`, of });
const gradient = (of) => ({ kind: 'gradient', name: `gradient-${of}`, of });
const compile = (of) => ({ kind: 'compile', name: `compile-${of}`, of });

/** @type {(StepCase | MatmulCase | BuildCase | DerivativeCase | CompileCase)[]} */
export const cases = [
  step([784, 128, 10], 32),
  step([784, 300, 10], 64),
  step([784, 512, 512, 10], 128),
  step([2, 8, 8, 1], 1, { activation: 'tanh', loss: 'squaredError', learningRate: 0.005 }),
  ...[64, 128, 256, 512, 1024].map(matmul),
  { kind: 'build', name: 'gradients-chain-100000', graph: 'chain', size: 100_000 },
  { kind: 'build', name: 'gradients-ladder-1000', graph: 'ladder', size: 1_000 },
  ...['wide', 'tall', 'square', 'pointwise'].map(jacobian),
  ...['mlp', 'rnn', 'gmm', 'least-squares'].map(gradient),
  ...['mlp-3', 'residual-200', 'residual-exponent'].map(compile),
];

/** Uniform numbers from -scale to scale; the same ones for the same seed (mulberry32). */
export function uniform(length, scale, seed) {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (((bits ^ (bits >>> 14)) >>> 0) / 2 ** 31 - 1) * scale;
  });
}

/**
 * The initial weights, shape [in, out], the biases and the batch.
 * @param {StepCase} testCase
 */
export function stepData({ sizes, batch, loss }) {
  const layers = sizes.slice(1).map((units, i) => ({
    inputs: sizes[i],
    outputs: units,
    w: uniform(sizes[i] * units, Math.sqrt(3 / sizes[i]), i + 1),
    b: uniform(units, 0.1, i + 101),
  }));
  const classes = sizes[sizes.length - 1];
  return {
    layers,
    x: uniform(batch * sizes[0], 1, 1001),
    y:
      loss === 'crossEntropy'
        ? Int32Array.from({ length: batch }, (_, i) => (i * 7 + 3) % classes)
        : uniform(batch * classes, 1, 1002),
  };
}

/**
 * The two factors.
 * @param {MatmulCase} testCase
 */
export function matmulData({ size }) {
  return { a: uniform(size * size, 1, 2001), b: uniform(size * size, 1, 2002) };
}
