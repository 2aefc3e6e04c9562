/**
 * All rules, in the order in which they are tried. They are made when they are first asked for: a program that only imports
 * the library waits for none of them.
 */
import { once } from '../../graph/index.ts';
import type { Rule } from '../rule.ts';
import { broadcastingRules } from './broadcasting.ts';
import { cancellationRules } from './cancellation.ts';
import { castRules } from './casts.ts';
import { choiceRules } from './choice.ts';
import { collectionRules } from './collection.ts';
import { exponentialRules } from './exponentials.ts';
import { dataFactorRules, factorRules } from './factors.ts';
import { fastMathRules, finalFastMathRules } from './fastMath.ts';
import { hyperbolicRules } from './hyperbolic.ts';
import { identityRules } from './identities.ts';
import { dataSumRules, knownSumRules } from './knownSums.ts';
import { logarithmRules } from './logarithms.ts';
import { logisticRules } from './logistic.ts';
import { matrixChainRules } from './matrixChain.ts';
import { finalMovementRules, movementRules } from './movement.ts';
import { numberRules } from './numbers.ts';
import { partRules } from './parts.ts';
import { powerRules, smallPowerRules } from './powers.ts';
import { productRules } from './products.ts';
import { finalReductionRules, reductionRules } from './reductions.ts';
import { signRules } from './signs.ts';
import { softmaxRules } from './softmax.ts';
import { statisticsRules } from './statistics.ts';
import { truthRules } from './truth.ts';

/** Rules by family, in the order in which the docs show them. */
export const ruleFamilies = once(
  (): Readonly<Record<string, readonly Rule[]>> => ({
    identities: identityRules(),
    numbers: numberRules(),
    signs: signRules(),
    casts: castRules(),
    cancellation: cancellationRules(),
    powers: powerRules(),
    choice: choiceRules(),
    truth: truthRules(),
    exponentials: exponentialRules(),
    hyperbolic: hyperbolicRules(),
    logistic: logisticRules(),
    softmax: softmaxRules(),
    logarithms: logarithmRules(),
    statistics: statisticsRules(),
    broadcasting: broadcastingRules(),
    movement: movementRules(),
    parts: partRules(),
    reductions: reductionRules(),
    'known sums': knownSumRules(),
    factors: factorRules(),
    products: productRules(),
    'matrix chains': matrixChainRules(),
    'fast math': fastMathRules(),
  }),
);

/** Rules that hold anywhere. */
export const generalRules = once((): readonly Rule[] => Object.values(ruleFamilies()).flat());

/**
 * Rules for what differentiation has made: they add its terms in another order, which nobody has chosen. In a formula that a
 * user wrote, the order may be chosen with care (as in compensated summation), and stays.
 */
export const collectingRules = once(collectionRules);

/**
 * Rules that look at the numbers of constant tensors. Programs are kept by the structure of their graphs, in which such
 * numbers do not show: so these hold only as long as the graph itself is at hand, and never in the final pass.
 */
export const dataRules = once((): readonly Rule[] => [...dataSumRules(), ...dataFactorRules()]);

/** Rules for graphs that will not be differentiated any more. */
export const finalRules = once((): readonly Rule[] => [
  ...finalMovementRules(),
  ...finalReductionRules(),
  ...smallPowerRules(),
  ...finalFastMathRules(),
]);
