/** Sparse Jacobians and Hessians: structural zeros, colorings, and elements read from compressed products. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Coloring, colorColumns, colorSymmetric } from '../../src/autodiff/sparse/coloring.ts';
import { patternOf } from '../../src/autodiff/sparse/format.ts';
import {
  add,
  argmax,
  broadcastTo,
  compile,
  concat,
  cond,
  countApplications,
  cumsum,
  diagonal,
  div,
  evaluate,
  exp,
  expectClose,
  flatten,
  flip,
  gather,
  grad,
  hessian,
  hessianPattern,
  input,
  jacobian,
  jacobianPattern,
  leaf,
  less,
  matmul,
  matrix,
  max,
  mul,
  outer,
  pad,
  randomMatrices,
  reshape,
  ShapeError,
  type SparseMatrix,
  type SparsityPattern,
  scan,
  scatterAdd,
  sin,
  slice,
  softmax,
  sparseHessian,
  sparseJacobian,
  spmv,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  times,
  toCOO,
  toCSC,
  toDense,
  transpose,
  UndefinedGradientError,
  type Variable,
  valueOf,
  vmap,
  where,
  whileLoop,
} from '../examples/support.ts';
import { functionOfRecipe } from '../support/jacobians.ts';
import { relativeError } from '../support/numeric.ts';
import { recipes } from '../support/randomGraph.ts';
import { rosenbrock, rosenbrockHessian, rosenbrockStart } from '../support/rosenbrock.ts';

const double = (data: Parameters<typeof tensor>[0]): Tensor => tensor(data, { dtype: 'float64' });
const whole = (data: Parameters<typeof tensor>[0]): Tensor => tensor(data, { dtype: 'int32' });
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const wave = (n: number): Float64Array => Float64Array.from(range(n), (i) => Math.sin(1 + 3 * i));

/** The columns of each row. */
const rowsOf = ({ rowPointers, columnIndices }: SparsityPattern): number[][] =>
  Array.from(rowPointers.slice(1), (end, row) => [...columnIndices.slice(rowPointers[row], end)]);

/** A float64 vector of n open elements. */
const vector = (n: number): Variable => input([n], { dtype: 'float64' });

const patternAt = (f: (x: Variable) => Variable, n: number): number[][] =>
  rowsOf(jacobianPattern(f)(vector(n)));

/** x with its neighbour to the left at each place, and 0 at the first. */
const left = (x: Variable): Variable => pad(slice(x, [0], [x.shape[0] - 1]), [1], [0]);
const right = (x: Variable): Variable => pad(slice(x, [1], [x.shape[0]]), [0], [1]);

/** y_i = x_i^2 + x_{i-1} sin(x_{i+1}), with 0 beyond the ends. */
const tridiagonal = (x: Variable): Variable => add(square(x), mul(left(x), sin(right(x))));

/** The five-point stencil of a nonlinear diffusion on an m x m grid. */
const diffusion =
  (m: number) =>
  (x: Variable): Variable => {
    const u = reshape(x, [m, m]);
    const at = (i: number, j: number): Variable =>
      slice(pad(u, [1, 1], [1, 1]), [1 + i, 1 + j], [1 + i + m, 1 + j + m]);
    const around = add(add(at(-1, 0), at(1, 0)), add(at(0, -1), at(0, 1)));
    return sub(around, mul(4, exp(u)));
  };

describe('formats', () => {
  const pattern = patternOf([[0, 2], [], [1], [0, 1, 2]], 3);
  const held: SparseMatrix = { ...pattern, values: leaf([1, 2, 3, 4, 5, 6]) };
  const dense = [
    [1, 0, 2],
    [0, 0, 0],
    [0, 3, 0],
    [4, 5, 6],
  ];

  test('by rows, by coordinates, by columns, and dense', () => {
    expect([...pattern.rowPointers]).toEqual([0, 2, 2, 3, 6]);
    expect([...pattern.columnIndices]).toEqual([0, 2, 1, 0, 1, 2]);
    const { rowIndices } = toCOO(pattern);
    expect([...rowIndices]).toEqual([0, 0, 2, 3, 3, 3]);
    const columns = toCSC(pattern);
    expect([...columns.columnPointers]).toEqual([0, 2, 4, 6]);
    expect([...columns.rowIndices]).toEqual([0, 3, 2, 3, 0, 3]);
    expect(valueOf(gather(held.values, whole([...columns.order])))).toEqual([1, 4, 3, 5, 2, 6]);
    expect(valueOf(toDense(held))).toEqual(dense);
  });

  test('times a vector', () => {
    expect(valueOf(spmv(held, [1, -1, 2]))).toEqual(times(dense, [[1], [-1], [2]]).flat());
    expect(valueOf(grad((x: Variable) => sum(spmv(held, x)))(leaf([0, 0, 0])))).toEqual([5, 8, 8]);
    expect(() => spmv(held, [1, 2])).toThrow(ShapeError);
    expect(() => spmv(held, [1, 2])).toThrow(/shape \[4, 3\] times \[2\]; give a vector of 3/);
  });
});

