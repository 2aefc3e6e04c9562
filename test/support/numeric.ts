/** Numerical differentiation, and measures of how far two results are apart: those of `checkGradients`. */
export { derivative, numericalGradient } from '../../src/check/differences.ts';
export { classOf, largest, relativeError, ulpDistance } from '../../src/check/measures.ts';
export { EPSILON } from '../../src/graph/index.ts';
