/** Sweeps for all unit tensors at once: whole Jacobians, by columns or by rows. */
import { type Application, ancestors, input, sizeOf, type Variable } from '../graph/index.ts';
import { full } from '../operations/generators.ts';
import { reshape } from '../operations/movement.ts';
import { costOf } from './cost.ts';
import { type Direction, forwardSweep, reverseSweep, type Sweep } from './sweeps.ts';
import { unitValues } from './units.ts';
import { batchGraph } from './vmap.ts';

/** A sweep with one seed, which will be all units. */
export interface UnitSweep extends Sweep {
  /** Variables on the way whose values for all units are known without the sweep. */
  readonly known: ReadonlyMap<Variable, Variable>;
}

/** A seed that will take the values of all units: the only unit of a single element is 1, which rules make use of. */
function unitSeed(like: Variable): Variable {
  return sizeOf(like.shape) === 1
    ? full(like.shape, 1, like.dtype)
    : input(like.shape, { dtype: like.dtype });
}

function ofUnits({ seeds, products }: Sweep): UnitSweep {
  const [seed] = seeds;
  const known = seed.source.kind === 'input' ? unitValues(seed, products) : new Map();
  return { seeds, products, known };
}

/** The sweeps that give all blocks: one for each input (forward), or for each output (reverse). */
export function unitSweeps(
  operation: string,
  direction: Direction,
  inputs: readonly Variable[],
  outputs: readonly Variable[],
): UnitSweep[] {
  const sweeps =
    direction === 'forward'
      ? inputs.map((each) => forwardSweep(operation, outputs, [each], unitSeed))
      : outputs.map((each) => reverseSweep(operation, [each], inputs, unitSeed));
  return sweeps.map(ofUnits);
}

/** All columns (or rows) that a sweep gives: every product, with an axis of units in front. */
export function atUnits({ seeds: [seed], products, known }: UnitSweep): Variable[] {
  const size = sizeOf(seed.shape);
  if (size === 1) return products.map((each) => reshape(each, [1, ...each.shape]));
  if (size === 0) return products.map(({ shape, dtype }) => full([0, ...shape], 0, dtype));
  return batchGraph(products, known, size);
}

/**
 * The scalar operations of {@link atUnits} for these sweeps: what depends on a seed once for each of its units, and the
 * rest, of all sweeps together, once.
 * @see operationCount
 */
export function costOfUnitSweeps(sweeps: readonly UnitSweep[]): number {
  const once = new Set<Application>();
  let total = 0;
  for (const {
    seeds: [seed],
    products,
    known,
  } of sweeps) {
    const moving = new Set<Variable>([seed, ...known.keys()]);
    const { applications, leaves } = ancestors(products, (each) => known.has(each));
    const repeated = applications.filter(({ inputs, outputs }) => {
      const moves = inputs.some((each) => moving.has(each));
      if (moves) for (const output of outputs) moving.add(output);
      return moves;
    });
    total += costOf(repeated) * sizeOf(seed.shape);
    const used = leaves.flatMap((each) => known.get(each) ?? []);
    const repeatedly = new Set(repeated);
    for (const each of [...applications, ...ancestors(used).applications]) {
      if (!repeatedly.has(each)) once.add(each);
    }
  }
  return total + costOf(once);
}
