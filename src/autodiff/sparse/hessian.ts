/** Hessians most of whose elements are known to be zero. */
import type { Variable } from '../../graph/index.ts';
import type { Arguments } from '../grad.ts';
import type { HessianOptions } from '../hessian.ts';
import { forwardSweep, type Sweep } from '../sweeps.ts';
import { traceGradient } from '../traceArgument.ts';
import { colorSymmetric } from './coloring.ts';
import { patternOfSweep, readElements } from './compression.ts';
import { patternOf, type SparseMatrix, type SparsityPattern, toCOO, toCSC } from './format.ts';

export interface SparseHessian extends SparseMatrix {
  /** How many Hessian-vector products there were. */
  readonly colors: number;
}

function sweepOf(
  operation: string,
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  argument: number,
): { sweep: Sweep; pattern: SparsityPattern } {
  const { inputs, outputs, given } = traceGradient(operation, f, args, argument);
  const sweep = forwardSweep(operation, outputs, inputs);
  return { sweep, pattern: symmetric(patternOfSweep(sweep, given)) };
}

/** The elements of a pattern and of its transpose. */
function symmetric(pattern: SparsityPattern): SparsityPattern {
  const { rowPointers, columnIndices, shape } = pattern;
  const { columnPointers, rowIndices } = toCSC(pattern);
  const rows = Array.from({ length: shape[0] }, (_, i) => {
    const own = columnIndices.subarray(rowPointers[i], rowPointers[i + 1]);
    const mirrored = rowIndices.subarray(columnPointers[i], columnPointers[i + 1]);
    return [...new Set([...own, ...mirrored])].sort((a, b) => a - b);
  });
  return patternOf(rows, shape[1]);
}

/**
 * The Hessian of a scalar function by its elements that are not known to be zero, of both triangles. Rows and columns
 * number the elements of the argument; those of nested objects and arrays count one tensor after another, each in
 * row-major order.
 *
 * As the `sparseJacobian` of the gradient, by forward mode over reverse mode, but with fewer products: of the elements
 * (i, j) and (j, i), which are equal, it is enough that one product has one of them to itself (a star coloring). An
 * arrow-shaped Hessian of any size takes 2.
 * @throws ShapeError where f is not scalar; UndefinedGradientError where a derivative does not exist
 */
export function sparseHessian<Args extends readonly any[]>(
  f: (...args: Args) => Variable,
  { argument = 0 }: HessianOptions = {},
): (...args: Arguments<Args>) => SparseHessian {
  return (...args) => {
    const { sweep, pattern } = sweepOf('sparseHessian', f, args, argument);
    const coloring = colorSymmetric(pattern);
    const rows = toCOO(pattern).rowIndices;
    const columns = pattern.columnIndices.slice();
    for (let element = 0; element < rows.length; element++) {
      const [i, j] = [rows[element], columns[element]];
      if (!coloring.hasToItself(i, j)) [rows[element], columns[element]] = [j, i];
    }
    return { ...pattern, values: readElements(sweep, coloring, rows, columns), colors: coloring.count };
  };
}

/** Where the Hessian of a scalar function can be other than zero. */
export function hessianPattern<Args extends readonly any[]>(
  f: (...args: Args) => Variable,
  { argument = 0 }: HessianOptions = {},
): (...args: Arguments<Args>) => SparsityPattern {
  return (...args) => sweepOf('hessianPattern', f, args, argument).pattern;
}
