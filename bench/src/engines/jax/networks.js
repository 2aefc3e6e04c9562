/**
 * The networks of cases/steps.js, from their input to their output. Attention is written out: dotProductAttention of
 * jax-js 0.1 does not run in Node 20.
 */

export function networksOf({ nn, lax, numpy: np }) {
  const affine = (x, weight, bias) => np.matmul(x, weight).add(bias);
  const layerNorm = (x, gain, shift) => nn.standardize(x, -1).mul(gain).add(shift);
  return {
    transformer(p, x, { width, heads, tokens, batch }) {
      const apart = (each) => each.reshape([batch, tokens, heads, width / heads]).transpose([0, 2, 1, 3]);
      const qkv = affine(layerNorm(x.ref, p.gain1, p.shift1), p.qkvWeight, p.qkvBias);
      const [q, k, v] = np.split(qkv, 3, -1).map(apart);
      const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(Math.sqrt(heads / width));
      const mixed = np.matmul(nn.softmax(scores, -1), v).transpose([0, 2, 1, 3]);
      const h = x.add(affine(mixed.reshape([batch, tokens, width]), p.outWeight, p.outBias));
      const up = nn.relu(affine(layerNorm(h.ref, p.gain2, p.shift2), p.upWeight, p.upBias));
      return h.add(affine(up, p.downWeight, p.downBias));
    },
    convolution(p, x) {
      const layer = (x, kernel, bias) => lax.conv(x, kernel, [1, 1], 'SAME').add(bias.reshape([-1, 1, 1]));
      return layer(nn.relu(layer(x, p.kernel1, p.bias1)), p.kernel2, p.bias2);
    },
    /** jax-js has no scan: the steps are written out. */
    lstm(p, xs, { steps, units, batch }) {
      let [h, c] = [np.zeros([batch, units]), np.zeros([batch, units])];
      for (let t = 0; t < steps; t++) {
        const gates = affine(xs.ref.slice(t), p.inputWeight.ref, p.bias.ref).add(
          np.matmul(h, p.stateWeight.ref),
        );
        const [input, forget, cell, output] = np.split(gates, 4, -1);
        c = nn
          .sigmoid(forget)
          .mul(c)
          .add(nn.sigmoid(input).mul(np.tanh(cell)));
        h = nn.sigmoid(output).mul(np.tanh(c.ref));
      }
      for (const each of [c, xs, ...Object.values(p)]) each.dispose();
      return h;
    },
  };
}
