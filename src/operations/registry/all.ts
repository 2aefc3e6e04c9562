/** Every public operation, by name: what the package exports. */

export * from './activation.ts';
export * from './arithmetic.ts';
export * from './conversion.ts';
export * from './convolution.ts';
export * from './decomposition.ts';
export * from './exponential.ts';
export * from './indexing.ts';
export * from './linearAlgebra.ts';
export * from './logic.ts';
export * from './loss.ts';
export * from './movement.ts';
export * from './reduction.ts';
export * from './sorting.ts';
export * from './special.ts';
export * from './trigonometric.ts';
