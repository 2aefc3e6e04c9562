/** Systems of linear equations, determinants, and matrices as products of simpler ones. */
export { cholesky } from '../decomposition/cholesky.ts';
export { det, slogdet } from '../decomposition/determinant.ts';
export { eigh } from '../decomposition/eigh.ts';
export { lstsq, pinv } from '../decomposition/leastSquares.ts';
export { qr } from '../decomposition/qr.ts';
export { inv, solve } from '../decomposition/solve.ts';
export { svd } from '../decomposition/svd.ts';
export { triangularSolve, tril, triu } from '../decomposition/triangular.ts';
