/** The second floor: derivatives as graphs. */
export { type GradientOptions, type GradientsOf, gradients } from './backprop.ts';
export { type Argument, type Arguments, type GradOptions, grad, valueAndGrad } from './grad.ts';
export { jvp, linearize, vjp } from './products.ts';
export { type MappedAxis, type VmapOptions, vmap } from './vmap.ts';
