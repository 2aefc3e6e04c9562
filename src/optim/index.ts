/** `chainrule/optim`: optimisers, as updates written in the same graph as the loss. */
export { type AdamOptions, adam, adamw } from './adam.ts';
export type { Optimizer } from './optimizer.ts';
export { type SGDOptions, sgd } from './sgd.ts';
