/** TensorFlow.js on its WebAssembly backend. */
import { importPeer } from '../implementation.js';
import { prepareKernel, prepareProduct } from './kernels.js';
import { networksOf } from './networks.js';
import { prepareNetwork, prepareStep } from './steps.js';

/** @returns {Promise<import('../implementation.js').Implementation>} */
export async function open() {
  const tf = await importPeer('@tensorflow/tfjs');
  await importPeer('@tensorflow/tfjs-backend-wasm');
  tf.enableProdMode();
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs: the wasm backend did not start');
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  const version = tf.version['tfjs-core'];
  const networks = Object.entries(networksOf(tf)).map(([kind, network]) => [
    kind,
    (testCase) => prepareNetwork(tf, network, testCase),
  ]);
  return {
    version,
    label: `tfjs ${version} wasm${simd ? ' SIMD' : ''}`,
    families: {
      step: (testCase) => prepareStep(tf, testCase),
      product: (testCase) => prepareProduct(tf, testCase),
      kernel: (testCase) => prepareKernel(tf, testCase),
      ...Object.fromEntries(networks),
    },
  };
}
