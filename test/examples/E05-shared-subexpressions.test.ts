import { expect, test } from 'vitest';
import { compileGraph } from '../../src/compile/compile.ts';
import {
  checkpoint,
  cos,
  countApplications,
  evaluate,
  expectClose,
  gradients,
  input,
  leaf,
  mul,
  numberOf,
  operationCount,
  planGradients,
  sin,
  sum,
  tensor,
  type Variable,
} from './support.ts';

test('E5: the derivative of z = f(f(f(w))) holds f(w) once (eq. 6.52)', () => {
  const w = leaf(0.7);
  const z = sin(sin(sin(w)));
  const [dw] = gradients(z, [w]);

  // f'(f(f(w))) f'(f(w)) f'(w): three derivatives; f(w) and f(f(w)), which all of them share; f(f(f(w))) not at all.
  expect(countApplications([dw], 'cos')).toBe(3);
  expect(countApplications([dw], 'sin')).toBe(2);
  expect(countApplications([z, dw], 'sin')).toBe(3);

  const first = Math.sin(0.7);
  const second = Math.sin(first);
  expectClose(numberOf(dw), Math.cos(second) * Math.cos(first) * Math.cos(0.7));
});

test('E5: computing f(w) anew wherever it is needed gives the same number (eq. 6.53)', () => {
  const w = leaf(0.7);
  const [stored] = gradients(sin(sin(sin(w))), [w]);
  const recomputed = mul(mul(cos(sin(sin(w))), cos(sin(w))), cos(w));
  expect(countApplications([recomputed], 'sin')).toBe(3);
  expectClose(numberOf(recomputed), numberOf(stored), 1e-15);
});

/** f applied so many times; each application is a matrix product and a sine, so that its result has memory of its own. */
const SIZE = 32;
const weights = leaf(
  Array.from({ length: SIZE }, (_, i) => Array.from({ length: SIZE }, (__, k) => Math.sin(i * SIZE + k) / 4)),
);
const repeat =
  (times: number) =>
  (w: Variable): Variable => {
    let y = w;
    for (let i = 0; i < times; i++) y = sin(y.matmul(weights));
    return y;
  };

test('E5: what is recomputed in the backward pass gives the same numbers in less memory (eq. 6.53)', () => {
  const w = input([SIZE, SIZE], { dtype: 'float64' });
  const stored = sum(repeat(30)(w));
  let y: Variable = w;
  for (let i = 0; i < 30; i += 5) y = checkpoint(repeat(5))(y);
  const recomputed = sum(y);

  const programOf = (z: Variable, dw: Variable) => compileGraph({ outputs: [z, dw], inputs: [w] }).program;
  const [first] = gradients(stored, [w]);
  const [second] = gradients(recomputed, [w]);
  const planned = planGradients(stored, [w], { memoryBudget: 12 * SIZE * SIZE * 8 });
  const [third] = planned.gradients;

  const bytes = [first, second, third].map((dw) => programOf(stored, dw).arenaBytes);
  expect(bytes[0]).toBeGreaterThan(30 * SIZE * SIZE * 8);
  expect(bytes[1]).toBeLessThan(0.5 * bytes[0]);
  expect(bytes[2]).toBe(planned.report.peakBytes);
  expect(bytes[2]).toBeLessThanOrEqual(12 * SIZE * SIZE * 8);
  // One product and one sine forward, one product back: f twice instead of once is at most half as much again.
  expect(countApplications([stored, first], 'sin')).toBe(30);
  expect(operationCount([stored, third])).toBeLessThan(1.5 * operationCount([stored, first]));

  const numbers = Array.from({ length: SIZE }, (_, i) =>
    Array.from({ length: SIZE }, (__, k) => Math.cos(i - k)),
  );
  const feeds = new Map([[w, tensor(numbers, { dtype: 'float64' })]]);
  const [a, b, c] = evaluate([first, second, third], feeds);
  expect(b.toArray()).toEqual(a.toArray());
  expect(c.toArray()).toEqual(a.toArray());
});
