/** Operations that only re-index, in a row. */
import type { Rule } from '../rule.ts';

export const movementRules: readonly Rule[] = [];
