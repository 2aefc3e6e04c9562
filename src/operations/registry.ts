/**
 * Every operation, once. Exports, fluent methods, the table in the docs and the generated tests are made from this
 * list: to add an operation, declare it in a family file and name it here.
 */
import { elu, erf, gelu, leakyRelu, relu, sigmoid, silu, softplus } from './activation.ts';
import {
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
} from './arithmetic.ts';
import { broadcastTo, sum } from './broadcasting.ts';
import { cast } from './conversion.ts';
import { einsum } from './einsum.ts';
import { mul } from './elementwise.ts';
import { exp, expm1, log, log1p, pow } from './exponential.ts';
import { argmax, argmin, maxWithIndex } from './extremes.ts';
import { iota } from './generators.ts';
import { identity, stopGradient } from './identity.ts';
import { gather, oneHot, scatterAdd } from './indexing.ts';
import { concat, split, stack } from './joining.ts';
import { diagonal, dot, matmul, outer, trace } from './linearAlgebra.ts';
import {
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
} from './logic.ts';
import { crossEntropy, logSoftmax, softmax, squaredError } from './loss.ts';
import { expandDims, reshape, squeeze, transpose } from './movement.ts';
import { all, any, max, mean, min, prod } from './reduction.ts';
import { flip, pad, slice } from './slicing.ts';
import { cumsum, logSumExp, norm, variance } from './statistics.ts';
import { acos, asin, atan, cos, cosh, sin, sinh, tan, tanh } from './trigonometric.ts';

/** Operations by family, in the order in which the docs show them. */
export const families = {
  arithmetic: {
    add,
    sub,
    mul,
    div,
    neg,
    reciprocal,
    abs,
    sign,
    square,
    sqrt,
    rsqrt,
    floor,
    ceil,
    round,
    maximum,
    minimum,
    clip,
  },
  exponential: { exp, expm1, log, log1p, pow },
  trigonometric: { sin, cos, tan, asin, acos, atan, sinh, cosh, tanh },
  activation: { sigmoid, softplus, relu, leakyRelu, elu, gelu, silu, erf },
  logic: {
    where,
    equal,
    notEqual,
    less,
    lessEqual,
    greater,
    greaterEqual,
    logicalAnd,
    logicalOr,
    logicalNot,
    isNaN,
  },
  conversion: { cast, identity, stopGradient, iota },
  reduction: {
    sum,
    mean,
    prod,
    max,
    min,
    maxWithIndex,
    argmax,
    argmin,
    any,
    all,
    logSumExp,
    variance,
    norm,
    cumsum,
  },
  movement: {
    reshape,
    transpose,
    broadcastTo,
    squeeze,
    expandDims,
    concat,
    stack,
    split,
    slice,
    pad,
    flip,
  },
  linearAlgebra: { matmul, outer, dot, einsum, trace, diagonal },
  indexing: { gather, scatterAdd, oneHot },
  loss: { softmax, logSoftmax, crossEntropy, squaredError },
} as const;

/** Every public operation by name. */
export const registry = {
  ...families.arithmetic,
  ...families.exponential,
  ...families.trigonometric,
  ...families.activation,
  ...families.logic,
  ...families.conversion,
  ...families.reduction,
  ...families.movement,
  ...families.linearAlgebra,
  ...families.indexing,
  ...families.loss,
} as const;

export type OperationName = keyof typeof registry;
