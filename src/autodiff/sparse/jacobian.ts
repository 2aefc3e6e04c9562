/** Jacobians most of whose elements are known to be zero: a few products serve all columns, or all rows. */
import { at, ShapeError } from '../../graph/index.ts';
import type { Arguments } from '../grad.ts';
import type { JacobianOptions } from '../jacobian.ts';
import { type Direction, forwardSweep, possible, reverseSweep, type Sweep } from '../sweeps.ts';
import { type TracedArgument, traceArgument } from '../traceArgument.ts';
import { type Coloring, colorColumns } from './coloring.ts';
import { patternOfSweep, readElements } from './compression.ts';
import { type SparseMatrix, type SparsityPattern, toCOO, toCSC } from './format.ts';

export interface SparseJacobian extends SparseMatrix {
  /** The direction of the products: columns together (forward), or rows (reverse). */
  readonly mode: Direction;
  /** How many products there were. */
  readonly colors: number;
}

interface Compression {
  readonly mode: Direction;
  readonly sweep: Sweep;
  /** Of the Jacobian (forward), or of its transpose (reverse). */
  readonly pattern: SparsityPattern;
  readonly coloring: Coloring;
}

function compressionOf(
  operation: string,
  mode: Direction,
  { inputs, outputs, given }: TracedArgument,
): Compression {
  const sweep =
    mode === 'forward' ? forwardSweep(operation, outputs, inputs) : reverseSweep(operation, outputs, inputs);
  const pattern = patternOfSweep(sweep, given);
  return { mode, sweep, pattern, coloring: colorColumns(pattern) };
}

/** The direction with fewer colors, forward where they have the same. */
function fewerColors(operation: string, traced: TracedArgument): Compression {
  let forward: Compression | undefined;
  const [first, second] = possible([
    () => {
      forward = compressionOf(operation, 'forward', traced);
      return forward;
    },
    () => {
      // By rows, a column needs a color for each of its elements: often that is enough to know.
      if (forward !== undefined && forward.coloring.count <= longestColumn(forward.pattern)) return forward;
      return compressionOf(operation, 'reverse', traced);
    },
  ]);
  if (first === undefined || second === undefined) return (first ?? second) as Compression;
  return second.coloring.count < first.coloring.count ? second : first;
}

function longestColumn({ shape, columnIndices }: SparsityPattern): number {
  const elements = new Int32Array(shape[1]);
  for (const column of columnIndices) elements[column]++;
  return elements.reduce((most, each) => Math.max(most, each), 0);
}

/** The compressed rows of the transpose, and where each of its elements stood. */
function transposed(pattern: SparsityPattern): SparsityPattern & { readonly order: Int32Array } {
  const { columnPointers, rowIndices, order } = toCSC(pattern);
  const [rows, columns] = pattern.shape;
  return { shape: [columns, rows], rowPointers: columnPointers, columnIndices: rowIndices, order };
}

/**
 * The Jacobian of a function by its elements that are not known to be zero. Rows number the elements of the output,
 * columns those of the argument; the elements of nested objects and arrays count one tensor after another, each in
 * row-major order.
 *
 * Which elements can be other than zero is found from the graph. Columns that share no row are then computed in one
 * forward product (or rows that share no column in one reverse product; `auto` takes whichever needs fewer), all
 * products are one batch, and `values` reads the elements out of it: a Variable like any other, which can be compiled and
 * differentiated again. A tridiagonal Jacobian takes 3 products, whatever its size.
 *
 * ```ts
 * const { values, rowPointers, columnIndices } = sparseJacobian(f)(x);
 * ```
 * Under `compile`, return the `values` alone: the pattern belongs to the program, and `jacobianPattern` tells it.
 * @throws UndefinedGradientError for an integer argument, or where a derivative does not exist
 */
export function sparseJacobian<Args extends readonly any[]>(
  f: (...args: Args) => unknown,
  { argument = 0, mode = 'auto' }: JacobianOptions = {},
): (...args: Arguments<Args>) => SparseJacobian {
  const name = 'sparseJacobian';
  if (!['auto', 'forward', 'reverse'].includes(mode))
    throw new ShapeError(`${name}: no mode ${String(mode)}; use auto, forward or reverse${at()}`);
  return (...args) => {
    const traced = traceArgument(name, f, args, argument);
    const found = mode === 'auto' ? fewerColors(name, traced) : compressionOf(name, mode, traced);
    const { sweep, pattern, coloring } = found;
    const { rowIndices, columnIndices } = toCOO(pattern);
    const common = { mode: found.mode, colors: coloring.count };
    if (found.mode === 'forward')
      return { ...pattern, ...common, values: readElements(sweep, coloring, rowIndices, columnIndices) };
    const { order, ...own } = transposed(pattern);
    const values = readElements(
      sweep,
      coloring,
      order.map((element) => rowIndices[element]),
      order.map((element) => columnIndices[element]),
    );
    return { ...own, ...common, values };
  };
}

/** Where the Jacobian of a function can be other than zero: the pattern of `sparseJacobian` in forward mode. */
export function jacobianPattern<Args extends readonly any[]>(
  f: (...args: Args) => unknown,
  { argument = 0 }: Pick<JacobianOptions, 'argument'> = {},
): (...args: Arguments<Args>) => SparsityPattern {
  return (...args) => {
    const { inputs, outputs, given } = traceArgument('jacobianPattern', f, args, argument);
    return patternOfSweep(forwardSweep('jacobianPattern', outputs, inputs), given);
  };
}
