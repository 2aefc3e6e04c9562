/** Products of matrices and single operations. */
import { entryOf } from '../implementation.js';
import { layerNormOf } from './networks.js';
import { tensorOf } from './steps.js';

/** A function of tensors, called again and again. */
function prepared(tf, f, operands, handedBack) {
  const tensors = operands.map((each) => tensorOf(tf, each));
  const call = () => tf.tidy(() => f(...tensors));
  function read() {
    const result = call();
    const numbers = result.dataSync();
    result.dispose();
    return numbers;
  }
  return { once: handedBack ? read : () => call().dispose(), read, dispose: () => tf.dispose(tensors) };
}

/** @param {import('../../cases/products.js').ProductCase} testCase */
export function prepareProduct(tf, { a, b, transposeA, transposeB, handedBack }) {
  return prepared(tf, (a, b) => tf.matMul(a, b, transposeA, transposeB), [a, b], handedBack);
}

const operationsOf = (tf) => ({
  'sum-all': (x) => tf.sum(x),
  'sum-rows': (x) => tf.sum(x, 1),
  'sum-columns': (x) => tf.sum(x, 0),
  'add-row': (x, y) => tf.add(x, y),
  'elementwise-chain': (x, y, z) => x.mul(y).add(z).relu().mul(0.5).sub(x),
  'matrix-vector': (x, v) => tf.dot(x, v),
  'softmax-rows': (x) => tf.softmax(x),
  'layer-norm': layerNormOf(tf),
  'call-overhead': (x) => tf.add(x, 1),
});

/** @param {import('../../cases/kernels.js').KernelCase} testCase */
export function prepareKernel(tf, { of, operands, handedBack }) {
  return prepared(tf, entryOf(operationsOf(tf), of), operands, handedBack);
}
