/** The first floor: every operation, by name, and the helpers that other floors build on. */
import './methods.ts';

export { sumTo } from './broadcasting.ts';
export type { ConvOptions, ConvTransposeOptions } from './convolution/conv.ts';
export type { AvgPoolOptions, PoolOptions } from './convolution/pooling.ts';
export type { Padding } from './convolution/sliding.ts';
export type { WindowsOptions } from './convolution/windows.ts';
export type { CumulativeOptions } from './cumulative.ts';
export {
  type Declaration,
  type Declared,
  type Domain,
  declare,
  real,
  type Sample,
  truth,
  whole,
} from './declare.ts';
export {
  type DegenerateOptions,
  degenerateSingularValues,
  dependentColumns,
  repeatedEigenvalues,
} from './decomposition/degenerate.ts';
export type { RankOptions } from './decomposition/leastSquares.ts';
export type { TriangularSolveOptions } from './decomposition/triangular.ts';
export { defineOperation, type ElementwiseDefinition, type PartialDerivative, type Route } from './define.ts';
export type { CompositionDefinition, RoutineDefinition } from './general.ts';
export { full } from './generators.ts';
export type { LogSumExpOptions } from './logSumExp.ts';
export { families, type OperationName, registry } from './registry/index.ts';
export type { SortOptions, TopKOptions } from './sorting.ts';
