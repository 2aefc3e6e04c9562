/** Sums of what has been moved, repeated, scaled or summed before. */
import type { Rule } from '../rule.ts';

export const reductionRules: readonly Rule[] = [];
