/** Computed places. */
export { gather, oneHot, scatterAdd } from '../indexing.ts';