describe('structural zeros', () => {
  test('of elementwise operations and broadcasting', () => {
    expect(patternAt((x) => sin(mul(x, 3)), 3)).toEqual([[0], [1], [2]]);
    expect(patternAt((x) => add(x, slice(x, [0], [1])), 3)).toEqual([[0], [0, 1], [0, 2]]);
    expect(patternAt((x) => broadcastTo(x, [2, 2]), 2)).toEqual([[0], [1], [0], [1]]);
    expect(patternAt((x) => outer(x, x), 2)).toEqual([[0], [0, 1], [0, 1], [1]]);
  });

  test('of views: cut, stepped, reversed, transposed, diagonal', () => {
    expect(patternAt((x) => slice(x, [1], [6], [2]), 6)).toEqual([[1], [3], [5]]);
    expect(patternAt((x) => flip(x), 3)).toEqual([[2], [1], [0]]);
    expect(patternAt((x) => transpose(reshape(x, [2, 3])), 6)).toEqual([[0], [3], [1], [4], [2], [5]]);
    expect(patternAt((x) => diagonal(reshape(x, [2, 3]), { offset: 1 }), 6)).toEqual([[1], [5]]);
  });

  test('of what is joined and padded', () => {
    expect(patternAt((x) => concat([pad(x, [1], [1]), square(x)]), 2)).toEqual([[], [0], [1], [], [0], [1]]);
    expect(patternAt(tridiagonal, 4)).toEqual([
      [0, 1],
      [0, 1, 2],
      [1, 2, 3],
      [2, 3],
    ]);
  });

  test('of sums, running sums, extremes and softmax: along their axis', () => {
    expect(patternAt((x) => sum(reshape(x, [2, 3]), 0), 6)).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(patternAt((x) => cumsum(x), 3)).toEqual([[0], [0, 1], [0, 1, 2]]);
    expect(patternAt((x) => cumsum(reshape(x, [2, 2]), 0, { reverse: true }), 4)).toEqual([
      [0, 2],
      [1, 3],
      [2],
      [3],
    ]);
    expect(patternAt((x) => max(reshape(x, [2, 2]), 1), 4)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(patternAt((x) => softmax(reshape(x, [2, 2])), 4)).toEqual([
      [0, 1],
      [0, 1],
      [2, 3],
      [2, 3],
    ]);
  });

  test('of matrix products: rows by columns, without the zeros of a constant factor', () => {
    const full = randomMatrices(1)(2, 2);
    expect(patternAt((x) => matmul(reshape(x, [2, 2]), double(full)), 4)).toEqual([
      [0, 1],
      [0, 1],
      [2, 3],
      [2, 3],
    ]);
    const band = matrix(4, 4, (i, j) => (Math.abs(i - j) <= 1 ? i + 2 * j + 1 : 0));
    expect(patternAt((x) => matmul(double(band), x), 4)).toEqual([
      [0, 1],
      [0, 1, 2],
      [1, 2, 3],
      [2, 3],
    ]);
    expect(patternAt((x) => matmul(x, double(band)), 4)).toEqual([
      [0, 1],
      [0, 1, 2],
      [1, 2, 3],
      [2, 3],
    ]);
    expect(patternAt((x) => matmul(reshape(x, [2, 2]), reshape(x, [2, 2])), 4)).toEqual([
      [0, 1, 2],
      [0, 1, 3],
      [0, 2, 3],
      [1, 2, 3],
    ]);
  });

  test('of reading and adding at places, known or not', () => {
    expect(patternAt((x) => gather(x, [2, 0, 2]), 3)).toEqual([[2], [0], [2]]);
    expect(patternAt((x) => scatterAdd([0, 0, 0], [1, 1], x), 2)).toEqual([[], [0, 1], []]);
    expect(patternAt((x) => scatterAdd(x, [2], slice(x, [0], [1])), 3)).toEqual([[0], [1], [0, 2]]);
    const places = input([2], { dtype: 'int32' });
    expect(patternAt((x) => gather(reshape(x, [2, 2]), places, 1), 4)).toEqual([
      [0, 1],
      [0, 1],
      [2, 3],
      [2, 3],
    ]);
    expect(patternAt((x) => scatterAdd(reshape(x, [2, 2]), places, reshape(x, [2, 2]), 1), 4)).toEqual([
      [0, 1],
      [0, 1],
      [2, 3],
      [2, 3],
    ]);
  });

  test('of masks that constants decide', () => {
    const mask = tensor([true, false, true]);
    expect(patternAt((x) => where(mask, x, sum(x)), 3)).toEqual([[0], [0, 1, 2], [2]]);
    expect(patternAt((x) => mul(x, [0, 1, 2]), 3)).toEqual([[], [1], [2]]);
    expect(patternAt((x) => mul(x, 0), 2)).toEqual([[], []]);
    expect(patternAt((x) => where(input([3], { dtype: 'bool' }), x, 0), 3)).toEqual([[0], [1], [2]]);
  });

  test('of what has no derivative, or one that is zero', () => {
    expect(patternAt((x) => add(x, stopGradient(sum(x))), 2)).toEqual([[0], [1]]);
    expect(patternAt((x) => mul(x, gather(x, argmax(x))), 2)).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test('of loops, round by round, and of choices, by either branch', () => {
    const running = (x: Variable): Variable =>
      scan((c: Variable, e: Variable) => [add(c, square(e)), mul(c, e)] as const, leaf(0), x)[1];
    expect(patternAt(running, 3)).toEqual([[0], [0, 1], [0, 1, 2]]);
    const fromTheEnd = (x: Variable): Variable =>
      scan((c: Variable, e: Variable) => [add(c, e), add(c, e)] as const, leaf(0), x, { reverse: true })[1];
    expect(patternAt(fromTheEnd, 3)).toEqual([[0, 1, 2], [1, 2], [2]]);
    const shifting = (x: Variable): Variable =>
      whileLoop(
        (y: Variable) => less(sum(y), 1),
        (y: Variable) => add(left(y), 1),
        x,
      );
    expect(patternAt(shifting, 3)).toEqual([[0], [0, 1], [0, 1, 2]]);
    const chosen = (x: Variable): Variable =>
      cond(
        less(sum(x), 0),
        (y: Variable) => left(y),
        (y: Variable) => right(y),
        x,
      );
    expect(patternAt(chosen, 3)).toEqual([[1], [0, 2], [1]]);
    const x = double([0.3, -0.2, 0.4]);
    for (const f of [running, fromTheEnd, shifting, chosen]) {
      expectClose(valueOf(toDense(sparseJacobian(f)(x))), valueOf(jacobian(f)(x)), 1e-14);
    }
  });

  test('do not depend on the numbers of the arguments, constant or not', () => {
    const f = (x: Variable, y: Variable): Variable => mul(square(x), y);
    expect(rowsOf(jacobianPattern(f)(double([0, 1, 2]), double([1, 0, 1])))).toEqual([[0], [1], [2]]);
    expect(rowsOf(sparseJacobian(f)([0, 0, 0], [0, 0, 0]))).toEqual([[0], [1], [2]]);
  });

  test('of second derivatives', () => {
    const f = (x: Variable): Variable =>
      add(sum(square(x)), mul(sum(slice(x, [0], [2])), sum(slice(x, [3], [4]))));
    expect(rowsOf(hessianPattern(f)(vector(4)))).toEqual([[0, 3], [1, 3], [2], [0, 1, 3]]);
    expect(rowsOf(hessianPattern((x: Variable) => sum(x))(vector(2)))).toEqual([[], []]);
  });
});

describe('colorings', () => {
  const patterns = fc
    .record({ rows: fc.integer({ min: 1, max: 12 }), columns: fc.integer({ min: 1, max: 12 }) })
    .chain(({ rows, columns }) =>
      fc
        .array(fc.subarray(range(columns)), { minLength: rows, maxLength: rows })
        .map((lists) => patternOf(lists, columns)),
    );

  const usesAll = ({ count, colors }: Coloring): void => {
    expect(new Set([...colors].filter((color) => color >= 0)).size).toBe(count);
  };

  test('of columns: those of a color share no row', () => {
    fc.assert(
      fc.property(patterns, (pattern) => {
        const coloring = colorColumns(pattern);
        usesAll(coloring);
        for (const row of rowsOf(pattern)) {
          const met = row.map((column) => coloring.colors[column]);
          expect(new Set(met).size).toBe(row.length);
          expect(met.every((color) => color >= 0)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of symmetric patterns: every element has a product to itself, in its row or in its column', () => {
    fc.assert(
      fc.property(patterns, (drawn) => {
        const n = Math.max(...drawn.shape);
        const lists = range(n).map(() => new Set<number>());
        rowsOf(drawn).forEach((row, i) => {
          for (const j of row) {
            lists[i].add(j);
            lists[j].add(i);
          }
        });
        const rows = lists.map((each) => [...each].sort((a, b) => a - b));
        const coloring = colorSymmetric(patternOf(rows, n));
        usesAll(coloring);
        const { colors } = coloring;
        /** Whether j is the only column of its color in row i. */
        const alone = (i: number, j: number): boolean =>
          rows[i].filter((column) => colors[column] === colors[j]).length === 1;
        rows.forEach((row, i) => {
          for (const j of row) {
            const [r, c] = coloring.hasToItself(i, j) ? [i, j] : [j, i];
            expect(alone(r, c)).toBe(true);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  test('take as many colors as a band is wide, and as a five-point stencil has points', () => {
    const band = (n: number, k: number): SparsityPattern =>
      patternOf(
        range(n).map((i) => range(n).filter((j) => Math.abs(i - j) <= k)),
        n,
      );
    for (const k of [0, 1, 2, 5]) {
      expect(colorColumns(band(40, k)).count).toBe(2 * k + 1);
      expect(colorSymmetric(band(40, k)).count).toBe(2 * k + 1);
    }
    const stencil = jacobianPattern(diffusion(20))(vector(400));
    expect(colorColumns(stencil).count).toBe(5);
  });

  test('of a full matrix are as many as it has columns; of nothing, none', () => {
    const full = patternOf(
      range(30).map(() => range(30)),
      30,
    );
    expect(colorColumns(full).count).toBe(30);
    expect(colorSymmetric(full).count).toBe(30);
    expect(colorColumns(patternOf([[], []], 2))).toEqual({ count: 0, colors: Int32Array.of(-1, -1) });
  });
});

const MODES = ['forward', 'reverse', 'auto'] as const;

/** The dense Jacobian with outputs and inputs each in one row. */
function denseJacobian(f: (xs: any) => unknown, at: unknown): number[][] {
  const blocks = jacobian(f as (x: any) => any)(at as any);
  const rows: Variable[][] = Array.isArray(blocks)
    ? (blocks as any[]).map((each) => [each].flat())
    : [[blocks]];
  return rows.flatMap((row) => {
    const inputs = (Array.isArray(at) && at.every((each) => typeof each === 'object') ? at : [at]) as {
      shape: readonly number[];
    }[];
    const sizes = inputs.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    const parts = row.map((each) => flatten(valueOf(each)));
    const height = parts[0].length / sizes[0];
    return range(height).map((r) => parts.flatMap((part, k) => part.slice(r * sizes[k], (r + 1) * sizes[k])));
  });
}

describe('sparseJacobian', () => {
  const w = randomMatrices(2)(6, 6);
  const functions: [string, (x: Variable) => Variable][] = [
    ['shifted products', tridiagonal],
    ['a stencil', (x) => diffusion(3)(concat([x, slice(x, [0], [3])]))],
    ['a layer', (x) => tanh(matmul(double(w), x))],
    ['a running sum', (x) => cumsum(exp(x))],
    ['a softmax of rows', (x) => softmax(reshape(x, [2, 3]))],
    ['a dense row', (x) => concat([sum(square(x), 0, { keepDims: true }), sin(x)])],
    ['a dense column', (x) => mul(x, slice(x, [2], [3]))],
    ['reading and adding', (x) => scatterAdd(sin(x), [0, 0, 5], square(gather(x, [1, 1, 4])))],
    ['a quotient of differences', (x) => div(sub(right(x), left(x)), add(2, sin(x)))],
    ['a constant', () => leaf([1, 2])],
    ['a scalar', (x) => sum(mul(x, x))],
  ];

  test.each(functions)('of %s is the dense one, in every mode', (_, f) => {
    const x = double(wave(6));
    const dense = flatten(valueOf(jacobian(f)(x)));
    for (const mode of MODES) {
      const found = sparseJacobian(f, { mode })(x);
      expectClose(flatten(valueOf(toDense(found))), dense, 1e-14);
      if (mode !== 'auto') expect(found.mode).toBe(mode);
    }
  });

  test('of random graphs is the dense one, and its pattern holds all that is not zero', () => {
    fc.assert(
      fc.property(recipes('every', 8, 'small'), (recipe) => {
        const { f, at } = functionOfRecipe(recipe, 2);
        const dense = denseJacobian(f, at);
        for (const mode of ['forward', 'reverse'] as const) {
          const found = sparseJacobian(f, { mode })(at);
          expect(found.shape).toEqual([dense.length, dense[0].length]);
          const rows = rowsOf(found);
          dense.forEach((row, i) => {
            row.forEach((each, j) => {
              // Below this, terms cancel but for rounding.
              if (Math.abs(each) > 1e-12) expect(rows[i]).toContain(j);
            });
          });
          expect(relativeError(evaluate(toDense(found)).data, dense.flat())).toBeLessThan(1e-12);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('of size 10,000 x 10,000, tridiagonal, takes 3 products', () => {
    const n = 10_000;
    const x = wave(n);
    const found = sparseJacobian(tridiagonal)(double(x));
    expect(found.colors).toBe(3);
    expect(found.shape).toEqual([n, n]);
    expect(found.columnIndices).toHaveLength(3 * n - 2);
    const values = evaluate(found.values).data;
    const { rowIndices, columnIndices } = toCOO(found);
    let worst = 0;
    values.forEach((value, element) => {
      const [i, j] = [rowIndices[element], columnIndices[element]];
      const [before, after] = [i > 0 ? x[i - 1] : 0, i < n - 1 ? x[i + 1] : 0];
      const expected = i === j ? 2 * x[i] : j < i ? Math.sin(after) : before * Math.cos(after);
      worst = Math.max(worst, Math.abs(value - expected));
    });
    expect(worst).toBeLessThan(1e-14);
  });

  test('goes by rows where one row is dense, and by columns where one column is', () => {
    const row = (x: Variable): Variable => concat([sum(square(x), 0, { keepDims: true }), sin(x)]);
    const column = (x: Variable): Variable => mul(x, slice(x, [0], [1]));
    const byRows = sparseJacobian(row)(double(wave(500)));
    expect([byRows.mode, byRows.colors]).toEqual(['reverse', 2]);
    const byColumns = sparseJacobian(column)(double(wave(500)));
    expect([byColumns.mode, byColumns.colors]).toEqual(['forward', 2]);
    expect(sparseJacobian(row, { mode: 'forward' })(double(wave(20))).colors).toBe(20);
  });

  test('numbers the elements of nested arguments and results one tensor after another', () => {
    const f = ({ a, b }: { a: Variable; b: Variable }) => [mul(a, b), { s: sum(a) }] as const;
    const found = sparseJacobian(f)({ a: leaf([1, 2]), b: leaf([[3], [4]]) });
    // a b broadcasts to [2, 2].
    expect(valueOf(toDense(found))).toEqual([
      [3, 0, 1, 0],
      [0, 3, 2, 0],
      [4, 0, 0, 1],
      [0, 4, 0, 2],
      [1, 1, 0, 0],
    ]);
  });

  test('gives values that can be compiled, mapped and differentiated', () => {
    const f = (x: Variable): Variable => sparseJacobian(tridiagonal)(x).values;
    const x = [0.2, -0.5, 1, 0.4];
    const direct = valueOf(f(leaf(x)));
    expectClose(compile(f)(double(x)).toArray(), direct, 1e-15);
    const batch = [x, x.map((each) => each * each)];
    expectClose(valueOf(vmap(f)(leaf(batch))), [direct, valueOf(f(leaf(batch[1])))], 1e-15);
    // The derivatives of the elements, by the dense second derivatives.
    const { rowIndices, columnIndices } = toCOO(jacobianPattern(tridiagonal)(vector(4)));
    const second = valueOf(jacobian(jacobian(tridiagonal))(leaf(x))) as number[][][];
    expectClose(
      valueOf(jacobian(f)(leaf(x))),
      Array.from(rowIndices, (i, element) => second[i][columnIndices[element]]),
      1e-14,
    );
  });

  test('keeps infinite and undefined numbers to their own elements', () => {
    const found = sparseJacobian((x: Variable) => div(1, x))(leaf([0, 2]));
    expect(valueOf(found.values)).toEqual([-Infinity, -0.25]);
  });

  test('is one batched graph and one read, whatever the size', () => {
    const size = (n: number): number => countApplications([sparseJacobian(tridiagonal)(vector(n)).values]);
    expect(size(300)).toBe(size(30));
    expect(countApplications([sparseJacobian(tridiagonal)(vector(30)).values], 'gather')).toBe(1);
  });

  test('sees other arguments as they are, and refuses what cannot be differentiated', () => {
    const f = (x: Variable, y: Variable): Variable => mul(x, y);
    expect(valueOf(sparseJacobian(f, { argument: 1 })(leaf([1, 2]), leaf([3, 4])).values)).toEqual([1, 2]);
    expect(() => sparseJacobian(f)(whole([1, 2]), leaf([3, 4]))).toThrow(UndefinedGradientError);
    expect(() => sparseJacobian(f, { argument: 2 })(leaf([1]), leaf([3]))).toThrow(
      /^sparseJacobian: argument 2/,
    );
    expect(() => sparseJacobian(f, { mode: 'rows' as 'auto' })).toThrow(/no mode rows/);
  });
});

describe('sparseHessian', () => {
  test('of Rosenbrock with 1,000 elements is its closed form, from 3 products', () => {
    const x = rosenbrockStart(1000).map((each, i) => each + Math.sin(i) / 3);
    const found = sparseHessian(rosenbrock)(double(x));
    expect(found.colors).toBe(3);
    expect(found.columnIndices).toHaveLength(3 * 1000 - 2);
    const { diagonal: main, beside } = rosenbrockHessian(x);
    const { rowIndices, columnIndices } = toCOO(found);
    expectClose(
      valueOf(found.values),
      Array.from(rowIndices, (i, element) => {
        const j = columnIndices[element];
        return i === j ? main[i] : beside[Math.min(i, j)];
      }),
    );
  });

  /** sum of x_i^2 x_0: a dense first row and column. */
  const arrow = (x: Variable): Variable => sum(mul(square(x), slice(x, [0], [1])));

  test.each([
    ['Rosenbrock', rosenbrock],
    ['an arrow', arrow],
    ['a stencil', (x: Variable) => sum(square(diffusion(3)(x)))],
    ['a dense one', (x: Variable) => square(sum(sin(x)))],
    ['a diagonal one', (x: Variable) => sum(exp(x))],
    ['a linear function', (x: Variable) => sum(x)],
    ['products of neighbours and of opposites', (x: Variable) => sum(mul(mul(x, left(x)), flip(x)))],
  ])('of %s is the dense one', (_, f) => {
    const x = double(wave(9));
    const found = sparseHessian(f)(x);
    expectClose(valueOf(toDense(found)), valueOf(hessian(f)(x)));
  });

  test('of an arrow takes 2 products, where columns alone would take as many as there are', () => {
    const found = sparseHessian(arrow)(double(wave(300)));
    expect(found.colors).toBe(2);
    expect(sparseJacobian(grad(arrow))(double(wave(300))).colors).toBe(300);
  });

  test('of random graphs is the dense one', () => {
    fc.assert(
      fc.property(recipes('smooth', 6, 'small'), (recipe) => {
        const { f, at } = functionOfRecipe(recipe, 1);
        const scalar = (xs: readonly Variable[]): Variable => sum(sin(f(xs)[0]));
        const found = sparseHessian(scalar)(at);
        const dense = denseJacobian(grad(scalar) as (xs: unknown) => unknown, at);
        expect(relativeError(evaluate(toDense(found)).data, dense.flat())).toBeLessThan(1e-11);
      }),
      { numRuns: 40 },
    );
  });

  test('numbers nested arguments, compiles, and multiplies', () => {
    const f = ({ a, b }: { a: Variable; b: Variable }): Variable => add(sum(mul(square(a), b)), exp(b));
    const found = sparseHessian(f)({ a: leaf([1, 2]), b: leaf(3) });
    expectClose(valueOf(toDense(found)), [
      [6, 0, 2],
      [0, 6, 4],
      [2, 4, Math.exp(3)],
    ]);
    const product = compile((x: Variable, v: Variable) => spmv(sparseHessian(rosenbrock)(x), v));
    const x = [0.5, -1, 2, 0.1];
    const whole = valueOf(hessian(rosenbrock)(leaf(x))) as number[][];
    expectClose(
      product(double(x), double([1, 2, 3, 4])).toArray(),
      times(whole, [[1], [2], [3], [4]]).flat(),
    );
  });

  test('refuses a function that is not scalar', () => {
    expect(() => sparseHessian((x: Variable) => x)([1, 2])).toThrow(/^sparseHessian: the function returned/);
  });
});
