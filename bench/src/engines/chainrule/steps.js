/** Training steps: forward, backward and update in one compiled function. */
import {
  compile,
  crossEntropy,
  mean,
  parameter,
  relu,
  square,
  sub,
  tanh,
  tensor,
  withUpdates,
} from '../../../../dist/index.js';
import { linear, sequential } from '../../../../dist/nn/index.js';
import { sgd } from '../../../../dist/optim/index.js';
import { draw } from '../../cases/draw.js';
import { stepData } from '../../cases/steps.js';

/** @param {import('../../cases/steps.js').StepCase} testCase */
export function prepareStep(testCase) {
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
  return { once: () => step(x, y).item() };
}

/** The tensor of an operand, in float32 unless the case is computed in float64. */
export function tensorOf(operand, { dtype } = {}) {
  const numbers = draw(operand);
  return tensor(dtype === 'float64' ? Float64Array.from(numbers) : numbers, { shape: operand.shape });
}

/**
 * The preparation of a network's step.
 * @param {(parameters: object, x: any, sizes: object) => any} outputOf what the network makes of x
 */
export const prepareNetwork = (outputOf) => (testCase) => {
  const { sizes, learningRate } = testCase;
  const parameters = Object.fromEntries(
    Object.entries(testCase.parameters).map(([name, each]) => [name, parameter(tensorOf(each, testCase))]),
  );
  const [x, target] = [testCase.x, testCase.target].map((each) => tensorOf(each, testCase));
  const optimizer = sgd({ learningRate });
  const step = compile((x, target) => {
    const J = mean(square(sub(outputOf(parameters, x, sizes), target)));
    return withUpdates(J, optimizer.minimize(J));
  });
  return { once: () => step(x, target).item() };
};
