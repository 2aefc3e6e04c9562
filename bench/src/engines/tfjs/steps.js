/** Training steps: variables, variableGrads and the SGD optimizer. */
import { draw } from '../../cases/draw.js';
import { stepData } from '../../cases/steps.js';

/** The tensor of an operand. */
export const tensorOf = (tf, operand) => tf.tensor(draw(operand), operand.shape);

export function prepareStep(tf, testCase) {
  const { batch, sizes } = testCase;
  const data = stepData(testCase);
  const classes = sizes[sizes.length - 1];
  const x = tf.tensor2d(data.x, [batch, sizes[0]]);
  const y =
    testCase.loss === 'crossEntropy'
      ? tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(data.y, 'int32'), classes), 'float32'))
      : tf.tensor2d(data.y, [batch, classes]);
  const layers = data.layers.map(({ inputs, outputs, w, b }) => ({
    w: tf.variable(tf.tensor2d(w, [inputs, outputs])),
    b: tf.variable(tf.tensor1d(b)),
  }));
  const variables = layers.flatMap(({ w, b }) => [w, b]);

  function loss() {
    const outputs = layers.reduce((h, { w, b }, i) => {
      const out = tf.add(tf.matMul(h, w), b);
      return i + 1 < layers.length ? tf[testCase.activation](out) : out;
    }, x);
    return testCase.loss === 'crossEntropy'
      ? tf.losses.softmaxCrossEntropy(y, outputs)
      : tf.losses.meanSquaredError(y, outputs);
  }

  return trainingStep(tf, loss, variables, [x, y], testCase);
}

/**
 * The preparation of a network's step.
 * @param {(parameters: object, x: any, sizes: object) => any} outputOf what the network makes of x
 * @param {(tensor: any, name: string) => any} arrange brings what is drawn into the order of axes that tfjs likes
 */
export function prepareNetwork(tf, { outputOf, arrange }, testCase) {
  const variables = Object.fromEntries(
    Object.entries(testCase.parameters).map(([name, each]) => [
      name,
      tf.variable(arrange(tensorOf(tf, each), name)),
    ]),
  );
  const [x, target] = ['x', 'target'].map((name) => arrange(tensorOf(tf, testCase[name]), name));
  const loss = () => tf.losses.meanSquaredError(target, outputOf(variables, x, testCase.sizes));
  return trainingStep(tf, loss, Object.values(variables), [x, target], testCase);
}

/** A step of gradient descent: `once` takes it, and gives the loss before it. */
function trainingStep(tf, loss, variables, data, { learningRate }) {
  const optimizer = tf.train.sgd(learningRate);
  function once() {
    const { value, grads } = tf.variableGrads(loss, variables);
    optimizer.applyGradients(grads);
    const [J] = value.dataSync();
    tf.dispose([value, grads]);
    return J;
  }
  return { once, dispose: () => tf.dispose([data, variables]) };
}
