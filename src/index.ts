/** chainrule: automatic differentiation on an explicit graph, compiled to WebAssembly. */
export { type GradientOptions, type GradOptions, grad, gradients, valueAndGrad } from './autodiff/index.ts';
export {
  type BackendName,
  type BackwardOptions,
  backward,
  type CompiledResult,
  compile,
  type Evaluated,
  evaluate,
  getBackend,
  setBackend,
  WithUpdates,
  withUpdates,
} from './engine/index.ts';
export {
  type Application,
  ancestors,
  ChainruleError,
  constant,
  DataError,
  DisconnectedError,
  type DType,
  DTypeError,
  disconnected,
  EvaluationError,
  type Feeds,
  type FloatDType,
  type Gradient,
  type Graph,
  getConsumers,
  getInputs,
  getOperation,
  graphOf,
  input,
  type Nested,
  NumericalError,
  type Operation,
  Parameter,
  type ParameterOptions,
  parameter,
  parametersOf,
  print,
  type Shape,
  ShapeError,
  Tensor,
  type TensorData,
  type TensorLike,
  type TensorOptions,
  tensor,
  UndefinedGradientError,
  type Updates,
  undefinedGradient,
  Variable,
  validate,
  zero,
} from './graph/index.ts';
export { elu, erf, gelu, leakyRelu, relu, sigmoid, silu, softplus } from './operations/activation.ts';
export {
  abs,
  add,
  ceil,
  clip,
  div,
  floor,
  maximum,
  minimum,
  neg,
  reciprocal,
  round,
  rsqrt,
  sign,
  sqrt,
  square,
  sub,
} from './operations/arithmetic.ts';
export { broadcastTo, sum } from './operations/broadcasting.ts';
export { cast } from './operations/conversion.ts';
export { einsum } from './operations/einsum.ts';
export { mul } from './operations/elementwise.ts';
export { exp, expm1, log, log1p, pow } from './operations/exponential.ts';
export { argmax, argmin, maxWithIndex } from './operations/extremes.ts';
export { iota } from './operations/generators.ts';
export { identity, stopGradient } from './operations/identity.ts';
export { full } from './operations/index.ts';
export { gather, oneHot, scatterAdd } from './operations/indexing.ts';
export { concat, split, stack } from './operations/joining.ts';
export { diagonal, dot, matmul, outer, trace } from './operations/linearAlgebra.ts';
export {
  equal,
  greater,
  greaterEqual,
  isNaN,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
  where,
} from './operations/logic.ts';
export { crossEntropy, logSoftmax, softmax, squaredError } from './operations/loss.ts';
export { expandDims, reshape, squeeze, transpose } from './operations/movement.ts';
export { all, any, max, mean, min, prod } from './operations/reduction.ts';
export { flip, pad, slice } from './operations/slicing.ts';
export { cumsum, logSumExp, norm, variance } from './operations/statistics.ts';
export { acos, asin, atan, cos, cosh, sin, sinh, tan, tanh } from './operations/trigonometric.ts';
