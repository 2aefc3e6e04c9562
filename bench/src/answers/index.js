/** The right answers, against which every engine is checked before it is timed. */
import { expectedElements, expectedProduct } from './kernels.js';
import { expectedLosses } from './steps.js';

/** Relative to the largest of the numbers compared. */
const tolerance = 1e-3;

/**
 * By plain loops in float64; larger networks and Jacobians, by chainrule in float64, beside which the independent
 * engines must come out too.
 * @param {import('../engines/engine.js').Engine} oracle chainrule
 */
export async function expected(testCase, oracle) {
  switch (testCase.kind) {
    case 'step':
      return expectedLosses(testCase);
    case 'product':
      return expectedProduct(testCase);
    case 'kernel':
      return expectedElements(testCase);
    default: {
      const task = await oracle.prepare({ ...testCase, dtype: 'float64', part: testCase.parts?.at(-1) });
      const answers = await task.check();
      await task.dispose();
      return answers;
    }
  }
}

/** What is wrong with `found`, or undefined. */
export function mismatch(found, answers) {
  const scale = Math.max(...answers.map(Math.abs));
  const at = answers.findIndex((answer, i) => !(Math.abs(found[i] - answer) <= tolerance * scale));
  return at < 0 ? undefined : `number ${at} is ${found[at]} where ${answers[at]} is right`;
}
