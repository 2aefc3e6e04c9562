/** Circular and hyperbolic functions. */
export { acos, asin, atan, cos, cosh, sin, sinh, tan, tanh } from '../trigonometric.ts';
