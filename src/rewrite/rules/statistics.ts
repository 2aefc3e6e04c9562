/** Variances and lengths as the textbook writes them. */
import type { Rule } from '../rule.ts';

export const statisticsRules: readonly Rule[] = [];
