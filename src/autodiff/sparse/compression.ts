/** Several columns of a sparse matrix in one product, and the elements read out of the products. */
import { sizeOf, type Variable } from '../../graph/index.ts';
import { cast } from '../../operations/conversion.ts';
import { full, iota } from '../../operations/generators.ts';
import { gather } from '../../operations/indexing.ts';
import { concat } from '../../operations/joining.ts';
import { equal } from '../../operations/logic.ts';
import { reshape } from '../../operations/movement.ts';
import { sizeOfAll } from '../cost.ts';
import { batchSweep, type Sweep } from '../sweeps.ts';
import type { Coloring } from './coloring.ts';
import { dependence } from './dependence.ts';
import { indexVector, patternOf, type SparsityPattern } from './format.ts';

/**
 * The pattern of the matrix that a sweep multiplies by: a row for each element of its products, a column for each of its
 * seeds.
 * @param open variables whose numbers do not count, even if constants decide them
 */
export function patternOfSweep({ products, seeds }: Sweep, open: readonly Variable[]): SparsityPattern {
  return patternOf(dependence(products, seeds, open), sizeOfAll(seeds));
}

/** The sweep's products with the indicators of all colors, one after another, as a vector: color by color. */
function compressedProducts(sweep: Sweep, { count, colors }: Coloring): Variable {
  let start = 0;
  const indicators = sweep.seeds.map(({ shape, dtype }) => {
    const own = colors.slice(start, start + sizeOf(shape));
    start += own.length;
    const colorOf = reshape(indexVector(own), shape);
    return cast(equal(iota([count, ...shape], 0), colorOf), dtype);
  });
  const products = batchSweep(sweep, indicators, count);
  return reshape(
    concat(
      products.map((each) => reshape(each, [count, -1])),
      1,
    ),
    [-1],
  );
}

/**
 * Elements of the matrix that a sweep multiplies by, read from its compressed products in one operation.
 * @param rows for each element, the row in which it is read
 * @param columns for each element, the column whose color's product has it to itself in that row
 */
export function readElements(
  sweep: Sweep,
  coloring: Coloring,
  rows: Int32Array,
  columns: Int32Array,
): Variable {
  if (rows.length === 0) return full([0], 0, sweep.products[0]?.dtype);
  const height = sizeOfAll(sweep.products);
  const places = rows.map((row, element) => coloring.colors[columns[element]] * height + row);
  return gather(compressedProducts(sweep, coloring), indexVector(places));
}
