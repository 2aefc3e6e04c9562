/** Checks of derivatives and of operations. */
export type { Comparison, Identity, KinkFound, Mismatch } from './compare.ts';
export type { Finding } from './finding.ts';
export { type CheckOptions, checkGradients, type GradientReport } from './gradients.ts';
export { type KinkOptions, type KinkReport, type ReportedKink, reportKinks } from './kinks.ts';
export type { Tolerance } from './measures.ts';
export { checkOperation, type OperationCheckOptions, type OperationReport } from './operation.ts';
