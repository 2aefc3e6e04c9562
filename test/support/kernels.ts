/** Results of two backends, held against each other. */
export { disagreement, type Tolerance } from '../../src/check/measures.ts';
