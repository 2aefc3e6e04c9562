/** The order in which a chain of matrices is multiplied. */
import type { Rule } from '../rule.ts';

export const matrixChainRules: readonly Rule[] = [];
