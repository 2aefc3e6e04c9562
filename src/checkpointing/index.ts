/** Memory for operations: regions and budgets. */
export { checkpoint } from './checkpoint.ts';
export {
  type GradientOptions,
  gradients,
  type MemoryReport,
  type PlannedGradients,
  planGradients,
} from './planner.ts';
