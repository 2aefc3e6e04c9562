/** Values of decompositions, solvers and determinants: against closed forms, mpmath, and what they must multiply to. */
import { describe, expect, test } from 'vitest';
import { gradients, vmap } from '../../src/autodiff/index.ts';
import {
  ancestors,
  constant,
  type Nested,
  NumericalError,
  ShapeError,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { rewrite } from '../../src/rewrite/rewriter.ts';
import { backends, reference } from '../support/backends.ts';
import { largest, relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';

const { cholesky, det, eigh, expandDims, inv, lstsq, matmul, mul, pinv, qr } = registry;
const { slogdet, solve, sub, sum, svd, transpose, triangularSolve, tril, triu } = registry;

const float64 = (data: Nested): Variable => constant(tensor(data, { dtype: 'float64' }));

/** A matrix with elements between -1 and 1. */
function random(...shape: number[]): Variable {
  const draw = uniform(shape.reduce((seed, extent) => 31 * seed + extent, 7));
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * draw() - 1);
  return constant(tensor(data, { shape, dtype: 'float64' }));
}

const numbers = (x: Variable): number[] => [...reference.evaluate([x])[0].data];
const number = (x: Variable): number => numbers(x)[0];
const swapped = (x: Variable): Variable =>
  transpose(
    x,
    x.shape.map((_, axis) => (axis < x.rank - 2 ? axis : 2 * x.rank - 3 - axis)),
  );
const unit = (n: number): Variable =>
  float64(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j))));
const distance = (a: Variable, b: Variable): number => largest(numbers(sub(a, b)));
const lengthOf = (x: Variable): number => Math.max(...x.shape);

/** The columns of Q are orthonormal. */
function expectOrthonormal(q: Variable): void {
  const n = q.shape[q.rank - 1];
  expect(distance(matmul(swapped(q), q), unit(n))).toBeLessThanOrEqual(1e-14);
}

/** 1 / (i + j + 1): condition number 1.5e10 for n = 8. */
const hilbert = (n: number): Variable =>
  float64(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => 1 / (i + j + 1))));

const SHAPES: number[][] = [
  [1, 1],
  [5, 5],
  [7, 3],
  [3, 7],
  [2, 3, 4, 4],
  [2, 6, 2],
  [40, 40],
];

describe('factors multiply to the matrix', () => {
  test.each(SHAPES)('QR of %j %j', (...shape) => {
    const a = random(...shape);
    const [q, r] = qr(a);
    expectOrthonormal(q);
    expect(distance(matmul(q, r), a)).toBeLessThanOrEqual(1e-15 * lengthOf(a));
    expect(numbers(r)).toEqual(numbers(triu(r)));
    const diagonal = numbers(registry.diagonal(r, { axes: [r.rank - 2, r.rank - 1] }));
    expect(Math.min(...diagonal)).toBeGreaterThan(0);
  });

  test.each(SHAPES)('SVD of %j %j', (...shape) => {
    const a = random(...shape);
    const [u, s, vT] = svd(a);
    expectOrthonormal(u);
    expectOrthonormal(swapped(vT));
    expect(distance(matmul(mul(u, expandDims(s, -2)), vT), a)).toBeLessThanOrEqual(1e-15 * lengthOf(a));
    const k = s.shape[s.rank - 1];
    numbers(s).forEach((value, i, all) => {
      expect(value).toBeGreaterThanOrEqual(0);
      if (i % k > 0) expect(value).toBeLessThanOrEqual(all[i - 1]);
    });
  });

  test.each(SHAPES.filter((shape) => shape.at(-1) === shape.at(-2)))('eigenvalues of %j %j', (...shape) => {
    const a = random(...shape);
    const symmetric = mul(0.5, a.add(swapped(a)));
    const [w, v] = eigh(a);
    expectOrthonormal(v);
    const made = matmul(mul(v, expandDims(w, -2)), swapped(v));
    expect(distance(made, symmetric)).toBeLessThanOrEqual(1e-15 * lengthOf(a));
    const n = lengthOf(w);
    numbers(w).forEach((value, i, all) => {
      if (i % n > 0) expect(value).toBeGreaterThanOrEqual(all[i - 1]);
    });
  });

  test.each(SHAPES)('Cholesky of A A^T + I for A of %j %j', (...shape) => {
    const a = random(...shape);
    const definite = matmul(a, swapped(a)).add(unit(a.shape[a.rank - 2]));
    const l = cholesky(definite);
    expect(distance(matmul(l, swapped(l)), definite)).toBeLessThanOrEqual(1e-15 * lengthOf(a));
    expect(numbers(l)).toEqual(numbers(tril(l)));
  });

  test.each(SHAPES)('Moore and Penrose of %j %j', (...shape) => {
    const a = random(...shape);
    const p = pinv(a);
    expect(distance(matmul(matmul(a, p), a), a)).toBeLessThanOrEqual(1e-13);
    expect(distance(matmul(matmul(p, a), p), p)).toBeLessThanOrEqual(1e-13 * largest(numbers(p)) ** 2);
    expect(distance(matmul(a, p), swapped(matmul(a, p)))).toBeLessThanOrEqual(1e-13 * largest(numbers(p)));
    expect(distance(matmul(p, a), swapped(matmul(p, a)))).toBeLessThanOrEqual(1e-13 * largest(numbers(p)));
  });
});

