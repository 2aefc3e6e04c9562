/** `chainrule/nn`: layers, their first weights, and names for their parameters. */
export {
  constantInitializer,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  normalInitializer,
  ones,
  uniformInitializer,
  zeros,
} from './initializers.ts';
export {
  type Layer,
  type Module,
  type NamedParameters,
  namedParameters,
  parameterValues,
  setParameterValues,
} from './layer.ts';
export { type Linear, type LinearOptions, linear } from './linear.ts';
export { l2Penalty } from './penalty.ts';
export { type RandomSource, setSeed } from './seed.ts';
export { type Sequential, sequential } from './sequential.ts';
