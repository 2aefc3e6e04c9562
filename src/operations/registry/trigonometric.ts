/** Circular and hyperbolic functions, and polar coordinates. */

export { atan2, hypot } from '../polar.ts';
export { acos, asin, atan, cos, cosh, sin, sinh, tan, tanh } from '../trigonometric.ts';