/** Numbers by mpmath with 60 digits, for the matrix of float64 numbers. */
describe('Hilbert matrix of order 8', () => {
  const h = hilbert(8);
  const DETERMINANT = 2.73705012175573e-33;
  const EIGENVALUES = [
    1.11153896948881e-10, 1.7988737460063e-8, 1.29433209187418e-6, 5.4369433697509e-5, 0.00146768811774185,
    0.0262128435781191, 0.298125211316931, 1.69593899692195,
  ];

  test('eigenvalues and singular values to machine precision', () => {
    numbers(eigh(h)[0]).forEach((w, i) => expect(Math.abs(w - EIGENVALUES[i])).toBeLessThanOrEqual(1e-15));
    const descending = EIGENVALUES.toReversed();
    numbers(svd(h)[1]).forEach((s, i) => expect(Math.abs(s - descending[i])).toBeLessThanOrEqual(1e-15));
  });

  test('a determinant of 3e-33 to what its condition leaves', () => {
    expect(number(det(h)) / DETERMINANT).toBeCloseTo(1, 5);
    expect(number(slogdet(h)[1])).toBeCloseTo(Math.log(DETERMINANT), 5);
  });

  test('solutions with a residual of rounding', () => {
    const b = random(8);
    const scale = largest(numbers(solve(h, b)));
    expect(scale).toBeGreaterThan(1e8);
    expect(distance(matmul(h, solve(h, b)), b)).toBeLessThanOrEqual(1e-15 * scale);
    const l = cholesky(h);
    expect(distance(matmul(l, swapped(l)), h)).toBeLessThanOrEqual(3e-16);
    const x = triangularSolve(l, triangularSolve(l, b), { transpose: true });
    expect(distance(matmul(h, x), b)).toBeLessThanOrEqual(1e-15 * scale);
    expect(distance(matmul(h, lstsq(h, b)), b)).toBeLessThanOrEqual(1e-14 * scale);
  });

  test('an inverse of whole numbers', () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
    const exact = Array.from({ length: 5 }, (_, i) =>
      Array.from({ length: 5 }, (_, j) => {
        const sign = (i + j) % 2 === 0 ? 1 : -1;
        return sign * (i + j + 1) * choose(5 + i, 4 - j) * choose(5 + j, 4 - i) * choose(i + j, i) ** 2;
      }),
    );
    expect(relativeError(numbers(inv(hilbert(5))), exact.flat())).toBeLessThanOrEqual(1e-11);
  });
});

