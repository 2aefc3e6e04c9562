/** Training steps: forward, backward and SGD update in float32. Handed back: the loss, as a number. */
import { draw, drawn, labelsOf } from './draw.js';

/**
 * A multilayer perceptron with biases. Every call of every engine sees the same batch.
 *
 * @typedef {object} StepCase
 * @property {'step'} kind
 * @property {string} name
 * @property {number[]} sizes units of each layer, the input's first
 * @property {number} batch
 * @property {'relu' | 'tanh'} activation between the layers
 * @property {'crossEntropy' | 'squaredError'} loss mean over the batch; integer labels, or targets like the output
 * @property {number} learningRate
 * @property {number} losses how many losses a check compares: the first, and those after updates
 * @property {'blas'[]} limits the engines that tell how fast the case can be at all
 */

/**
 * A step of another network, whose parameters are `parameters`, by name, and whose loss is the mean of squares of
 * its output minus `target`.
 *
 * @typedef {object} NetworkCase
 * @property {'transformer' | 'convolution' | 'lstm'} kind
 * @property {string} name
 * @property {Record<string, number>} sizes
 * @property {Record<string, import('./draw.js').Drawn>} parameters
 * @property {import('./draw.js').Drawn} x
 * @property {import('./draw.js').Drawn} target
 * @property {number} learningRate
 * @property {number} losses
 */

/** How many losses a check compares, unless the case says otherwise. */
const checkedLosses = 6;

/** @returns {StepCase} */
function step(sizes, batch, options = {}) {
  return {
    kind: 'step',
    name: `step-${sizes.join('-')}-batch-${batch}`,
    sizes,
    batch,
    activation: 'relu',
    loss: 'crossEntropy',
    learningRate: 0.05,
    losses: checkedLosses,
    limits: ['blas'],
    ...options,
  };
}

/** A block of pre-norm attention and a perceptron: h = x + attention(norm x), then h + mlp(norm h). */
function transformer({ width, heads, tokens, batch }) {
  const spread = Math.sqrt(3 / width);
  const hidden = 4 * width;
  return {
    kind: 'transformer',
    name: `transformer-block-${width}-heads-${heads}-tokens-${tokens}-batch-${batch}`,
    sizes: { width, heads, tokens, batch, hidden },
    parameters: {
      gain1: drawn([width], 1, 11),
      shift1: drawn([width], 0.1, 12),
      qkvWeight: drawn([width, 3 * width], spread, 13),
      qkvBias: drawn([3 * width], 0.1, 14),
      outWeight: drawn([width, width], spread, 15),
      outBias: drawn([width], 0.1, 16),
      gain2: drawn([width], 1, 17),
      shift2: drawn([width], 0.1, 18),
      upWeight: drawn([width, hidden], spread, 19),
      upBias: drawn([hidden], 0.1, 20),
      downWeight: drawn([hidden, width], spread / 2, 21),
      downBias: drawn([width], 0.1, 22),
    },
    x: drawn([batch, tokens, width], 1, 23),
    target: drawn([batch, tokens, width], 1, 24),
    learningRate: 2,
    losses: checkedLosses,
  };
}

/** Two convolutions with 3 x 3 kernels, padding that keeps the extent, biases, and relu between them. */
function convolution({ channels, hidden, extent, batch }) {
  return {
    kind: 'convolution',
    name: `convolution-${channels}-${hidden}-${hidden}-extent-${extent}-batch-${batch}`,
    sizes: { channels, hidden, extent, batch },
    parameters: {
      kernel1: drawn([hidden, channels, 3, 3], Math.sqrt(1 / (3 * channels)), 31),
      bias1: drawn([hidden], 0.1, 32),
      kernel2: drawn([hidden, hidden, 3, 3], Math.sqrt(1 / (3 * hidden)), 33),
      bias2: drawn([hidden], 0.1, 34),
    },
    x: drawn([batch, channels, extent, extent], 1, 35),
    target: drawn([batch, hidden, extent, extent], 1, 36),
    learningRate: 0.5,
    losses: checkedLosses,
  };
}

/** A long short-term memory over a sequence, gates in the order input, forget, cell, output; out comes the last state. */
function lstm({ steps, inputs, units, batch }) {
  const spread = Math.sqrt(1 / units);
  return {
    kind: 'lstm',
    name: `lstm-${inputs}-${units}-steps-${steps}-batch-${batch}`,
    sizes: { steps, inputs, units, batch },
    parameters: {
      inputWeight: drawn([inputs, 4 * units], spread, 41),
      stateWeight: drawn([units, 4 * units], spread, 42),
      bias: drawn([4 * units], 0.1, 43),
    },
    x: drawn([steps, batch, inputs], 1, 44),
    target: drawn([batch, units], 1, 45),
    learningRate: 5,
    losses: checkedLosses,
  };
}

/** @type {(StepCase | NetworkCase)[]} */
export const stepCases = [
  step([784, 128, 10], 32),
  step([784, 300, 10], 64),
  step([784, 512, 512, 10], 128),
  step([1024, 1024, 1024, 1024, 10], 256, { losses: 2 }),
  step([2, 8, 8, 1], 1, {
    activation: 'tanh',
    loss: 'squaredError',
    learningRate: 0.005,
    limits: [], // a call of the BLAS takes longer than its product
  }),
  transformer({ width: 256, heads: 4, tokens: 64, batch: 8 }),
  convolution({ channels: 16, hidden: 32, extent: 14, batch: 8 }),
  lstm({ steps: 16, inputs: 64, units: 128, batch: 32 }),
];

/** The layers, weights of shape [in, out], as operands. @param {StepCase} testCase */
export const layersOf = ({ sizes }) =>
  sizes.slice(1).map((units, i) => ({
    inputs: sizes[i],
    outputs: units,
    w: drawn([sizes[i], units], Math.sqrt(3 / sizes[i]), i + 1),
    b: drawn([units], 0.1, i + 101),
  }));

/**
 * The initial weights, shape [in, out], the biases and the batch.
 * @param {StepCase} testCase
 */
export function stepData(testCase) {
  const { sizes, batch, loss } = testCase;
  const classes = sizes[sizes.length - 1];
  return {
    layers: layersOf(testCase).map((layer) => ({ ...layer, w: draw(layer.w), b: draw(layer.b) })),
    x: draw(drawn([batch, sizes[0]], 1, 1001)),
    y: loss === 'crossEntropy' ? labelsOf(batch, classes) : draw(drawn([batch, classes], 1, 1002)),
  };
}
