/** Products of vectors and matrices. */

export { einsum } from '../einsum.ts';
export { diagonal, dot, eye, matmul, outer, trace } from '../linearAlgebra.ts';
