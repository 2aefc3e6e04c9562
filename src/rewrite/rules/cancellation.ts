/** What is divided by itself, or multiplied and divided by the same. */
import type { Rule } from '../rule.ts';

export const cancellationRules: readonly Rule[] = [];
