/** jax-js on its WebAssembly backend: one jitted function for the whole step, parameters passed through it. */
import { readFile } from 'node:fs/promises';
import { matmulData, stepData } from '../cases.js';
import { asynchronousTask, importPeer } from './engine.js';
import { provideWorkers } from './webWorker.js';

/** @returns {Promise<import('./engine.js').Engine[]>} */
export async function open({ threads }) {
  if (threads > 1) provideWorkers(threads);
  const jax = await importPeer('@jax-js/jax');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  const packageFile = new URL('../package.json', import.meta.resolve('@jax-js/jax'));
  const { version } = JSON.parse(await readFile(packageFile, 'utf8'));
  return [
    {
      name: 'jax-js',
      label: `jax-js ${version} wasm${threads > 1 ? `, ${threads} threads` : ''}`,
      version,
      prepare: async (testCase) =>
        testCase.kind === 'step' ? prepareStep(jax, testCase) : prepareMatmul(jax, testCase),
    },
  ];
}

/**
 * Arrays are counted references: a call consumes its arguments, `.ref` keeps them. Work is done when a result is
 * read: one read runs the whole jitted program, the new parameters included.
 */
async function prepareStep(jax, testCase) {
  const { jit, valueAndGrad, numpy: np, nn, tree } = jax;
  const { batch, sizes, learningRate } = testCase;
  const data = stepData(testCase);
  const activation = testCase.activation === 'relu' ? nn.relu : np.tanh;
  const classes = sizes[sizes.length - 1];
  const x = np.array(data.x, { shape: [batch, sizes[0]] });
  const y =
    testCase.loss === 'crossEntropy'
      ? np.array(data.y, { dtype: np.int32 })
      : np.array(data.y, { shape: [batch, classes] });
  let parameters = data.layers.map(({ inputs, outputs, w, b }) => ({
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

  const step = jit(function step(layers, x, y) {
    const [J, gradients] = valueAndGrad(loss)(tree.ref(layers), x, y);
    return [J, tree.map((value, g) => value.sub(g.mul(learningRate)), layers, gradients)];
  });

  async function once() {
    const [J, next] = step(parameters, x.ref, y.ref);
    parameters = next;
    return (await J.data())[0];
  }
  return asynchronousTask(testCase, once, () => {
    tree.dispose([parameters, x, y]);
    step.dispose();
  });
}

async function prepareMatmul(jax, testCase) {
  const { jit, numpy: np } = jax;
  const { size } = testCase;
  const { a, b } = matmulData(testCase);
  const left = np.array(a, { shape: [size, size] });
  const right = np.array(b, { shape: [size, size] });
  const product = jit(function product(left, right) {
    return np.matmul(left, right);
  });
  return asynchronousTask(
    testCase,
    () => product(left.ref, right.ref).data(),
    () => {
      left.dispose();
      right.dispose();
      product.dispose();
    },
  );
}
