/** From many elements to few. */
export { sum } from '../broadcasting.ts';
export { cumprod, cumsum, logCumSumExp } from '../cumulative.ts';
export { argmax, argmin, maxWithIndex } from '../extremes.ts';
export { logSumExp } from '../logSumExp.ts';
export { all, any, max, mean, min, prod } from '../reduction.ts';
export { norm, variance } from '../statistics.ts';
