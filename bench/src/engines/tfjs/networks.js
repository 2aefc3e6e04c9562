/** The networks of cases/steps.js, from their input to their output. */

/** Channels last, for images and for kernels. */
function channelsLast(tensor, name) {
  if (tensor.rank !== 4) return tensor;
  return tensor.transpose(name.startsWith('kernel') ? [2, 3, 1, 0] : [0, 2, 3, 1]);
}

const asDrawn = (tensor) => tensor;

export function layerNormOf(tf) {
  return (x, gain, shift) => {
    const { mean, variance } = tf.moments(x, -1, true);
    return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(gain).add(shift);
  };
}

export function networksOf(tf) {
  const layerNorm = layerNormOf(tf);

  /** Over the last axis of x, of any rank. */
  function affine(x, weight, bias) {
    const rows = x.reshape([-1, x.shape.at(-1)]);
    return tf
      .matMul(rows, weight)
      .add(bias)
      .reshape([...x.shape.slice(0, -1), weight.shape[1]]);
  }

  function transformer(p, x, { width, heads, tokens, batch }) {
    const apart = (each) => each.reshape([batch, tokens, heads, width / heads]).transpose([0, 2, 1, 3]);
    const qkv = affine(layerNorm(x, p.gain1, p.shift1), p.qkvWeight, p.qkvBias);
    const [q, k, v] = tf.split(qkv, 3, -1).map(apart);
    const scores = tf.matMul(q, k, false, true).mul(Math.sqrt(heads / width));
    const mixed = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]).reshape([batch, tokens, width]);
    const h = x.add(affine(mixed, p.outWeight, p.outBias));
    const up = affine(layerNorm(h, p.gain2, p.shift2), p.upWeight, p.upBias).relu();
    return h.add(affine(up, p.downWeight, p.downBias));
  }

  function convolution(p, x) {
    const hidden = tf.conv2d(x, p.kernel1, 1, 'same').add(p.bias1).relu();
    return tf.conv2d(hidden, p.kernel2, 1, 'same').add(p.bias2);
  }

  function lstm(p, xs, { units, batch }) {
    let [h, c] = [tf.zeros([batch, units]), tf.zeros([batch, units])];
    for (const x of tf.unstack(xs)) {
      const gates = tf.matMul(x, p.inputWeight).add(p.bias).add(tf.matMul(h, p.stateWeight));
      const [input, forget, cell, output] = tf.split(gates, 4, -1);
      c = forget.sigmoid().mul(c).add(input.sigmoid().mul(cell.tanh()));
      h = output.sigmoid().mul(c.tanh());
    }
    return h;
  }

  return {
    transformer: { outputOf: transformer, arrange: asDrawn },
    convolution: { outputOf: convolution, arrange: channelsLast },
    lstm: { outputOf: lstm, arrange: asDrawn },
  };
}
