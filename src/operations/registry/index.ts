/**
 * Every operation, once, by family. Exports, fluent methods, the table in the docs and the generated tests are made from
 * these lists: to add an operation, declare it in `src/operations` and name it in its family's file here.
 */

import * as activation from './activation.ts';
import * as registry from './all.ts';
import * as arithmetic from './arithmetic.ts';
import * as conversion from './conversion.ts';
import * as convolution from './convolution.ts';
import * as decomposition from './decomposition.ts';
import * as exponential from './exponential.ts';
import * as indexing from './indexing.ts';
import * as linearAlgebra from './linearAlgebra.ts';
import * as logic from './logic.ts';
import * as loss from './loss.ts';
import * as movement from './movement.ts';
import * as reduction from './reduction.ts';
import * as sorting from './sorting.ts';
import * as special from './special.ts';
import * as trigonometric from './trigonometric.ts';

/** Operations by family, in the order in which the docs show them. */
export const families = {
  arithmetic,
  exponential,
  trigonometric,
  activation,
  special,
  logic,
  conversion,
  reduction,
  movement,
  linearAlgebra,
  decomposition,
  convolution,
  indexing,
  sorting,
  loss,
};

/** Every public operation by name. */
export { registry };

export type OperationName = keyof typeof registry;
