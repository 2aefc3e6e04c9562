/** The same elements elsewhere. */

export { broadcastTo } from '../broadcasting.ts';
export { concat, split, stack } from '../joining.ts';
export { expandDims, reshape, squeeze, transpose } from '../movement.ts';
export { flip, pad, slice } from '../slicing.ts';
