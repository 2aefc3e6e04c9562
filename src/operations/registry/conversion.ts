/** Element types, and values that only steer differentiation. */
export { cast } from '../conversion.ts';
export { iota } from '../generators.ts';
export { identity, stopGradient } from '../identity.ts';
