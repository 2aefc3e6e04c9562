/** Repetition that an operation does by itself. */
import type { Rule } from '../rule.ts';

export const broadcastingRules: readonly Rule[] = [];