describe('conventions', () => {
  test('cholesky and eigh read the symmetric part', () => {
    const skewed = float64([
      [4, 3],
      [-1, 5],
    ]);
    const symmetric = float64([
      [4, 1],
      [1, 5],
    ]);
    expect(numbers(cholesky(skewed))).toEqual(numbers(cholesky(symmetric)));
    expect(numbers(eigh(skewed)[1])).toEqual(numbers(eigh(symmetric)[1]));
  });

  test('a right-hand side of rank 1 is a vector, others are matrices, and leading axes broadcast', () => {
    const a = random(2, 3, 3);
    const b = random(3);
    const x = solve(a, b);
    expect(x.shape).toEqual([2, 3]);
    expect(distance(registry.reshape(matmul(a, expandDims(x, -1)), [2, 3]), b)).toBeLessThanOrEqual(1e-14);
    const columns = random(5, 1, 3, 2);
    expect(solve(a, columns).shape).toEqual([5, 2, 3, 2]);
    expect(distance(matmul(a, solve(a, columns)), columns)).toBeLessThanOrEqual(1e-13);
    expect(lstsq(random(4, 6, 3), random(6)).shape).toEqual([4, 3]);
    expect(
      numbers(
        solve(
          [
            [2, 0],
            [0, 4],
          ],
          [1, 1],
        ),
      ),
    ).toEqual([0.5, 0.25]);
  });

  test('triangularSolve reads its triangle alone', () => {
    const nan = Number.NaN;
    const lower = float64([
      [2, nan],
      [1, 4],
    ]);
    const upper = swapped(lower);
    const b = float64([2, 9]);
    expect(numbers(triangularSolve(lower, b))).toEqual([1, 2]);
    expect(numbers(triangularSolve(upper, b, { lower: false, transpose: true }))).toEqual([1, 2]);
    expect(numbers(triangularSolve(lower, b, { unitDiagonal: true }))).toEqual([2, 7]);
    expect(numbers(triangularSolve(lower, b, { transpose: true }))).toEqual([-0.125, 2.25]);
    expect(numbers(triangularSolve(upper, b, { lower: false }))).toEqual([-0.125, 2.25]);
  });

  test('in each column of V and U the first large element is positive, also where two are equally large', () => {
    const flip = float64([
      [0, 1],
      [1, 0],
    ]);
    const half = Math.SQRT1_2;
    expect(relativeError(numbers(eigh(flip)[1]), [half, half, -half, half])).toBeLessThanOrEqual(1e-15);
    expect(numbers(eigh(mul(2, unit(3)))[1])).toEqual(numbers(unit(3)));
  });

  test.each([
    [5, 5],
    [6, 3],
    [3, 6],
  ])('that of U for a matrix of %i x %i', (m, n) => {
    const [u, s] = svd(random(m, n));
    const k = s.shape[0];
    const columns = Array.from({ length: k }, (_, j) => numbers(u).filter((_, place) => place % k === j));
    for (const column of columns) expect(Math.max(...column)).toBe(largest(column));
  });

  test('float32 is computed in float64 and rounded once', () => {
    const a = random(6, 6);
    const narrow = registry.cast(a, 'float32');
    const wide = registry.cast(narrow, 'float64');
    const rounded = (x: Variable): number[] => numbers(x).map(Math.fround);
    expect(numbers(inv(narrow))).toEqual(rounded(inv(wide)));
    expect(numbers(det(narrow))).toEqual(rounded(det(wide)));
    qr(narrow).forEach((each, i) => expect(numbers(each)).toEqual(rounded(qr(wide)[i])));
    svd(narrow).forEach((each, i) => expect(numbers(each)).toEqual(rounded(svd(wide)[i])));
    eigh(narrow).forEach((each, i) => expect(numbers(each)).toEqual(rounded(eigh(wide)[i])));
  });

  test.each([1e200, 1e-200])('elements of size %d neither overflow nor underflow', (size) => {
    const a = mul(size, random(4, 4));
    const s = svd(a)[1];
    expect(relativeError(numbers(s.div(size)), numbers(svd(random(4, 4))[1]))).toBeLessThanOrEqual(1e-14);
    const w = eigh(a)[0];
    expect(relativeError(numbers(w.div(size)), numbers(eigh(random(4, 4))[0]))).toBeLessThanOrEqual(1e-14);
    const [q, r] = qr(a);
    expectOrthonormal(q);
    expect(distance(matmul(q, r.div(size)), a.div(size))).toBeLessThanOrEqual(1e-14);
    const [, logarithm] = slogdet(a);
    const expected = number(slogdet(random(4, 4))[1]) + 4 * Math.log(size);
    expect(number(logarithm)).toBeCloseTo(expected, 10);
  });

  test('NaN goes through', () => {
    const broken = float64([
      [1, 2],
      [Number.NaN, 1],
    ]);
    const results = [...eigh(broken), ...svd(broken), ...qr(broken), pinv(broken), inv(broken), det(broken)];
    for (const each of results) expect(numbers(each).some(Number.isNaN), each.toString()).toBe(true);
    expect(numbers(cholesky(broken)).some(Number.isNaN)).toBe(true);
  });

  test('NaN is not lost next to a zero of the elimination', () => {
    for (const matrix of [
      [
        [1, Number.NaN],
        [0, 1],
      ],
      [
        [0, 1],
        [Number.NaN, 1],
      ],
    ]) {
      const a = float64(matrix);
      for (const result of [det(a), ...slogdet(a), ...[solve(a, [1, 1]), inv(a)].map((x) => sum(x))]) {
        expect(number(result)).toBeNaN();
      }
    }
  });

  test('empty and single-element matrices', () => {
    const none = random(0, 0);
    const several = random(2, 0, 0);
    for (const each of [cholesky(none), inv(none), ...qr(none), ...svd(none), ...eigh(none), pinv(none)])
      expect(numbers(each)).toEqual([]);
    expect(numbers(det(several))).toEqual([1, 1]);
    expect(slogdet(several).map(numbers)).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect(solve(none, random(0)).shape).toEqual([0]);
    expect(numbers(lstsq(random(0, 2), random(0, 3)))).toEqual([0, 0, 0, 0, 0, 0]);
    expect(numbers(det(random(0, 3, 3)))).toEqual([]);
    const single = float64([[-4]]);
    expect(numbers(inv(single))).toEqual([-0.25]);
    expect(svd(single).map(numbers)).toEqual([[1], [4], [-1]]);
    expect(eigh(single).map(numbers)).toEqual([[-4], [1]]);
    expect(qr(single).map(numbers)).toEqual([[-1], [4]]);
  });
});

