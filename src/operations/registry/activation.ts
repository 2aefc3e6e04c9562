/** Nonlinearities of networks. */
export { elu, erf, gelu, leakyRelu, relu, sigmoid, silu, softplus } from '../activation.ts';
export { logSigmoid } from '../logarithms.ts';
