/** `chainrule/data`: reading and writing data, splits, minibatches and random numbers. */
export { checkLabels, type Dataset, type ImageDataset, toImageDataset } from './dataset.ts';
export { loadIDX, readIDX } from './idx.ts';
export { type Minibatches, type MinibatchOptions, minibatches } from './minibatches.ts';
export { loadMnistPackage } from './mnist.ts';
export { Random, type RandomState } from './random.ts';
export {
  readSafetensors,
  type SafetensorsFile,
  type SafetensorsMetadata,
  writeSafetensors,
} from './safetensors.ts';
export { type SplitOptions, splitDataset } from './split.ts';
