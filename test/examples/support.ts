/** What these tests share: the library under one name, and arithmetic independent of it to compare with. */
import { expect } from 'vitest';
import type { Nested } from '../../src/graph/index.ts';
import {
  ancestors,
  evaluate,
  type Feeds,
  type Parameter,
  parameter,
  type TensorData,
  tensor,
  type Variable,
} from '../../src/index.ts';
import { uniform } from '../support/random.ts';

export * from '../../src/graph/index.ts';
export * from '../../src/index.ts';

/** The numbers of a variable as nested arrays. */
export function valueOf(variable: Variable, feeds?: Feeds): Nested {
  return evaluate(variable, feeds).toArray();
}

/** The number that a scalar variable has. */
export function numberOf(variable: Variable, feeds?: Feeds): number {
  return evaluate(variable, feeds).item();
}

/** A float64 leaf with these numbers. */
export function leaf(data: TensorData): Parameter {
  return parameter(tensor(data, { dtype: 'float64' }));
}

/** How many applications compute `outputs`; of one operation, if its name is given. */
export function countApplications(outputs: readonly Variable[], name?: string): number {
  const { applications } = ancestors(outputs);
  return applications.filter(({ operation }) => name === undefined || operation.name === name).length;
}

/** Central differences of a scalar function of plain numbers. */
export function differences(f: (x: number[]) => number, at: readonly number[], step = 1e-6): number[] {
  return at.map((_, i) => {
    const moved = (by: number): number => f(at.map((value, k) => (k === i ? value + by : value)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

/** All numbers of nested arrays, in order. */
export function flatten(data: Nested): number[] {
  return Array.isArray(data) ? (data as Nested[]).flatMap(flatten) : [Number(data)];
}

/** Expects the same numbers, up to `tolerance` relative to the larger of 1 and the expected number. */
export function expectClose(actual: Nested, expected: Nested, tolerance = 1e-12): void {
  const a = flatten(actual);
  const b = flatten(expected);
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => {
    const error = Math.abs(value - b[i]) / Math.max(1, Math.abs(b[i]));
    expect(error, `element ${i}: ${value} against ${b[i]}`).toBeLessThanOrEqual(tolerance);
  });
}

/** A matrix of plain numbers, for closed forms. */
export type Matrix = number[][];

/** The matrix whose element (i, j) is `element(i, j)`. */
export function matrix(rows: number, columns: number, element: (i: number, j: number) => number): Matrix {
  return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => element(i, j)));
}

/** Matrix product of plain numbers. */
export function times(a: Matrix, b: Matrix): Matrix {
  return matrix(a.length, b[0].length, (i, j) => a[i].reduce((total, each, k) => total + each * b[k][j], 0));
}

export function transposed(a: Matrix): Matrix {
  return matrix(a[0].length, a.length, (i, j) => a[j][i]);
}

/** A function that makes matrices of uniform numbers in [-1, 1), the same ones on every run. */
export function randomMatrices(seed: number): (rows: number, columns: number) => Matrix {
  const random = uniform(seed);
  return (rows, columns) => matrix(rows, columns, () => 2 * random() - 1);
}
