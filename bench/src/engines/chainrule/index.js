/** chainrule itself, as a user would write it. */
import { readFile } from 'node:fs/promises';
import { describeEngine } from '../../../../dist/index.js';
import { NotHere } from '../implementation.js';
import { measureBuild } from './build.js';
import { measureCompile } from './compiling.js';
import { prepareGradient, prepareJacobian } from './derivatives.js';
import { prepareKernel, prepareProduct } from './kernels.js';
import { convolution, lstm, transformer } from './networks.js';
import { prepareNetwork, prepareStep } from './steps.js';

/**
 * @param {{ variant: string, threads: number, blas: boolean, relaxed: boolean }} wanted
 * @returns {Promise<import('../implementation.js').Implementation>}
 * @throws NotHere if chainrule runs otherwise than wanted here
 */
export async function open({ variant, threads, blas, relaxed }) {
  const engine = describeEngine();
  const unlike = (what) => new NotHere(`chainrule ${variant}: here it has ${what}`);
  if (engine.threads !== threads) throw unlike(`threads: ${engine.threads}`);
  if ((engine.blas !== undefined) !== blas)
    throw unlike(engine.blas === undefined ? 'no BLAS' : engine.blas.name);
  if (relaxed && engine.simd !== 'relaxed') throw unlike(`${engine.simd} SIMD`);
  const packageFile = new URL('../../../../package.json', import.meta.url);
  const { version } = JSON.parse(await readFile(packageFile, 'utf8'));
  return {
    version,
    label: `chainrule ${version} ${variant}${engine.blas === undefined ? '' : ` (${engine.blas.name})`}`,
    families: {
      step: prepareStep,
      transformer: prepareNetwork(transformer),
      convolution: prepareNetwork(convolution),
      lstm: prepareNetwork(lstm),
      product: prepareProduct,
      kernel: prepareKernel,
      jacobian: prepareJacobian,
      gradient: prepareGradient,
    },
    measurements: { build: measureBuild, compile: measureCompile },
  };
}
