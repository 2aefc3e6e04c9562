/** jax-js on its WebAssembly backend. Arrays are counted references: a call consumes its arguments, `.ref` keeps them. */
import { readFile } from 'node:fs/promises';
import { labelOf } from '../engine.js';
import { importPeer } from '../implementation.js';
import { prepareKernel, prepareProduct } from './kernels.js';
import { networksOf } from './networks.js';
import { prepareNetwork, prepareStep } from './steps.js';
import { provideWorkers } from './webWorker.js';

/** @returns {Promise<import('../implementation.js').Implementation>} */
export async function open({ threads }) {
  if (threads > 1) provideWorkers(threads);
  const jax = await importPeer('@jax-js/jax');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  const packageFile = new URL('../package.json', import.meta.resolve('@jax-js/jax'));
  const { version } = JSON.parse(await readFile(packageFile, 'utf8'));
  const networks = Object.entries(networksOf(jax)).map(([kind, outputOf]) => [
    kind,
    (testCase) => prepareNetwork(jax, outputOf, testCase),
  ]);
  return {
    version,
    label: labelOf('jax-js', version, threads),
    families: {
      step: (testCase) => prepareStep(jax, testCase),
      product: (testCase) => prepareProduct(jax, testCase),
      kernel: (testCase) => prepareKernel(jax, testCase),
      ...Object.fromEntries(networks),
    },
  };
}
