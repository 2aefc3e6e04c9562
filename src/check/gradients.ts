/** The check of a function's derivatives. */
import type { Arguments } from '../autodiff/index.ts';
import { evaluate, getBackend } from '../engine/index.ts';
import {
  at,
  DTypeError,
  input,
  isFloat,
  isTensorLike,
  isVariable,
  leavesOf,
  mapTree,
  NumericalError,
  Tensor,
  type TensorLike,
  tensor,
  Variable,
} from '../graph/index.ts';
import type { Comparison, KinkFound, Mismatch } from './compare.ts';
import { examine, type Subject } from './derivatives.ts';
import { renderComparisons, signed } from './report.ts';
import { evaluateOn } from './run.ts';

export interface CheckOptions {
  /** 2 (default) also checks the gradient of the gradient. */
  order?: 1 | 2;
  /**
   * The largest error accepted, relative to the largest element of the tensor. Default 1e-7, which is a hundred times what
   * differences of a function of moderate curvature are off.
   */
  tolerance?: number;
  /** At most so many elements of each argument, chosen at random, are moved one by one. Default 1000. */
  elements?: number;
  /** Of the random weights, directions and choices. Default 1. */
  seed?: number;
  /** Whether to throw where the check fails. Default true. */
  throw?: boolean;
}

/** What {@link checkGradients} found. */
export interface GradientReport {
  readonly ok: boolean;
  readonly order: 1 | 2;
  /** One for each identity that was checked. */
  readonly comparisons: readonly Comparison[];
  /** The element furthest beyond, or nearest to, what is allowed. */
  readonly worst: Mismatch | undefined;
  /** Points without a derivative: nothing could be compared there. */
  readonly kinks: readonly KinkFound[];
  /** The report as text. */
  toString(): string;
}

/**
 * Checks the derivatives of f at `xs` against numerical ones and against each other: reverse mode, forward mode, that the
 * two are transposes, and the same for the gradient itself.
 *
 * ```ts
 * checkGradients((x, w) => sum(tanh(matmul(x, w))), [tensor(...), tensor(...)]);
 * ```
 * f is traced and run in float64, whatever the dtype of the numbers given: differences in float32 can tell nothing.
 * Integers (labels, indices) stay as they are. f must not draw new random numbers each time it is run.
 *
 * Slopes are central differences, extrapolated twice (Richardson), with steps that shrink where that is not enough; where
 * the slopes from both sides do not meet, the point is reported as a kink and not compared.
 * @param xs the list of f's arguments; tensors, or nested arrays and objects of them
 * @throws NumericalError with the report where a derivative is wrong, unless `{ throw: false }`; DTypeError where there is
 *   nothing to differentiate; UndefinedGradientError where a rule says that there is no derivative
 */
export function checkGradients<Args extends readonly any[]>(
  f: (...args: Args) => unknown,
  xs: Arguments<Args>,
  options: CheckOptions = {},
): GradientReport {
  const { order = 2, tolerance = 1e-7, elements = 1000, seed = 1 } = options;
  const backend = getBackend();
  const subject = trace(f as (...args: readonly unknown[]) => unknown, xs);
  evaluateOn(backend, subject.outputs, subject.feeds).forEach(({ data }, i) => {
    const bad = data.find((value) => !Number.isFinite(value));
    if (bad !== undefined) {
      throw new NumericalError(
        `checkGradients: ${subject.outputNames[i]} holds ${bad} at this point, so there are no differences to compare with; ` +
          `choose another point${at()}`,
      );
    }
  });
  const comparisons = examine(subject, { backend, order, tolerance, seed, elements });
  const report = reportOf(comparisons, order);
  if (!report.ok && options.throw !== false) throw new NumericalError(signed(report));
  return report;
}

function reportOf(comparisons: readonly Comparison[], order: 1 | 2): GradientReport {
  const ok = comparisons.every((each) => each.ok);
  const excess = ({ error, tolerance }: Comparison): number => error / tolerance;
  const [first] = [...comparisons].sort((a, b) => excess(b) - excess(a));
  return {
    ok,
    order,
    comparisons,
    worst: first.worst,
    kinks: comparisons.flatMap(({ kinks }) => kinks),
    toString: () =>
      renderComparisons(
        `checkGradients: ${ok ? 'the derivatives are right' : 'a derivative is wrong'} (order ${order})`,
        comparisons,
      ),
  };
}

/** Calls f on placeholders, float64 in place of float32. */
function trace(f: (...args: readonly unknown[]) => unknown, xs: readonly unknown[]): Subject {
  const feeds = new Map<Variable, Tensor>();
  const inputNames: string[] = [];
  const stand = (leaf: TensorLike, path: string): Variable => {
    const value = inFloat64(leaf);
    const placeholder = input(value.shape, { dtype: value.dtype });
    feeds.set(placeholder, value);
    inputNames.push(path);
    return placeholder;
  };
  const args = xs.map((x, i) =>
    mapTree(x, isTensorLike, (leaf, path) => stand(leaf, `argument ${i}${path}`)),
  );
  const inputs = [...feeds.keys()];
  if (!inputs.some(({ dtype }) => isFloat(dtype))) {
    throw new DTypeError(
      `checkGradients: no argument is floating point, so there is nothing to differentiate with respect to${at()}`,
    );
  }
  const value = f(...args);
  const outputNames: string[] = [];
  mapTree(value, isVariable, (_, path) => outputNames.push(`result${path}`));
  const outputs = leavesOf(value, isVariable);
  outputs.forEach((output, i) => {
    if (output.dtype === 'float32') {
      throw new DTypeError(
        `checkGradients: ${outputNames[i]} is ${output.toString()} for arguments of float64: something in the function casts ` +
          `to float32, where differences can tell nothing; leave the cast out, or cast by the argument's dtype${at()}`,
      );
    }
  });
  if (!outputs.some(({ dtype }) => isFloat(dtype))) {
    throw new DTypeError(
      `checkGradients: the function returns nothing that is floating point, so nothing can be differentiated${at()}`,
    );
  }
  return { inputs, outputs, feeds, inputNames, outputNames };
}

/** The numbers of an argument; floats in float64. */
function inFloat64(leaf: TensorLike): Tensor {
  const value =
    leaf instanceof Variable ? (evaluate(leaf) as Tensor) : leaf instanceof Tensor ? leaf : tensor(leaf);
  if (value.dtype !== 'float32') return value;
  if (leaf instanceof Variable || leaf instanceof Tensor || leaf instanceof Float32Array)
    return new Tensor(value.shape, 'float64', Float64Array.from(value.data));
  return tensor(leaf, { dtype: 'float64' });
}
