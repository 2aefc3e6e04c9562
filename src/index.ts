/** chainrule: automatic differentiation on an explicit graph. */
export * from './autodiff/index.ts';
export {
  Parameter,
  type ParameterOptions,
  type Updates,
  type Feeds,
  type TensorLike,
  constant,
  input,
  parameter,
} from './graph/leaves.ts';
