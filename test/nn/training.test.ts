/** The three packages together: data, a network, an optimiser. */
import { describe, expect, it } from 'vitest';
import { loadMnistPackage, minibatches, splitDataset, writeSafetensors } from '../../src/data/index.ts';
import { compile, withUpdates } from '../../src/engine/index.ts';
import { tensor, type Variable } from '../../src/graph/index.ts';
import { heNormal, linear, parameterValues, sequential } from '../../src/nn/index.ts';
import { relu } from '../../src/operations/activation.ts';
import { argmax } from '../../src/operations/extremes.ts';
import { crossEntropy, squaredError } from '../../src/operations/loss.ts';
import { tanh } from '../../src/operations/trigonometric.ts';
import { adam, sgd } from '../../src/optim/index.ts';

describe('training', () => {
  it('learns exclusive or with one hidden layer', () => {
    const model = sequential(linear(2, 8, { seed: 1 }), tanh, linear(8, 1, { seed: 2 }));
    const optimizer = adam({ learningRate: 0.05 });
    const step = compile((x: Variable, y: Variable) => {
      const J = squaredError(model(x), y);
      return withUpdates(J, optimizer.minimize(J));
    });
    const x = tensor([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    const y = tensor([[0], [1], [1], [0]]);
    const first = step(x, y).item();
    for (let i = 0; i < 300; i++) step(x, y);
    expect(first).toBeGreaterThan(0.2);
    expect(step(x, y).item()).toBeLessThan(1e-3);
  });

  it('learns handwritten digits, the same way each time', async () => {
    const { train, test } = splitDataset(await loadMnistPackage(), {
      test: 500,
      seed: 1,
      stratify: 'labels',
    });
    const run = () => {
      const model = sequential(
        linear(784, 32, { initializer: heNormal, seed: 1 }),
        relu,
        linear(32, 10, { seed: 2 }),
      );
      const optimizer = sgd({ learningRate: 0.1, momentum: 0.9 });
      const step = compile((x: Variable, y: Variable) => {
        const J = crossEntropy(model(x), y);
        return withUpdates(J, optimizer.minimize(J));
      });
      const predict = compile((x: Variable) => argmax(model(x), -1));
      const batches = minibatches(train, { batch: 50, seed: 1, classes: { labels: 10 } });
      for (const { images, labels } of batches) step(images, labels);
      const found = predict(test.images).data;
      const right = found.filter((label: number, i: number) => label === test.labels.data[i]).length;
      return { accuracy: right / found.length, bytes: writeSafetensors(parameterValues(model)) };
    };
    const first = run();
    expect(first.accuracy).toBeGreaterThan(0.88);
    const again = run();
    expect(again.accuracy).toBe(first.accuracy);
    expect(Buffer.compare(again.bytes, first.bytes)).toBe(0);
  }, 30_000);
});
