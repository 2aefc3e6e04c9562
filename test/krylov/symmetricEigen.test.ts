import { describe, expect, test } from 'vitest';
import { type Rows, symmetricEigen } from '../../src/krylov/symmetricEigen.ts';
import { relativeError } from '../support/numeric.ts';
import {
  geometric,
  jacobiEigenvalues,
  length,
  type Matrix,
  matrix,
  randomNumbers,
  symmetric,
  times,
} from './dense.ts';

const lower = (A: Matrix): Rows => A.map((row, i) => Float64Array.from(row.slice(0, i + 1)));

function expectDecomposition(A: Matrix): void {
  const { values, vectors } = symmetricEigen(lower(A));
  const size = Math.max(...A.flat().map(Math.abs), Number.MIN_VALUE);
  const allowed = 1e-14 * A.length * size;
  expect([...values]).toEqual([...values].sort((a, b) => a - b));
  values.forEach((value, i) => {
    const image = times(A, vectors[i]);
    expect(length(image.map((each, k) => each - value * vectors[i][k]))).toBeLessThanOrEqual(allowed);
    vectors.forEach((other, j) => {
      const product = other.reduce((total, each, k) => total + each * vectors[i][k], 0);
      expect(Math.abs(product - Number(i === j))).toBeLessThan(1e-14 * A.length);
    });
  });
  jacobiEigenvalues(A.map((row) => row.map((each) => each / size))).forEach((value, i) => {
    expect(Math.abs(values[i] - value * size)).toBeLessThanOrEqual(allowed);
  });
}

describe('eigenvalues and eigenvectors', () => {
  test.each([
    ['of size 1', [[-3]]],
    [
      'of size 2',
      [
        [1, 2],
        [2, -1],
      ],
    ],
    ['zero', matrix(4, 4, () => 0)],
    ['diagonal', matrix(5, 5, (i, j) => (i === j ? 3 - i : 0))],
    ['with zeros on the diagonal', matrix(6, 6, (i, j) => Number(Math.abs(i - j) === 1))],
    ['of rank 1', matrix(6, 6, (i, j) => (i + 1) * (j + 1))],
    [
      'an arrow, as after a thick restart',
      matrix(9, 9, (i, j) => (i === j ? i * i : Math.max(i, j) === 8 ? 1 / (1 + Math.min(i, j)) : 0)),
    ],
    ['graded', matrix(8, 8, (i, j) => 10 ** -(i + j))],
    ['huge', matrix(4, 4, (i, j) => 1e200 / (i + j + 1))],
    ['tiny', matrix(4, 4, (i, j) => 1e-200 / (i + j + 1))],
    ['with multiple eigenvalues', symmetric(1, [2, 2, 2, -1, -1, 5, 5, 0])],
    ['with eigenvalues far apart', symmetric(2, geometric(1e-8, 1e8, 20))],
    ['random', symmetric(3, randomNumbers(4, 30))],
  ])('a matrix %s', (_, A) => {
    expectDecomposition(A as Matrix);
  });

  test('the second difference, in closed form', () => {
    const n = 40;
    const { values } = symmetricEigen(
      lower(matrix(n, n, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0))),
    );
    const exact = Array.from({ length: n }, (_, k) => 4 * Math.sin((Math.PI * (k + 1)) / (2 * (n + 1))) ** 2);
    expect(relativeError(values, exact)).toBeLessThan(1e-14);
  });

  test('of size 0', () => {
    expect(symmetricEigen([])).toEqual({ values: new Float64Array(0), vectors: [] });
  });

  test('a matrix with NaN is an error, not a loop', () => {
    expect(() =>
      symmetricEigen(
        lower([
          [1, Number.NaN],
          [Number.NaN, 1],
        ]),
      ),
    ).toThrow(/finite/);
  });
});
