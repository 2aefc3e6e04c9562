/** The logistic function and its kin as the textbook writes them. */
import type { Rule } from '../rule.ts';

export const logisticRules: readonly Rule[] = [];
