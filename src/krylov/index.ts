/** `chainrule/krylov`: linear systems, eigenvalues and minima by products with a matrix that is never formed. */
export {
  type ConjugateGradientReason,
  type ConjugateGradientSolution,
  conjugateGradient,
} from './conjugateGradient.ts';
export { type GmresOptions, type GmresReason, gmres } from './gmres.ts';
export {
  type LanczosOptions,
  type LanczosProgress,
  type LanczosReason,
  type LanczosSettings,
  lanczos,
  type Space,
  type Spectrum,
} from './lanczos.ts';
export { type LBFGSOptions, lbfgs } from './lbfgs.ts';
export type { MinimizerOptions, MinimizerProgress, MinimizerReason, Minimum } from './minimizer.ts';
export { type MinresReason, minres } from './minres.ts';
export { type NewtonOptions, newtonCG } from './newtonCG.ts';
export type { Progress, Solution, SolverOptions, StopReason } from './solver.ts';
export type { Like, Product, Vector } from './vectors.ts';
