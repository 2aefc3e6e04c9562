/** Like terms of a sum, collected. */
import type { Rule } from '../rule.ts';

export const collectionRules: readonly Rule[] = [];
