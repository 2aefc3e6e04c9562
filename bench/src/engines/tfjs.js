/** TensorFlow.js on its WebAssembly backend: variables, variableGrads and the SGD optimizer. */
import { matmulData, stepData } from '../cases.js';
import { importPeer, synchronousTask } from './engine.js';

/** @returns {Promise<import('./engine.js').Engine[]>} */
export async function open() {
  const tf = await importPeer('@tensorflow/tfjs');
  await importPeer('@tensorflow/tfjs-backend-wasm');
  tf.enableProdMode();
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs: the wasm backend did not start');
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  const version = tf.version['tfjs-core'];
  return [
    {
      name: 'tfjs',
      label: `tfjs ${version} wasm${simd ? ' SIMD' : ''}`,
      version,
      prepare: async (testCase) =>
        testCase.kind === 'step' ? prepareStep(tf, testCase) : prepareMatmul(tf, testCase),
    },
  ];
}

function prepareStep(tf, testCase) {
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
  const optimizer = tf.train.sgd(testCase.learningRate);

  function loss() {
    const outputs = layers.reduce((h, { w, b }, i) => {
      const out = tf.add(tf.matMul(h, w), b);
      return i + 1 < layers.length ? tf[testCase.activation](out) : out;
    }, x);
    return testCase.loss === 'crossEntropy'
      ? tf.losses.softmaxCrossEntropy(y, outputs)
      : tf.losses.meanSquaredError(y, outputs);
  }

  function once() {
    const { value, grads } = tf.variableGrads(loss, variables);
    optimizer.applyGradients(grads);
    const [J] = value.dataSync();
    tf.dispose([value, grads]);
    return J;
  }
  return synchronousTask(testCase, once, () => tf.dispose([x, y, variables]));
}

function prepareMatmul(tf, testCase) {
  const { size } = testCase;
  const data = matmulData(testCase);
  const a = tf.tensor2d(data.a, [size, size]);
  const b = tf.tensor2d(data.b, [size, size]);
  function once() {
    const product = tf.matMul(a, b);
    const numbers = product.dataSync();
    product.dispose();
    return numbers;
  }
  return synchronousTask(testCase, once, () => tf.dispose([a, b]));
}
