/** Exponentials and logarithms that meet. */
import type { Rule } from '../rule.ts';

export const exponentialRules: readonly Rule[] = [];
