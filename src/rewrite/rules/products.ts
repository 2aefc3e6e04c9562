/** Sums of products that are matrix products. */
import type { Rule } from '../rule.ts';

export const productRules: readonly Rule[] = [];
