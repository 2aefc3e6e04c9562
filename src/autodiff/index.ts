/** The second floor: derivatives as graphs. */
export { type GradientOptions, type GradientsOf, gradients } from './backprop.ts';
export { operationCount } from './cost.ts';
export { explainGradient } from './explain.ts';
export type { Cut, GradientExplanation, GradientStatus, Step } from './explanation.ts';
export {
  type Argument,
  type Arguments,
  type GradOptions,
  grad,
  type TensorFunction,
  valueAndGrad,
} from './grad.ts';
export { type HessianDiagonalOptions, type HessianOptions, hessian, hessianDiagonal } from './hessian.ts';
export { gaussNewtonProduct, hvp } from './hessianProducts.ts';
export {
  type JacobianCost,
  type JacobianMode,
  type JacobianOf,
  type JacobianOptions,
  jacobian,
  jacobianCost,
} from './jacobian.ts';
export { jvp, linearize, vjp } from './products.ts';
export {
  type ColumnPattern,
  type CoordinatePattern,
  hessianPattern,
  jacobianPattern,
  type SparseHessian,
  type SparseJacobian,
  type SparseMatrix,
  type SparsityPattern,
  sparseHessian,
  sparseJacobian,
  spmv,
  toCOO,
  toCSC,
  toDense,
} from './sparse/index.ts';
export { type MappedAxes, type MappedAxis, type VmapOptions, vmap } from './vmap.ts';
