import { expect, test } from 'vitest';
import {
  add,
  countApplications,
  expectClose,
  getInputs,
  getOperation,
  gradients,
  leaf,
  mul,
  numberOf,
  sigmoid,
  square,
  sub,
} from './support.ts';

test("E7: C = (sigmoid(w x + b) - y)^2 / 2 has dC/dz = (a - y) sigmoid'(z), which dC/dw and dC/db share", () => {
  const [xAt, wAt, bAt, yAt] = [1.5, -0.4, 0.3, 1];
  const [x, w, b, y] = [leaf(xAt), leaf(wAt), leaf(bAt), leaf(yAt)];
  const z = add(mul(w, x), b);
  const C = mul(0.5, square(sub(sigmoid(z), y)));
  const [dz, dw, db] = gradients(C, [z, w, b]);

  const a = 1 / (1 + Math.exp(-(wAt * xAt + bAt)));
  const shared = (a - yAt) * a * (1 - a);
  expectClose(numberOf(dz), shared);
  expectClose(numberOf(dw), xAt * shared);
  expectClose(numberOf(db), shared);

  // One variable holds the shared term: dC/db is it, and dC/dw is one product away.
  expect(db).toBe(dz);
  expect(getOperation(dw)?.operation.name).toBe('mul');
  expect(getInputs(dw)).toEqual([dz, x]);
  expect(countApplications([dz, dw, db])).toBe(countApplications([dz]) + 1);
});
