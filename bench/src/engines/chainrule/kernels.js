/** Products of matrices and single operations; what is not handed back is written into a parameter. */
import {
  add,
  compile,
  matmul,
  mul,
  parameter,
  relu,
  softmax,
  sub,
  sum,
  tensor,
  transpose,
  withUpdates,
} from '../../../../dist/index.js';
import { sizeOf } from '../../cases/draw.js';
import { entryOf } from '../implementation.js';
import { layerNorm } from './networks.js';
import { tensorOf } from './steps.js';

/** A program that leaves the result of `f` in the engine's memory. */
function kept(f, operands, shape) {
  const parameters = operands.map((each) => parameter(tensorOf(each)));
  const result = parameter(tensor(new Float32Array(sizeOf(shape)), { shape }));
  const run = compile(() => withUpdates([], new Map([[result, f(...parameters)]])));
  return {
    once: () => run(),
    read() {
      run();
      return result.value.data;
    },
  };
}

/** @param {import('../../cases/products.js').ProductCase} testCase */
export function prepareProduct({ m, n, a, b, transposeA, transposeB, handedBack }) {
  const f = (a, b) => matmul(transposeA ? transpose(a) : a, transposeB ? transpose(b) : b);
  if (!handedBack) return kept(f, [a, b], [m, n]);
  const [left, right] = [a, b].map((each) => parameter(tensorOf(each)));
  const product = compile(() => f(left, right));
  const once = () => product().data;
  return { once, read: once };
}

const operations = {
  'sum-all': (x) => sum(x),
  'sum-rows': (x) => sum(x, 1),
  'sum-columns': (x) => sum(x, 0),
  'add-row': (x, y) => add(x, y),
  'elementwise-chain': (x, y, z) => sub(mul(0.5, relu(add(mul(x, y), z))), x),
  'matrix-vector': (x, v) => matmul(x, v),
  'softmax-rows': (x) => softmax(x),
  'layer-norm': layerNorm,
  'call-overhead': (x) => add(x, 1),
};

/** @param {import('../../cases/kernels.js').KernelCase} testCase */
export function prepareKernel({ of, operands, result, handedBack }) {
  const f = entryOf(operations, of);
  if (!handedBack) return kept(f, operands, result);
  const arguments_ = operands.map((each) => tensorOf(each));
  const run = compile(f);
  const once = () => run(...arguments_).data;
  return { once, read: once };
}
