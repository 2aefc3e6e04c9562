import { expect, test } from 'vitest';
import {
  countApplications,
  getInputs,
  getOperation,
  gradients,
  leaf,
  mul,
  numberOf,
  withRewriting,
} from './support.ts';

test('E9: mul(x, x) takes its inputs as distinct: bprop gives two equal terms, and their sum is 2x', () => {
  const x = leaf(3);
  const z = mul(x, x);
  const application = getOperation(z);
  if (application === undefined) throw new Error('z is a product');
  const { operation, inputs, outputs, attributes } = application;
  const g = leaf(10);
  const terms = [0, 1].map((index) =>
    operation.bprop({ inputs, outputs, attributes, index, g, gradients: [g] }),
  );
  expect(terms.map((term) => numberOf(term as typeof z))).toEqual([30, 30]);

  const [sumOfTerms] = withRewriting('none', () => gradients(z, [x]));
  expect(getOperation(sumOfTerms)?.operation.name).toBe('add');
  expect(getInputs(sumOfTerms)).toEqual([x, x]);
  expect(numberOf(sumOfTerms)).toBe(6);

  const [dx] = gradients(z, [x]);
  expect(getOperation(dx)?.operation.name).toBe('mul');
  expect(countApplications([dx])).toBe(1);
  expect(numberOf(dx)).toBe(6);
});
