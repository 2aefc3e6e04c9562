/**
 * What a derivative rule answers: an expression, or one of three words that must never be confused.
 *
 * - `zero`: the derivative is known to be 0 (floor, a comparison, a condition).
 * - `disconnected`: the output does not depend on this input in any differentiable way (an index).
 * - `undefinedGradient(reason)`: mathematics gives no derivative here (the index that argmax returns).
 *
 * Keeping them as distinct values, not as 0 or null, follows PyTensor's DisconnectedType and NullType.
 */
export interface Zero {
  readonly gradient: 'zero';
}

export interface Disconnected {
  readonly gradient: 'disconnected';
}

export interface UndefinedGradient {
  readonly gradient: 'undefined';
  /** Why, as a clause that follows "because". */
  readonly reason: string;
}

export const zero: Zero = { gradient: 'zero' };
export const disconnected: Disconnected = { gradient: 'disconnected' };

export function undefinedGradient(reason: string): UndefinedGradient {
  return { gradient: 'undefined', reason };
}
