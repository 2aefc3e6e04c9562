/** Training steps: one jitted function for the whole step, parameters passed through it. */
import { draw } from '../../cases/draw.js';
import { stepData } from '../../cases/steps.js';

/** The array of an operand. */
export const arrayOf = (np, operand) => np.array(draw(operand), { shape: operand.shape });

/** Arrays are counted references: a call consumes its arguments, `.ref` keeps them. */
export function prepareStep(jax, testCase) {
  const { numpy: np, nn } = jax;
  const { batch, sizes, learningRate } = testCase;
  const data = stepData(testCase);
  const activation = testCase.activation === 'relu' ? nn.relu : np.tanh;
  const classes = sizes[sizes.length - 1];
  const x = np.array(data.x, { shape: [batch, sizes[0]] });
  const y =
    testCase.loss === 'crossEntropy'
      ? np.array(data.y, { dtype: np.int32 })
      : np.array(data.y, { shape: [batch, classes] });
  const parameters = data.layers.map(({ inputs, outputs, w, b }) => ({
    w: np.array(w, { shape: [inputs, outputs] }),
    b: np.array(b),
  }));

  function loss(layers, x, y) {
    const outputs = layers.reduce((h, { w, b }, i) => {
      const out = np.matmul(h, w).add(b);
      return i + 1 < layers.length ? activation(out) : out;
    }, x);
    return testCase.loss === 'crossEntropy'
      ? nn.logSoftmax(outputs).mul(nn.oneHot(y, classes)).sum(-1).mean().neg()
      : np.square(outputs.sub(y)).mean();
  }

  return trainingStep(jax, loss, parameters, [x, y], learningRate);
}

/**
 * The preparation of a network's step.
 * @param {(parameters: object, x: any, sizes: object) => any} outputOf what the network makes of x
 */
export function prepareNetwork(jax, outputOf, testCase) {
  const { numpy: np } = jax;
  const { sizes, learningRate } = testCase;
  const parameters = Object.fromEntries(
    Object.entries(testCase.parameters).map(([name, each]) => [name, arrayOf(np, each)]),
  );
  const [x, target] = [testCase.x, testCase.target].map((each) => arrayOf(np, each));
  const loss = (parameters, x, target) => np.square(outputOf(parameters, x, sizes).sub(target)).mean();
  return trainingStep(jax, loss, parameters, [x, target], learningRate);
}

/**
 * A step of gradient descent: `once` takes it, and gives the loss before it. The loss can be read before the new parameters are
 * there: these are waited for, or their work would fall into somebody else's time.
 */
function trainingStep({ blockUntilReady, jit, valueAndGrad, tree }, loss, initial, [x, y], learningRate) {
  let parameters = initial;
  const step = jit(function step(parameters, x, y) {
    const [J, gradients] = valueAndGrad(loss)(tree.ref(parameters), x, y);
    return [J, tree.map((value, g) => value.sub(g.mul(learningRate)), parameters, gradients)];
  });

  async function once() {
    const [J, next] = step(parameters, x.ref, y.ref);
    parameters = next;
    const [value] = await J.data();
    await blockUntilReady(parameters);
    return value;
  }
  return {
    once,
    asynchronous: true,
    dispose() {
      tree.dispose([parameters, x, y]);
      step.dispose();
    },
  };
}
