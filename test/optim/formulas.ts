/** The optimisers' formulas, once more, as plain float64 loops over one parameter's elements. */
import type { AdamOptions, SGDOptions } from '../../src/optim/index.ts';

/** One step: changes `w` in place, given its gradient. */
export type Step = (w: Float64Array, g: Float64Array) => void;

export function sgdByHand(options: SGDOptions, size: number): Step {
  const { learningRate, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  const v = new Float64Array(size);
  return (w, g) => {
    for (let i = 0; i < size; i++) {
      const gradient = g[i] + weightDecay * w[i];
      v[i] = momentum * v[i] + gradient;
      w[i] -= learningRate * (nesterov ? gradient + momentum * v[i] : v[i]);
    }
  };
}

export function adamByHand(options: AdamOptions, size: number, decoupled: boolean): Step {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const weightDecay = options.weightDecay ?? (decoupled ? 0.01 : 0);
  const m = new Float64Array(size);
  const v = new Float64Array(size);
  let t = 0;
  return (w, g) => {
    t++;
    for (let i = 0; i < size; i++) {
      const gradient = decoupled ? g[i] : g[i] + weightDecay * w[i];
      m[i] = beta1 * m[i] + (1 - beta1) * gradient;
      v[i] = beta2 * v[i] + (1 - beta2) * gradient ** 2;
      const mHat = m[i] / (1 - beta1 ** t);
      const vHat = v[i] / (1 - beta2 ** t);
      if (decoupled) w[i] -= learningRate * weightDecay * w[i];
      w[i] -= (learningRate * mHat) / (Math.sqrt(vHat) + epsilon);
    }
  };
}