describe('singular and rank-deficient matrices', () => {
  const singular = float64([
    [1, 2],
    [2, 4],
  ]);

  test('have determinant 0, sign 0 and logarithm -Infinity', () => {
    expect(numbers(det(singular))).toEqual([0]);
    expect(slogdet(singular).map(numbers)).toEqual([[0], [Number.NEGATIVE_INFINITY]]);
    expect(
      number(
        det(
          float64([
            [0, 1, 0],
            [0, 0, 1],
            [1, 0, 0],
          ]),
        ),
      ),
    ).toBe(1);
    expect(
      number(
        det(
          float64([
            [0, 1],
            [1, 0],
          ]),
        ),
      ),
    ).toBe(-1);
    expect(slogdet(mul(1e-300, unit(3))).map(number)).toEqual([1, 3 * Math.log(1e-300)]);
  });

  test.each([
    [6, 4, 2],
    [4, 6, 2],
    [5, 5, 0],
    [9, 3, 1],
  ])('%i x %i of rank %i have orthonormal factors', (m, n, rank) => {
    const a = matmul(random(m, rank), random(rank, n));
    const [u, s, vT] = svd(a);
    expectOrthonormal(u);
    expectOrthonormal(swapped(vT));
    expect(numbers(s).filter((value) => value > 1e-14)).toHaveLength(rank);
    expect(distance(matmul(mul(u, expandDims(s, -2)), vT), a)).toBeLessThanOrEqual(1e-14);
    const [q, r] = qr(a);
    expectOrthonormal(q);
    expect(distance(matmul(q, r), a)).toBeLessThanOrEqual(1e-14);
    const p = pinv(a);
    expect(distance(matmul(matmul(a, p), a), a)).toBeLessThanOrEqual(1e-13);
    // The solution of least norm is orthogonal to the null space.
    const x = lstsq(a, random(m));
    expect(distance(matmul(p, matmul(a, x)), x)).toBeLessThanOrEqual(1e-13);
  });

  test('lstsq minimises the residual', () => {
    const [a, b] = [random(9, 3), random(9)];
    const residual = sub(b, matmul(a, lstsq(a, b)));
    expect(largest(numbers(matmul(transpose(a), residual)))).toBeLessThanOrEqual(1e-14);
    const line = lstsq(
      [
        [1, 0],
        [1, 1],
        [1, 2],
      ],
      float64([1, 3, 5]),
    );
    expect(relativeError(numbers(line), [1, 2])).toBeLessThanOrEqual(1e-15);
  });

  test('tolerance says which singular values count', () => {
    const nearly = float64([
      [1, 0],
      [0, 1e-6],
    ]);
    expect(relativeError(numbers(pinv(nearly)), [1, 0, 0, 1e6])).toBeLessThanOrEqual(1e-15);
    expect(numbers(pinv(nearly, { tolerance: 1e-5 }))).toEqual([1, 0, 0, 0]);
    expect(numbers(lstsq(nearly, float64([1, 1]), { tolerance: 1e-5 }))).toEqual([1, 0]);
  });
});

