/** From many elements to few. */
export { sum } from '../broadcasting.ts';
export { cumprod, logCumSumExp } from '../cumulative.ts';
export { argmax, argmin, maxWithIndex } from '../extremes.ts';
export { all, any, max, mean, min, prod } from '../reduction.ts';
export { cumsum, logSumExp, norm, variance } from '../statistics.ts';
