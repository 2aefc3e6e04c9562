/** Gradients of sample calls against finite differences, to second order, in float64. */
import { gradients } from '../../src/autodiff/index.ts';
import {
  DisconnectedError,
  DTypeError,
  input,
  isFloat,
  type Site,
  type Tensor,
  UndefinedGradientError,
  type Variable,
  withSite,
} from '../../src/graph/index.ts';
import type { Sample } from '../../src/operations/index.ts';
import { reference } from './backends.ts';
import { build, type Call, weighable, weightedSum } from './build.ts';
import { drawInputs } from './draw.ts';
import { largest, numericalGradient, relativeError } from './numeric.ts';
import { uniform } from './random.ts';

export interface DerivativeErrors {
  /** Worst relative error of the gradient against finite differences of the value. */
  readonly first: number;
  /** Worst relative error of the gradient's gradient against finite differences of the gradient. */
  readonly second: number;
  /** |u^T H v - v^T H u|, relative to the larger of |H u| and |H v|. */
  readonly asymmetry: number;
}

const NOWHERE: Site = { location: () => undefined, toString: () => '' };

/** z as a number. Compositions build graphs as they are evaluated; without the caller's line that is much faster. */
const number = (z: Variable, feeds: Call['feeds']): number =>
  withSite(NOWHERE, () => reference.evaluate([z], feeds)[0].data[0]);

/** The worst error of symbolic against numerical derivatives of z with respect to each target. */
function worstError(
  z: Variable,
  symbolic: readonly Variable[],
  targets: readonly Variable[],
  { feeds }: Call,
): number {
  const found = reference.evaluate(symbolic, feeds);
  return targets.reduce((worst, target, i) => {
    const expected = numericalGradient(() => number(z, feeds), feeds.get(target)!.data);
    return Math.max(worst, relativeError(found[i].data, expected));
  }, 0);
}

/** Checks first and second derivatives of `sample` with respect to every float input; undefined if it has none. */
export function derivativeErrors(sample: Sample, seed: number): DerivativeErrors | undefined {
  const call = build(sample, drawInputs(sample, 'float64', seed));
  const targets = call.inputs.filter((each) => isFloat(each.dtype));
  if (targets.length === 0) return undefined;
  const random = uniform(seed + 1);
  const zeros = { disconnected: 'zero' } as const;

  const z = weightedSum(weighable(call.outputs), random);
  const gradient = gradients(z, targets, zeros);
  const first = worstError(z, gradient, targets, call);

  const v = uniform(seed + 2);
  const u = uniform(seed + 3);
  const alongV = weightedSum(gradient, v);
  const alongU = weightedSum(gradient, u);
  const hessianV = gradients(alongV, targets, zeros);
  const hessianU = gradients(alongU, targets, zeros);
  const second = worstError(alongV, hessianV, targets, call);

  const across = [weightedSum(hessianV, uniform(seed + 3)), weightedSum(hessianU, uniform(seed + 2))];
  const numbers = reference.evaluate([...across, ...hessianV, ...hessianU], call.feeds);
  const scale = Math.max(1e-3, ...numbers.slice(2).map(({ data }) => largest(data)));
  return { first, second, asymmetry: Math.abs(numbers[0].data[0] - numbers[1].data[0]) / scale };
}

/** What `gradients` says of a derivative that is not there. */
export type Absence = 'reported as undefined' | 'reported as disconnected' | 'zero';

/**
 * How the derivative of each input of `sample` is absent. Integer inputs are drawn as floats where the operation
 * takes them, so that a derivative could be asked for.
 * @throws Error where there is a derivative after all.
 */
export function absences(sample: Sample, seed: number): Absence[] {
  const call = callWithFloats(sample, seed);
  const z = weightedSum(weighable(call.outputs), uniform(seed + 1));
  const targets = call.inputs.length > 0 ? call.inputs : [input([], { dtype: 'float64' })];
  return targets.map((target) => {
    try {
      const [gradient] = reference.evaluate(gradients(z, [target]), call.feeds);
      if (largest(gradient.data) === 0) return 'zero';
    } catch (error) {
      if (error instanceof UndefinedGradientError) return 'reported as undefined';
      if (error instanceof DisconnectedError) return 'reported as disconnected';
      throw error;
    }
    throw new Error(`there is a derivative with respect to ${target.toString()}`);
  });
}

function callWithFloats(sample: Sample, seed: number): Call {
  const asFloats: Sample = {
    ...sample,
    inputs: sample.inputs.map(({ shape, domain }) => ({ shape, domain: { ...domain, dtype: 'float' } })),
  };
  try {
    return build(asFloats, drawInputs(asFloats, 'float64', seed));
  } catch (error) {
    if (!(error instanceof DTypeError)) throw error;
    return build(sample, drawInputs(sample, 'float64', seed));
  }
}

/** The integer inputs of `sample`: a gradient with respect to them must be refused. */
export function integerTargets(
  sample: Sample,
  tensors: readonly Tensor[],
): { z: Variable; targets: Variable[] } {
  const { inputs, outputs } = build(sample, tensors);
  const z = weightedSum(weighable(outputs), uniform(1));
  return { z, targets: inputs.filter((each) => !isFloat(each.dtype)) };
}
