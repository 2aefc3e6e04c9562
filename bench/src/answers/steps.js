/** The losses of a perceptron's training steps, by plain loops in float64. */
import { stepData } from '../cases/steps.js';

/** @param {import('../cases/steps.js').StepCase} testCase */
export function expectedLosses(testCase) {
  const { batch, activation, learningRate, losses } = testCase;
  const { layers, x, y } = stepData(testCase);
  const weights = layers.map((layer) => ({
    ...layer,
    w: Float64Array.from(layer.w),
    b: Float64Array.from(layer.b),
  }));
  const hidden =
    activation === 'relu'
      ? { f: (v) => Math.max(v, 0), slope: (out) => (out > 0 ? 1 : 0) }
      : { f: Math.tanh, slope: (out) => 1 - out * out };
  const lossAndGradient = testCase.loss === 'crossEntropy' ? crossEntropy : squaredError;
  return Array.from({ length: losses }, () => {
    const values = [Float64Array.from(x)];
    weights.forEach((layer, i) => {
      const out = affine(values[i], layer, batch);
      values.push(i + 1 < weights.length ? out.map(hidden.f) : out);
    });
    let { loss, g } = lossAndGradient(values[weights.length], y, batch);
    for (let i = weights.length - 1; i >= 0; i--) {
      const gx = i > 0 ? gradientAtInput(weights[i], g, batch) : undefined;
      descend(weights[i], values[i], g, batch, learningRate);
      if (gx !== undefined) g = gx.map((v, j) => v * hidden.slope(values[i][j]));
    }
    return loss;
  });
}

/** x W + b. Row by row of W, here and below: each row stays in the cache while the batch passes. */
function affine(x, { inputs, outputs, w, b }, batch) {
  const out = Float64Array.from({ length: batch * outputs }, (_, i) => b[i % outputs]);
  for (let i = 0; i < inputs; i++) {
    const row = w.subarray(i * outputs, (i + 1) * outputs);
    for (let n = 0; n < batch; n++) {
      const v = x[n * inputs + i];
      if (v === 0) continue;
      for (let o = 0, at = n * outputs; o < outputs; o++, at++) out[at] += v * row[o];
    }
  }
  return out;
}

function gradientAtInput({ inputs, outputs, w }, g, batch) {
  const gx = new Float64Array(batch * inputs);
  for (let i = 0; i < inputs; i++) {
    const row = w.subarray(i * outputs, (i + 1) * outputs);
    for (let n = 0; n < batch; n++) {
      let sum = 0;
      for (let o = 0, at = n * outputs; o < outputs; o++, at++) sum += g[at] * row[o];
      gx[n * inputs + i] = sum;
    }
  }
  return gx;
}

/** The SGD step of one layer. */
function descend({ inputs, outputs, w, b }, x, g, batch, learningRate) {
  for (let at = 0; at < g.length; at++) b[at % outputs] -= learningRate * g[at];
  for (let i = 0; i < inputs; i++) {
    const row = w.subarray(i * outputs, (i + 1) * outputs);
    for (let n = 0; n < batch; n++) {
      const v = learningRate * x[n * inputs + i];
      if (v === 0) continue;
      for (let o = 0, at = n * outputs; o < outputs; o++, at++) row[o] -= v * g[at];
    }
  }
}

function crossEntropy(logits, labels, batch) {
  const classes = logits.length / batch;
  const g = new Float64Array(logits.length);
  let loss = 0;
  for (let n = 0; n < batch; n++) {
    const row = logits.subarray(n * classes, (n + 1) * classes);
    const top = Math.max(...row);
    const total = row.reduce((sum, v) => sum + Math.exp(v - top), 0);
    loss += (top + Math.log(total) - row[labels[n]]) / batch;
    row.forEach((v, c) => {
      g[n * classes + c] = (Math.exp(v - top) / total - (c === labels[n] ? 1 : 0)) / batch;
    });
  }
  return { loss, g };
}

function squaredError(outputs, targets) {
  const errors = outputs.map((v, i) => v - targets[i]);
  return {
    loss: errors.reduce((sum, e) => sum + e * e, 0) / errors.length,
    g: errors.map((e) => (2 * e) / errors.length),
  };
}
