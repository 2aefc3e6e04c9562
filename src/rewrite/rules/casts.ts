/** Conversions that lose nothing, and those that undo them. */
import type { Rule } from '../rule.ts';

export const castRules: readonly Rule[] = [];
