/** A new operation is one declaration: from it alone come its types, derivatives, kernels, samples and tests. */
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { input } from '../../src/graph/index.ts';
import { abs, square, sub } from '../../src/operations/arithmetic.ts';
import { sum } from '../../src/operations/broadcasting.ts';
import { unary } from '../../src/operations/elementwise.ts';
import { real } from '../../src/operations/index.ts';
import { checkOperation } from '../support/checkOperation.ts';

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
