/** Sums, products, roots, rounding and bounds. */
export {
  abs,
  add,
  ceil,
  clip,
  div,
  floor,
  maximum,
  minimum,
  neg,
  reciprocal,
  round,
  rsqrt,
  sign,
  sqrt,
  square,
  sub,
} from '../arithmetic.ts';
export { mul } from '../elementwise.ts';
