/** The programs of `examples/`: they run, and what they print is right. */
import { describe, expect, test } from 'vitest';
import { main as memoryBudget } from '../../examples/memory-budget.ts';
import { main as newton } from '../../examples/newton.ts';
import { main as realTimeLearning } from '../../examples/rtrl.ts';
import {
  minus,
  plus,
  product,
  ScalarGraph,
  main as scalarBackprop,
  sine,
  squared,
} from '../../examples/scalar-backprop.ts';
import { main as workedMlp } from '../../examples/worked-mlp.ts';
import { main as xor } from '../../examples/xor.ts';
import { add, expectClose, gradients, leaf, mul, numberOf, sin, square, sub } from './support.ts';

/** Runs a program; gives what it returned and what it printed. */
function run<T>(main: (print: (line: string) => void) => T): { result: T; lines: string[] } {
  const lines: string[] = [];
  return { result: main((line) => lines.push(line)), lines };
}

describe('scalar-backprop.ts', () => {
  test('finds the derivatives of its example', () => {
    const { result, lines } = run(scalarBackprop);
    expect(result).toEqual({ x: 40, w: 8, b: 8, y: -8, u: 8, yhat: 8, e: 8, J: 1 });
    expect(lines).toHaveLength(8);
    expect(lines[7]).toBe('J    = 16    dJ/dJ    = 1');
  });

  test('agrees with the library on a graph with shared nodes', () => {
    const at = [0.7, -1.3, 2.1];
    const graph = new ScalarGraph();
    const inputs = at.map(() => graph.input());
    const [a, b, c] = inputs;
    const p = graph.add(product, a, b);
    const q = graph.add(sine, graph.add(plus, p, c));
    const r = graph.add(minus, graph.add(squared, q), graph.add(product, p, q));
    const values = graph.forward(at);
    const table = graph.backward(values, r);

    const leaves = at.map((value) => leaf(value));
    const [x, y, z] = leaves;
    const P = mul(x, y);
    const Q = sin(add(P, z));
    const R = sub(square(Q), mul(P, Q));
    expectClose(numberOf(R), values[r], 1e-15);
    const found = gradients(R, [...leaves, P, Q]).map((each) => numberOf(each));
    expectClose(
      found,
      [...inputs, p, q].map((node) => table[node]),
      1e-14,
    );
  });

  test('visits each edge once: a ladder of 2^60 paths', () => {
    const graph = new ScalarGraph();
    const bottom = graph.input();
    let top = bottom;
    for (let i = 0; i < 60; i++) top = graph.add(plus, top, top);
    expect(graph.backward(graph.forward([1]))[bottom]).toBe(2 ** 60);
  });
});

test('worked-mlp.ts: the formulas and the library agree to the last digits', () => {
  const { result, lines } = run(workedMlp);
  expect(result.W1).toBeLessThan(1e-16);
  expect(result.W2).toBeLessThan(1e-16);
  expect(lines[0]).toMatch(/^J {6}= 0\.\d+$/);
  expect(lines.at(-1)).toMatch(/return %\d+$/);
});

test('xor.ts: the line stays at 0.25, the hidden layer learns the table', () => {
  const { result, lines } = run(xor);
  expectClose(result.linear.loss, 0.25, 1e-6);
  for (const answer of result.linear.answers) expect(Math.abs(answer - 0.5)).toBeLessThan(1e-3);
  expect(result.hidden.loss).toBeLessThan(1e-3);
  expect(result.hidden.answers.map(Math.round)).toEqual([0, 1, 1, 0]);
  expect(lines).toHaveLength(2);
});

test('newton.ts: reaches the bottom of the valley, faster than gradients alone', () => {
  const { result, lines } = run(newton);
  expect(result.error).toBeLessThan(1e-12);
  expect(result.iterations.newtonCG).toBeLessThan(result.iterations.lbfgs);
  // 2 J^T J of the residuals 10 (x_{i+1} - x_i^2) and 1 - x_i at the minimum.
  const [low, high] = result.eigenvalues;
  expectClose(low, 0.5, 0.1);
  expect(high).toBeGreaterThan(1002);
  expect(high).toBeLessThan(1002 + 2 * 400);
  expect(lines.at(-3)).toMatch(/^newtonCG: converged after \d+ iterations/);
  expect(lines.at(-2)).toMatch(/^lbfgs: {4}converged/);
  expect(lines.length).toBeLessThan(30);
});

test('rtrl.ts: both ways give one gradient, and a network learns while it runs', () => {
  const { result, lines } = run(realTimeLearning);
  expect(result.difference).toBeLessThan(1e-10);
  expect(result.last).toBeLessThan(result.first / 30);
  expect(lines).toHaveLength(3);
});

test('memory-budget.ts: every plan fits, and costs more the less memory it has', () => {
  const parts = [0.6, 0.4, 0.2];
  const size = { layers: 60, batch: 64, units: 16 };
  const { result, lines } = run((print) => memoryBudget(print, size, parts));
  const [everything, ...plans] = result;
  expect(everything.operations).toBe(1);
  let before = everything;
  for (const [i, plan] of plans.entries()) {
    expect(plan.bytes).toBeLessThanOrEqual(everything.bytes * parts[i]);
    expect(plan.operations).toBeGreaterThan(before.operations);
    before = plan;
  }
  expect(lines).toHaveLength(6);
});
