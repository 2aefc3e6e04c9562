/** Tensors to call operations with, drawn from the domains that their declarations state. */
export { drawInputs, drawWeights, MARGIN } from '../../src/check/draw.ts';
