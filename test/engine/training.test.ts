import { afterEach, describe, expect, test } from 'vitest';
import { wasmEngine } from '../../src/engine/backend.ts';
import { backward, compile, setBackend, withUpdates } from '../../src/engine/index.ts';
import { constant, type FloatDType, Tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { adam, type Optimizer, sgd } from '../../src/optim/index.ts';
import { perceptron, randomTensor } from '../compile/support.ts';
import { relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';

const { add, relu, matmul, squaredError } = registry;

afterEach(() => setBackend('wasm'));

interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
}

function batches(count: number, dtype: FloatDType): Batch[] {
  const random = uniform(9);
  return Array.from({ length: count }, () => ({
    x: randomTensor([8, 4], dtype, random),
    y: randomTensor([8, 2], dtype, random),
  }));
}

/** A small network, its loss, and a compiled step that trains it. */
function network(dtype: FloatDType, optimizer: Optimizer) {
  const { weights, biases } = perceptron([4, 6, 2], dtype);
  const loss = (x: Variable, y: Variable): Variable => {
    const h = relu(add(matmul(x, weights[0]), biases[0]));
    return squaredError(add(matmul(h, weights[1]), biases[1]), y);
  };
  const step = compile((x: Variable, y: Variable) => {
    const J = loss(x, y);
    return withUpdates(J, optimizer.minimize(J));
  });
  return { parameters: [...weights, ...biases], loss, step };
}

describe('a compiled training step', () => {
  const optimizers: [string, () => Optimizer][] = [
    ['sgd', () => sgd({ learningRate: 0.05 })],
    ['momentum', () => sgd({ learningRate: 0.02, momentum: 0.9 })],
    ['adam', () => adam({ learningRate: 0.01 })],
  ];
  for (const [name, make] of optimizers) {
    test.each<[FloatDType, number]>([
      ['float32', 1e-4],
      ['float64', 1e-11],
    ])(`with ${name} in %s follows the reference step by step`, (dtype, tolerance) => {
      const [machine, oracle] = [network(dtype, make()), network(dtype, make())];
      for (const { x, y } of batches(20, dtype)) {
        setBackend('reference');
        const expected = oracle.step(x, y);
        setBackend('wasm');
        const found = machine.step(x, y);
        expect(relativeError(found.data, expected.data)).toBeLessThan(tolerance);
        machine.parameters.forEach((parameter, i) => {
          expect(relativeError(parameter.value.data, oracle.parameters[i].value.data)).toBeLessThan(
            tolerance,
          );
        });
      }
    });
  }

  test('lowers the loss', () => {
    const { step } = network('float32', sgd({ learningRate: 0.05 }));
    const [{ x, y }] = batches(1, 'float32');
    const first = step(x, y).item();
    for (let i = 0; i < 200; i++) step(x, y);
    expect(step(x, y).item()).toBeLessThan(0.5 * first);
  });
});

describe('memory stays as it is', () => {
  const used = (): [number, number] => [wasmEngine().bytesInUse, wasmEngine().buffer.byteLength];
  const collect = (globalThis as { gc?: () => void }).gc;

  test('over 10,000 compiled steps', () => {
    const { step } = network('float32', adam({ learningRate: 0.001 }));
    const data = batches(10, 'float32');
    const run = (from: number, to: number): void => {
      for (let i = from; i < to; i++) step(data[i % 10].x, data[i % 10].y);
    };
    run(0, 100);
    const before = used();
    collect?.();
    const heap = process.memoryUsage().heapUsed;
    run(100, 10_000);
    expect(used()).toEqual(before);
    collect?.();
    // Without a collection, what has become free still counts.
    const slack = collect === undefined ? 150e6 : 5e6;
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(slack);
  });

  test('over 500 rounds that build their graphs anew', () => {
    const { parameters, loss } = network('float32', sgd({ learningRate: 0 }));
    const round = ({ x, y }: Batch): void => {
      backward(loss(constant(x), constant(y)));
      for (const parameter of parameters) {
        const { value, grad } = parameter;
        const next = value.data.map((each, i) => each - 0.01 * grad!.data[i]);
        parameter.set(new Tensor(value.shape, value.dtype, next));
      }
    };
    const data = batches(10, 'float32');
    for (const batch of data) round(batch);
    const before = used();
    for (let i = 0; i < 500; i++) round(data[i % 10]);
    expect(used()).toEqual(before);
  });
});
