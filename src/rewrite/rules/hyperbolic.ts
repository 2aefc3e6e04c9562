/** Hyperbolic functions as the textbook writes them. */
import type { Rule } from '../rule.ts';

export const hyperbolicRules: readonly Rule[] = [];
