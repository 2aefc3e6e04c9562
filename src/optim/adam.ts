/** Adam, and AdamW, which keeps weight decay apart from the gradient. */
import { atLeastZero, belowOne, checkOptions } from '../graph/index.ts';
import { add, div, reciprocal, sqrt, square, sub } from '../operations/arithmetic.ts';
import { mul } from '../operations/elementwise.ts';
import { pow } from '../operations/exponential.ts';
import { createOptimizer, type Optimizer } from './optimizer.ts';

export interface AdamOptions {
  /** The step size, roughly the largest change of an element per step. Default 1e-3. */
  learningRate?: number;
  /** The share of the mean gradient that each step keeps, 0 <= beta1 < 1. Default 0.9. */
  beta1?: number;
  /** The share of the mean squared gradient that each step keeps, 0 <= beta2 < 1. Default 0.999. */
  beta2?: number;
  /** Added to the root of the mean square, so that nothing is divided by 0. Default 1e-8. */
  epsilon?: number;
  /** Adam: the weight of an L2 penalty in the gradient, default 0. AdamW: the decay per unit of learning rate, default 0.01. */
  weightDecay?: number;
}

/**
 * Adam: steps scaled by running means of the gradient and of its square. In step t,
 *
 * - g := g + weightDecay w
 * - m := beta1 m + (1 - beta1) g
 * - v := beta2 v + (1 - beta2) g^2
 * - w := w - learningRate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 *
 * @throws ChainruleError naming an option that is out of range
 * @see Kingma and Ba (2015), "Adam: a method for stochastic optimization", algorithm 1
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adaptive('adam', options, 0);
}

/**
 * AdamW: as {@link adam}, except that the weights shrink by themselves rather than through the gradient, where its
 * scaling would blur the decay: w := w (1 - learningRate weightDecay) before the step.
 *
 * @throws ChainruleError naming an option that is out of range
 * @see Loshchilov and Hutter (2019), "Decoupled weight decay regularization", algorithm 2
 */
export function adamw(options: AdamOptions = {}): Optimizer {
  return adaptive('adamw', options, 0.01);
}

function adaptive(name: 'adam' | 'adamw', options: AdamOptions, usualDecay: number): Optimizer {
  const {
    learningRate = 1e-3,
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    weightDecay = usualDecay,
  } = options;
  checkOptions(name, options, {
    learningRate: atLeastZero,
    beta1: belowOne,
    beta2: belowOne,
    epsilon: atLeastZero,
    weightDecay: atLeastZero,
  });
  const decoupled = name === 'adamw' && weightDecay > 0;
  const coupled = name === 'adam' && weightDecay > 0;
  return createOptimizer(
    {
      name,
      slots: ['firstMoment', 'secondMoment'],
      countsSteps: true,
      // The bias corrections are scalars: computed once per step, they leave one square root and one division per element.
      scalars: (rate, t) => ({
        stepSize: div(rate, sub(1, pow(beta1, t))),
        inverseRoot: reciprocal(sqrt(sub(1, pow(beta2, t)))),
        kept: sub(1, mul(rate, weightDecay)),
      }),
      step(w, gradient, [firstMoment, secondMoment], { stepSize, inverseRoot, kept }) {
        const g = coupled ? add(gradient, mul(weightDecay, w)) : gradient;
        const m = add(mul(beta1, firstMoment), mul(1 - beta1, g));
        const v = add(mul(beta2, secondMoment), mul(1 - beta2, square(g)));
        const change = mul(stepSize, div(m, add(mul(sqrt(v), inverseRoot), epsilon)));
        return { w: sub(decoupled ? mul(w, kept) : w, change), slots: [m, v] };
      },
    },
    learningRate,
  );
}