describe('errors', () => {
  const indefinite = float64([
    [
      [1, 0],
      [0, 1],
    ],
    [
      [1, 2],
      [2, 1],
    ],
  ]);
  const LINE = /at decomposition\.test\.ts:\d+$/;

  test.each([reference, ...backends])(
    'of numbers name the matrix, the pivot and the line: $name',
    ({ evaluate }) => {
      const failure = (x: Variable): string => {
        try {
          evaluate([x]);
        } catch (error) {
          expect(error).toBeInstanceOf(NumericalError);
          return (error as Error).message;
        }
        return 'no error';
      };
      const zero = mul(0, indefinite);
      for (const x of [
        cholesky(indefinite),
        solve(zero, random(2)),
        inv(zero),
        triangularSolve(zero, random(2)),
      ])
        expect(failure(x)).toMatch(LINE);
      expect(failure(cholesky(indefinite))).toMatch(
        /^cholesky: matrix \[1\] of the batch \[2\] is not positive definite: the pivot of row 1 is -3; add/,
      );
      expect(
        failure(
          solve(
            float64([
              [1, 2],
              [2, 4],
            ]),
            random(2),
          ),
        ),
      ).toMatch(/^solve: the 2 x 2 matrix is singular: pivot 1/);
      expect(failure(inv(zero))).toMatch(/^inv: matrix \[0\] of the batch \[2\] is singular: pivot 0/);
      expect(failure(triangularSolve(zero, random(2)))).toMatch(
        /^triangularSolve: .* element 0 of its diagonal is 0/,
      );
      expect(failure(sum(registry.slogdet(zero)[1]))).toBe('no error');
    },
  );

  test('of shapes name the shapes', () => {
    expect(() => cholesky(random(2, 3))).toThrow(ShapeError);
    expect(() => cholesky(random(2, 3))).toThrow(
      /cholesky: takes square matrices, got \[2, 3\].* at decomposition/,
    );
    expect(() => det(random(3))).toThrow(/det: \[3\] is no matrix; it takes \[\.\.\., rows, columns\]/);
    expect(() => tril(random(3))).toThrow(/tril: \[3\] is no matrix/);
    expect(() => solve(random(3, 3), random(4))).toThrow(
      /solve: \[3, 3\] has 3 rows, the right-hand side \[4\] has 4/,
    );
    expect(() => solve(random(5, 3, 3), random(5, 3))).toThrow(/make vectors columns: expandDims\(b, -1\)/);
    expect(() => solve(random(3, 3), 1)).toThrow(/right-hand side is a scalar/);
    expect(() => solve(random(2, 3), random(2))).toThrow(/solve: takes square matrices/);
    expect(() => solve(random(2, 3, 3), random(5, 3, 1))).toThrow(/do not broadcast/);
  });
});

describe('work is shared', () => {
  const names = (outputs: readonly Variable[]): string[] =>
    ancestors(rewrite(outputs, { expand: true })).applications.map(({ operation }) => operation.name);
  const count = (outputs: readonly Variable[], name: string): number =>
    names(outputs).filter((each) => each === name).length;

  test('one factorisation serves solve, det, slogdet, inv and their derivatives', () => {
    const a = random(3, 3);
    const solutions = sum(solve(a, random(3))).add(sum(solve(a, random(3, 2))));
    const z = solutions
      .add(det(a))
      .add(slogdet(a)[1])
      .add(sum(inv(a)));
    const [g] = gradients(z, [a]);
    const [gg] = gradients(sum(g), [a]);
    expect(count([z, g, gg], 'factorLU')).toBe(1);
  });

  test('vmap over right-hand sides solves one system with more columns', () => {
    const a = random(3, 3);
    const b = random(7, 3);
    const x = vmap((each: Variable) => solve(a, each))(b);
    expect(count([x], 'solve')).toBe(1);
    const solved = ancestors([x]).applications.find(({ operation }) => operation.name === 'solve');
    expect(solved?.outputs[0].shape).toEqual([3, 7]);
    expect(distance(matmul(x, transpose(a)), b)).toBeLessThanOrEqual(1e-13);
  });
});
