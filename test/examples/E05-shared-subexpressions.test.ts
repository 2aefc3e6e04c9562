import { expect, test } from 'vitest';
import { cos, countApplications, expectClose, gradients, leaf, mul, numberOf, sin } from './support.ts';

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
