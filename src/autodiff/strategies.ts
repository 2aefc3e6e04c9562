/** The ways to compute a whole Jacobian, with what each costs. */
import type { Variable } from '../graph/index.ts';
import { matmul } from '../operations/linearAlgebra.ts';
import { moveAxis, reshape, transpose } from '../operations/movement.ts';
import { bottleneckOf } from './bottleneck.ts';
import { sizeOfAll } from './cost.ts';
import { atUnits, costOfUnitSweeps, unitSweeps } from './unitSweeps.ts';

/** By columns, by rows, or as the product of two narrow Jacobians: rows up to a bottleneck, columns from there on. */
export type StrategyName = 'forward' | 'reverse' | 'bottleneck';

export interface Strategy {
  readonly name: StrategyName;
  /** In scalar operations. */
  readonly cost: number;
  /** `blocks()[i][j]` is the Jacobian of output i with respect to input j, of shape [...output, ...input]. */
  blocks(): Variable[][];
}

type Strategist = (
  operation: string,
  inputs: readonly Variable[],
  outputs: readonly Variable[],
) => Strategy | undefined;

function byColumns(operation: string, inputs: readonly Variable[], outputs: readonly Variable[]): Strategy {
  const sweeps = unitSweeps(operation, 'forward', inputs, outputs);
  return {
    name: 'forward',
    cost: costOfUnitSweeps(sweeps),
    blocks() {
      const columns = sweeps.map(atUnits);
      return outputs.map((output, i) =>
        inputs.map((each, j) =>
          reshape(moveAxis(columns[j][i], 0, output.rank), [...output.shape, ...each.shape]),
        ),
      );
    },
  };
}

function byRows(operation: string, inputs: readonly Variable[], outputs: readonly Variable[]): Strategy {
  const sweeps = unitSweeps(operation, 'reverse', inputs, outputs);
  return {
    name: 'reverse',
    cost: costOfUnitSweeps(sweeps),
    blocks() {
      const rows = sweeps.map(atUnits);
      return outputs.map((output, i) =>
        inputs.map((each, j) => reshape(rows[i][j], [...output.shape, ...each.shape])),
      );
    },
  };
}

/** J = (dy/dh) (dh/dx) for a variable h of few elements on all paths: a pass for each of those, twice, and one product. */
function throughBottleneck(
  operation: string,
  inputs: readonly Variable[],
  outputs: readonly Variable[],
): Strategy | undefined {
  const narrow = bottleneckOf(inputs, outputs);
  if (narrow === undefined) return undefined;
  const [before] = unitSweeps(operation, 'reverse', inputs, [narrow]);
  const [after] = unitSweeps(operation, 'forward', [narrow], outputs);
  const width = sizeOfAll([narrow]);
  return {
    name: 'bottleneck',
    cost: costOfUnitSweeps([before, after]) + 2 * sizeOfAll(outputs) * width * sizeOfAll(inputs),
    blocks() {
      const matrices = (units: readonly Variable[]): Variable[] =>
        units.map((each) => reshape(each, [width, -1]));
      const rows = matrices(atUnits(before));
      const columns = matrices(atUnits(after));
      return outputs.map((output, i) =>
        inputs.map((each, j) =>
          reshape(matmul(transpose(columns[i]), rows[j]), [...output.shape, ...each.shape]),
        ),
      );
    },
  };
}

export const STRATEGIES: Readonly<Record<StrategyName, Strategist>> = {
  forward: byColumns,
  reverse: byRows,
  bottleneck: throughBottleneck,
};
