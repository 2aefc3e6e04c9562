/** Normalised exponentials and losses. */
export { crossEntropy, logSoftmax, softmax, squaredError } from '../loss.ts';
