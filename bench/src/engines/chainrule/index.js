/** chainrule itself, as a user would write it. */
import { readFile } from 'node:fs/promises';
import * as chainrule from '../../../../dist/index.js';
import { NotHere } from '../implementation.js';
import { measureBuild } from './build.js';
import { measureCompile } from './compiling.js';
import { prepareGradient, prepareJacobian } from './derivatives.js';
import { prepareKernel, prepareProduct } from './kernels.js';
import { convolution, lstm, transformer } from './networks.js';
import { prepareNetwork, prepareStep } from './steps.js';

/**
 * @param {{ variant: string, threads: number, blas: boolean }} wanted
 * @returns {Promise<import('../implementation.js').Implementation>}
 * @throws NotHere if chainrule runs otherwise than wanted here
 */
export async function open({ variant, threads, blas }) {
  // Without describeEngine there is one engine: one thread, no BLAS.
  const engine = chainrule.describeEngine?.() ?? { threads: 1, blas: 'off' };
  if (engine.threads !== threads)
    throw new NotHere(`chainrule ${variant}: here it has threads: ${engine.threads}`);
  const hasBlas = engine.blas !== undefined && engine.blas !== null && engine.blas !== 'off';
  if (hasBlas !== blas) throw new NotHere(`chainrule ${variant}: here its BLAS is ${hasBlas ? 'on' : 'off'}`);
  const packageFile = new URL('../../../../package.json', import.meta.url);
  const { version } = JSON.parse(await readFile(packageFile, 'utf8'));
  return {
    version,
    label: `chainrule ${version} ${variant}`,
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
