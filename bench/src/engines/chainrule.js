/** chainrule itself, as a user would write it: one compiled function for the whole step. */
import { readFile } from 'node:fs/promises';
import {
  compile,
  crossEntropy,
  getBackend,
  matmul,
  mean,
  parameter,
  relu,
  square,
  sub,
  tanh,
  tensor,
  withUpdates,
} from '../../../dist/index.js';
import { linear, sequential } from '../../../dist/nn/index.js';
import { sgd } from '../../../dist/optim/index.js';
import { matmulData, stepData } from '../cases.js';
import { synchronousTask } from './engine.js';

/** The name of chainrule's backend. */
export const backend = getBackend().name;

/** @returns {Promise<import('./engine.js').Engine[]>} */
export async function open() {
  const packageFile = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(await readFile(packageFile, 'utf8'));
  return [
    {
      name: 'chainrule',
      label: `chainrule ${version} ${backend}`,
      version,
      prepare: async (testCase) =>
        testCase.kind === 'step' ? prepareStep(testCase) : prepareMatmul(testCase),
    },
  ];
}

function prepareStep(testCase) {
  const { batch, sizes, learningRate } = testCase;
  const data = stepData(testCase);
  const activation = testCase.activation === 'relu' ? relu : tanh;
  const layers = data.layers.map(({ inputs, outputs, w, b }) => {
    const layer = linear(inputs, outputs);
    layer.weight.set(w);
    layer.bias.set(b);
    return layer;
  });
  const model = sequential(...layers.flatMap((layer, i) => (i === 0 ? [layer] : [activation, layer])));
  const optimizer = sgd({ learningRate });
  const lossOf = testCase.loss === 'crossEntropy' ? crossEntropy : (out, y) => mean(square(sub(out, y)));
  const x = tensor(data.x, { shape: [batch, sizes[0]] });
  const y = tensor(data.y, {
    shape: testCase.loss === 'crossEntropy' ? [batch] : [batch, sizes[sizes.length - 1]],
  });

  const step = compile((x, y) => {
    const J = lossOf(model(x), y);
    return withUpdates(J, optimizer.minimize(J));
  });
  return synchronousTask(testCase, () => step(x, y).item());
}

function prepareMatmul(testCase) {
  const { size } = testCase;
  const data = matmulData(testCase);
  const a = parameter(tensor(data.a, { shape: [size, size] }));
  const b = parameter(tensor(data.b, { shape: [size, size] }));
  const product = compile(() => matmul(a, b));
  return synchronousTask(testCase, () => product().data);
}
