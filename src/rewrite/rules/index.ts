/** All rules, in the order in which they are tried. */
import type { Rule } from '../rule.ts';
import { broadcastingRules } from './broadcasting.ts';
import { cancellationRules } from './cancellation.ts';
import { castRules } from './casts.ts';
import { choiceRules } from './choice.ts';
import { collectionRules } from './collection.ts';
import { exponentialRules } from './exponentials.ts';
import { hyperbolicRules } from './hyperbolic.ts';
import { identityRules } from './identities.ts';
import { logisticRules } from './logistic.ts';
import { matrixChainRules } from './matrixChain.ts';
import { movementRules } from './movement.ts';
import { powerRules } from './powers.ts';
import { productRules } from './products.ts';
import { reductionRules } from './reductions.ts';
import { signRules } from './signs.ts';
import { softmaxRules } from './softmax.ts';
import { statisticsRules } from './statistics.ts';

/** Rules by family, in the order in which the docs show them. */
export const ruleFamilies: Readonly<Record<string, readonly Rule[]>> = {
  identities: identityRules,
  signs: signRules,
  casts: castRules,
  cancellation: cancellationRules,
  powers: powerRules,
  choice: choiceRules,
  exponentials: exponentialRules,
  logistic: logisticRules,
  hyperbolic: hyperbolicRules,
  softmax: softmaxRules,
  statistics: statisticsRules,
  broadcasting: broadcastingRules,
  movement: movementRules,
  reductions: reductionRules,
  products: productRules,
  'matrix chains': matrixChainRules,
};

/** Rules that hold anywhere. */
export const defaultRules: readonly Rule[] = Object.values(ruleFamilies).flat();

/**
 * Rules for what differentiation has made: they add its terms in another order, which nobody has chosen. In a formula that a
 * user wrote, the order may be chosen with care (as in compensated summation), and stays.
 */
export const collectingRules: readonly Rule[] = collectionRules;

/** Rules for graphs that will not be differentiated any more. */
export const finalRules: readonly Rule[] = [];
