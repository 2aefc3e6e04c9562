/** Exponentials, logarithms and powers. */
export { exp, expm1, log, log1p, pow } from '../exponential.ts';
