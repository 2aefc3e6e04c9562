/** Choices and truth values. */
import type { Rule } from '../rule.ts';

export const choiceRules: readonly Rule[] = [];
