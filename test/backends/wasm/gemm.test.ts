import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  at,
  check,
  expectSame,
  from,
  instantiate,
  isSingle,
  LAYOUTS,
  type Layout,
  type Matrix,
  matrix,
  multiply,
  NAMES,
  type Numbers,
  numbers,
  type Options,
  relaid,
  rounded,
} from './gemmSupport.ts';

const TRANSPOSES: readonly (readonly [Layout, Layout])[] = [
  ['rows', 'rows'],
  ['rows', 'transposed'],
  ['transposed', 'rows'],
  ['transposed', 'transposed'],
];

/** Products into a new C, products added to the old one, and products with both factors. */
const FACTORS: readonly Pick<Options, 'alpha' | 'beta'>[] = [{}, { beta: 1 }, { alpha: -0.1, beta: 0.5 }];

describe.each(NAMES)('%s', (name) => {
  test.each(TRANSPOSES)('all small sizes, A %s, B %s', (a, b) => {
    for (const M of [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 16, 19]) {
      for (let N = 0; N <= 20; N++) {
        for (const K of [0, 1, 2, 3, 4, 5, 7, 8, 9, 17, 33]) {
          check(name, M, N, K, matrix(name, M, K, a), matrix(name, K, N, b));
        }
      }
    }
  });

  test('every pair of layouts, padding between rows of C, all factors', () => {
    for (const a of LAYOUTS) {
      for (const b of LAYOUTS) {
        for (const [M, N, K] of [
          [1, 13, 9],
          [1, 70, 5],
          [3, 6, 40],
          [6, 1, 11],
          [8, 35, 37],
          [13, 10, 21],
          [40, 51, 33],
        ]) {
          for (const factors of FACTORS) {
            const rsC = N + 3;
            const C = numbers(name, M * rsC);
            const options = { ...factors, C, rsC };
            const [A, B] = [matrix(name, M, K, a), matrix(name, K, N, b)];
            check(name, M, N, K, A, B, options);
            const result = multiply(name, M, N, K, A, B, options);
            for (let i = 0; i < M; i++) {
              expectSame(result.slice(i * rsC + N, (i + 1) * rsC), C.slice(i * rsC + N, (i + 1) * rsC));
            }
          }
        }
      }
    }
  });

  test.each(TRANSPOSES)('sizes around the blocks, A %s, B %s', (a, b) => {
    for (const [M, N, K] of [
      [129, 40, 385],
      [5, 517, 40],
      [37, 261, 300],
      [131, 9, 770],
      [3, 300, 400],
      [1, 530, 800],
    ]) {
      for (const factors of FACTORS) {
        const C = numbers(name, M * N);
        check(name, M, N, K, matrix(name, M, K, a), matrix(name, K, N, b), { ...factors, C });
      }
    }
  });

  test('random sizes and layouts', () => {
    const size = fc.integer({ min: 1, max: 90 });
    const layout = fc.constantFrom(...LAYOUTS);
    const factor = fc.constantFrom(1, 0, 0.5, -0.1, -1, 3);
    fc.assert(
      fc.property(size, size, size, layout, layout, factor, factor, (M, N, K, a, b, alpha, beta) => {
        const C = numbers(name, M * N);
        check(name, M, N, K, matrix(name, M, K, a), matrix(name, K, N, b), { alpha, beta, C });
      }),
      { numRuns: 150, seed: 6 },
    );
  });

  test.runIf(name === 'f32' || name === 'f64')('sums run over k in order, each step rounded', () => {
    const round = (value: number): number => rounded(name, value);
    const [alpha, beta] = [-0.1, 0.3].map(round);
    for (const [M, N, K] of [
      [6, 13, 250],
      [1, 21, 250],
      [9, 1, 250],
    ]) {
      const [A, B] = [matrix(name, M, K, 'rows'), matrix(name, K, N, 'transposed')];
      const C = numbers(name, M * N);
      const expected = C.slice();
      const scaled = C.slice();
      for (let i = 0; i < M; i++) {
        for (let j = 0; j < N; j++) {
          let sum = 0;
          for (let k = 0; k < K; k++) sum = round(sum + round(at(A, i, k) * at(B, k, j)));
          expected[i * N + j] = sum;
          scaled[i * N + j] = round(beta * C[i * N + j]) + round(alpha * sum);
        }
      }
      expectSame(multiply(name, M, N, K, A, B), expected);
      expectSame(multiply(name, M, N, K, A, B, { C, alpha, beta }), scaled);
    }
  });

  test('a sum of no products is zero, and leaves the old C', () => {
    const [A, B] = [matrix(name, 3, 0, 'rows'), matrix(name, 0, 5, 'rows')];
    const C = numbers(name, 3 * 7);
    const zeros = multiply(name, 3, 5, 0, A, B, { C, rsC: 7 });
    const expected = C.map((value, i) => (i % 7 < 5 ? 0 : value));
    expect(zeros).toEqual(expected);
    expect(multiply(name, 3, 5, 0, A, B, { C, rsC: 7, beta: 1 })).toEqual(C);
    const halves = C.map((value, i) => (i % 7 < 5 ? value / 2 : value));
    expect(multiply(name, 3, 5, 0, A, B, { C, rsC: 7, alpha: 3, beta: 0.5 })).toEqual(halves);
  });

  test('what C held before does not get through where beta is 0', () => {
    for (const [M, N, K] of [
      [1, 37, 5],
      [19, 1, 5],
      [2, 3, 4],
      [5, 10, 40],
      [3, 50, 800],
      [33, 43, 0],
    ]) {
      for (const [a, b] of TRANSPOSES) {
        for (const beta of [0, -0]) {
          for (const garbage of [Number.NaN, Number.POSITIVE_INFINITY]) {
            const C = numbers(name, M * N).fill(garbage) as Numbers;
            check(name, M, N, K, matrix(name, M, K, a), matrix(name, K, N, b), { alpha: 0.5, beta, C });
          }
        }
      }
    }
  });

  test('NaN and infinity spread to the elements that they belong to, and to no others', () => {
    for (const [M, N, K] of [
      [1, 40, 9],
      [2, 3, 4],
      [5, 10, 40],
      [9, 1, 6],
      [33, 43, 65],
    ]) {
      for (const [a, b] of TRANSPOSES) {
        const [A, B] = [matrix(name, M, K, a), matrix(name, K, N, b)];
        const [row, k, column] = [M - 1, K >> 1, N >> 1];
        // 0 * inf in every column of one row; NaN in one column
        A.data[row * A.row + k * A.column] = Number.POSITIVE_INFINITY;
        for (let j = 0; j < N; j++) B.data[k * B.row + j * B.column] = 0;
        B.data[column * B.column] = Number.NaN;
        const C = multiply(name, M, N, K, A, B);
        for (let i = 0; i < M; i++) {
          for (let j = 0; j < N; j++) {
            if (Number.isNaN(C[i * N + j]) !== (i === row || j === column))
              expect.fail(`${M} x ${N} x ${K}: ${i}, ${j}`);
          }
        }
      }
    }
  });

  describe('an element does not depend on what is computed with it', () => {
    const [M, N, K] = [27, 45, isSingle(name) ? 520 : 270];
    const parts = [
      [0, 1, 0, 45],
      [26, 1, 7, 1],
      [3, 2, 40, 5],
      [0, 27, 44, 1],
      [5, 9, 3, 10],
      [1, 4, 8, 32],
      [11, 8, 0, 45],
    ];
    for (const depth of [2, 7, 40, K]) {
      for (const factors of FACTORS) {
        test.each(TRANSPOSES)(`K = ${depth}, ${JSON.stringify(factors)}, A %s, B %s`, (a, b) => {
          const [A, B] = [matrix(name, M, depth, a), matrix(name, depth, N, b)];
          const C = numbers(name, M * N);
          const whole = multiply(name, M, N, depth, A, B, { C, ...factors });
          const expectPart = (i: number, rows: number, j: number, columns: number, X: Matrix, Y: Matrix) => {
            const old = C.slice(i * N + j, (i + rows - 1) * N + j + columns);
            const part = multiply(name, rows, columns, depth, X, Y, { C: old, rsC: N, ...factors });
            for (let r = 0; r < rows; r++) {
              const start = (i + r) * N + j;
              expectSame(part.slice(r * N, r * N + columns), whole.slice(start, start + columns));
            }
          };
          for (const [i, rows, j, columns] of parts)
            expectPart(i, rows, j, columns, from(A, i, 0), from(B, 0, j));
          // Every split into two panels of rows, and every column alone
          for (let i = 1; i < M; i++) {
            expectPart(0, i, 0, N, A, B);
            expectPart(i, M - i, 0, N, from(A, i, 0), B);
          }
          for (let j = 0; j < N; j++) expectPart(0, M, j, 1, A, from(B, 0, j));
        });
      }
    }

    test('nor on the layout of the operands', () => {
      for (const [m, n, k] of [
        [1, 45, 520],
        [5, 45, 520],
        [27, 1, 33],
        [27, 10, 520],
        [4, 4, 4],
        [3, 5, 1],
      ]) {
        const [A, B] = [matrix(name, m, k, 'rows'), matrix(name, k, n, 'rows')];
        const expected = multiply(name, m, n, k, A, B);
        for (const a of LAYOUTS.slice(0, 4)) {
          for (const b of LAYOUTS.slice(0, 4)) {
            expectSame(multiply(name, m, n, k, relaid(name, A, m, k, a), relaid(name, B, k, n, b)), expected);
          }
        }
      }
    });
  });
});

test('addresses beyond 2 GiB are unsigned', () => {
  const high = new WebAssembly.Memory({ initial: 2 ** 15 + 64 });
  const { gemm_f32 } = instantiate(high, false);
  const [M, N, K] = [9, 19, 40];
  const [a, b, c, scratch] = [0, 1, 2, 3].map((k) => 2 ** 31 - 2048 + k * 2 ** 16);
  const operands = new Float32Array(high.buffer, a, M * K).fill(2);
  new Float32Array(high.buffer, b, K * N).fill(3);
  for (const [rowA, columnA] of [
    [K, 1],
    [1, M],
  ]) {
    for (const [rowB, columnB] of [
      [N, 1],
      [1, K],
    ]) {
      gemm_f32(M, N, K, a, rowA, columnA, b, rowB, columnB, c, N, scratch, 1, 0);
      expect(new Float32Array(high.buffer, c, M * N)).toEqual(new Float32Array(M * N).fill(6 * K));
    }
  }
  expect(operands[0]).toBe(2);
});
