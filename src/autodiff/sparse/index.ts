/** Sparse Jacobians and Hessians: structural zeros, colorings, compressed products. */
export {
  type ColumnPattern,
  type CoordinatePattern,
  type SparseMatrix,
  type SparsityPattern,
  spmv,
  toCOO,
  toCSC,
  toDense,
} from './format.ts';
export { hessianPattern, type SparseHessian, sparseHessian } from './hessian.ts';
export { jacobianPattern, type SparseJacobian, sparseJacobian } from './jacobian.ts';
