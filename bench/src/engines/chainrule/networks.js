/** The networks of cases/steps.js, from their input to their output. */
import {
  add,
  conv,
  full,
  matmul,
  mean,
  mul,
  relu,
  reshape,
  rsqrt,
  scan,
  sigmoid,
  softmax,
  split,
  sub,
  tanh,
  transpose,
  variance,
} from '../../../../dist/index.js';

const affine = (x, weight, bias) => add(matmul(x, weight), bias);

export function layerNorm(x, gain, shift) {
  const centred = sub(x, mean(x, -1, { keepDims: true }));
  const scale = rsqrt(add(variance(x, -1, { keepDims: true }), 1e-5));
  return add(mul(mul(centred, scale), gain), shift);
}

export function transformer(p, x, { width, heads, tokens, batch }) {
  const apart = (each) => transpose(reshape(each, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
  const qkv = affine(layerNorm(x, p.gain1, p.shift1), p.qkvWeight, p.qkvBias);
  const [q, k, v] = split(qkv, 3, -1).map(apart);
  const scores = mul(matmul(q, transpose(k, [0, 1, 3, 2])), Math.sqrt(heads / width));
  const mixed = transpose(matmul(softmax(scores), v), [0, 2, 1, 3]);
  const h = add(x, affine(reshape(mixed, [batch, tokens, width]), p.outWeight, p.outBias));
  const up = relu(affine(layerNorm(h, p.gain2, p.shift2), p.upWeight, p.upBias));
  return add(h, affine(up, p.downWeight, p.downBias));
}

export function convolution(p, x) {
  const layer = (x, kernel, bias) => add(conv(x, kernel, { padding: 'same' }), reshape(bias, [-1, 1, 1]));
  return layer(relu(layer(x, p.kernel1, p.bias1)), p.kernel2, p.bias2);
}

export function lstm(p, xs, { units, batch }) {
  const step = ([h, c], x) => {
    const gates = add(affine(x, p.inputWeight, p.bias), matmul(h, p.stateWeight));
    const [input, forget, cell, output] = split(gates, 4, -1);
    const next = add(mul(sigmoid(forget), c), mul(sigmoid(input), tanh(cell)));
    const state = mul(sigmoid(output), tanh(next));
    return [[state, next], state];
  };
  const zero = full([batch, units], 0, xs.dtype);
  return scan(step, [zero, zero], xs)[0][0];
}
