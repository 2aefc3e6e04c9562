/** Products of matrices and single operations; what is not handed back is waited for. */
import { entryOf } from '../implementation.js';
import { arrayOf } from './steps.js';

/** A jitted function of arrays, called again and again. */
function prepared({ jit, numpy: np, tree }, f, operands, handedBack) {
  const arrays = operands.map((each) => arrayOf(np, each));
  const run = jit(f);
  const call = () => run(...arrays.map((each) => each.ref));
  const read = () => call().data();
  async function once() {
    const result = call();
    await result.blockUntilReady();
    result.dispose();
  }
  return {
    once: handedBack ? read : once,
    asynchronous: true,
    read,
    dispose() {
      tree.dispose(arrays);
      run.dispose();
    },
  };
}

/** @param {import('../../cases/products.js').ProductCase} testCase */
export function prepareProduct(jax, { a, b, transposeA, transposeB, handedBack }) {
  const f = (a, b) => jax.numpy.matmul(transposeA ? a.transpose() : a, transposeB ? b.transpose() : b);
  return prepared(jax, f, [a, b], handedBack);
}

const operationsOf = ({ nn, numpy: np }) => ({
  'sum-all': (x) => x.sum(),
  'sum-rows': (x) => x.sum(1),
  'sum-columns': (x) => x.sum(0),
  'add-row': (x, y) => x.add(y),
  'elementwise-chain': (x, y, z) => nn.relu(x.ref.mul(y).add(z)).mul(0.5).sub(x),
  'matrix-vector': (x, v) => np.matmul(x, v),
  'softmax-rows': (x) => nn.softmax(x),
  'layer-norm': (x, gain, shift) => nn.standardize(x, -1).mul(gain).add(shift),
  'call-overhead': (x) => x.add(1),
});

/** @param {import('../../cases/kernels.js').KernelCase} testCase */
export function prepareKernel(jax, { of, operands, handedBack }) {
  return prepared(jax, entryOf(operationsOf(jax), of), operands, handedBack);
}
