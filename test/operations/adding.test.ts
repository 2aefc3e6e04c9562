/** A new operation is one declaration: from it alone come its types, derivatives, kernels, samples and tests. */
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { input } from '../../src/graph/index.ts';
import { abs, div, square, sub } from '../../src/operations/arithmetic.ts';
import { sum } from '../../src/operations/broadcasting.ts';
import { mul, unary } from '../../src/operations/elementwise.ts';
import { stopGradient } from '../../src/operations/identity.ts';
import { real } from '../../src/operations/index.ts';
import { checkOperation } from '../support/checkOperation.ts';
import { derivativeErrors } from '../support/derivatives.ts';

const softsign = unary('softsign', {
  doc: "A sigmoid without exponentials: y = x / (1 + |x|), y' = (1 - |y|)^2.",
  formula: (k, x) => k.div(x, k.add(k.literal(1), k.abs(x))),
  partials: [({ y }) => square(sub(1, abs(y)))],
  samples: real(-3, 3, { avoid: [0] }),
  special: [0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-40, 3e38],
});

describe('an operation declared outside the library', () => {
  checkOperation('softsign', softsign);

  test('is differentiated like any other', () => {
    const x = input([3], { dtype: 'float64' });
    const [dx] = gradients(sum(softsign(x)), [x]);
    expect(dx.type).toBe('float64[3]');
  });
});

describe('the generated checks', () => {
  test('notice a wrong first derivative', () => {
    const wrong = unary('wrong', {
      doc: 'y = x^2, with a partial that lacks its factor.',
      formula: (k, x) => k.mul(x, x),
      partials: [({ x }) => x],
      samples: real(1, 2),
    });
    expect(derivativeErrors(wrong.declaration.samples[0], 1)!.first).toBeGreaterThan(0.1);
  });

  test('notice a partial that is right in value and cannot be differentiated', () => {
    const wrong = unary('wrong', {
      doc: 'y = x^3, with a partial whose own derivative is lost in a constant.',
      formula: (k, x) => k.mul(x, k.mul(x, x)),
      partials: [({ x }) => mul(3, mul(stopGradient(x), x))],
      samples: real(1, 2),
    });
    const errors = derivativeErrors(wrong.declaration.samples[0], 1)!;
    expect(errors.first).toBeLessThan(1e-9);
    expect(errors.second).toBeGreaterThan(0.1);
  });

  test('notice a Hessian that is not symmetric', () => {
    const skew = unary('skew', {
      doc: 'Not the gradient of anything: each element is scaled by the sum of all.',
      formula: (k, x) => k.mul(x, x),
      partials: [({ x }) => mul(x, div(sum(mul(x, [1, 2, 3])), 3))],
      samples: real(1, 2),
    });
    const [sample] = skew.declaration.samples;
    const vector = { ...sample, inputs: [{ shape: [3], domain: real(1, 2) }] };
    expect(derivativeErrors(vector, 1)!.asymmetry).toBeGreaterThan(0.01);
  });
});
