/** Order along an axis, and what follows it. */
export { addAlongAxis, takeAlongAxis } from '../alongAxis.ts';
export { argsort, median, quantile, sort, topK } from '../sorting.ts';
