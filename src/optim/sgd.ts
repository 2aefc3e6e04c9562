/** Stochastic gradient descent. */

import { at, atLeastZero, belowOne, ChainruleError, checkOptions, flag } from '../graph/index.ts';
import { add, sub } from '../operations/arithmetic.ts';
import { mul } from '../operations/elementwise.ts';
import { createOptimizer, type Optimizer } from './optimizer.ts';

export interface SGDOptions {
  /** The step size: the change of a parameter per unit of its gradient. At least 0. */
  learningRate: number;
  /** The share of the velocity that each step keeps, 0 <= momentum < 1. Default 0. */
  momentum?: number;
  /** Whether to look ahead along the velocity; needs momentum. Default false. */
  nesterov?: boolean;
  /** The weight of an L2 penalty, added to the gradient as weightDecay times w. Default 0. */
  weightDecay?: number;
}

/**
 * Stochastic gradient descent, with PyTorch's form of momentum, in which the learning rate is outside the velocity:
 *
 * - g := g + weightDecay w
 * - v := momentum v + g
 * - w := w - learningRate v, or with Nesterov momentum w - learningRate (g + momentum v)
 *
 * @throws ChainruleError naming an option that is out of range
 * @see Sutskever et al. (2013), "On the importance of initialization and momentum in deep learning"
 */
export function sgd(options: SGDOptions): Optimizer {
  const { learningRate, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  checkOptions(
    'sgd',
    options,
    { learningRate: atLeastZero, momentum: belowOne, nesterov: flag, weightDecay: atLeastZero },
    ['learningRate'],
  );
  if (nesterov && momentum === 0) {
    throw new ChainruleError(`sgd: nesterov looks ahead along the velocity; give a momentum above 0${at()}`);
  }
  return createOptimizer(
    {
      name: 'sgd',
      slots: momentum === 0 ? [] : ['velocity'],
      countsSteps: false,
      scalars: (rate) => ({ rate }),
      step(w, gradient, [velocity], { rate }) {
        const g = weightDecay === 0 ? gradient : add(gradient, mul(weightDecay, w));
        if (velocity === undefined) return { w: sub(w, mul(rate, g)), slots: [] };
        const v = add(mul(momentum, velocity), g);
        return { w: sub(w, mul(rate, nesterov ? add(g, mul(momentum, v)) : v)), slots: [v] };
      },
    },
    learningRate,
  );
}
