/** Everything that is measured, in the order of the report. */
import { derivativeCases, programCases } from './alone.js';
import { kernelCases } from './kernels.js';
import { productCases } from './products.js';
import { stepCases } from './steps.js';

/** From the start of a process to the loss of its first training step, for every engine. */
const coldStart = { kind: 'cold-start', name: 'cold-start', step: stepCases[0] };

export const cases = [
  ...stepCases,
  ...productCases,
  ...kernelCases,
  ...derivativeCases,
  ...programCases,
  coldStart,
];
